# libresnet. `make` builds, `make help` lists what else there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := build
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# Swift's toolchain has the clang that compiles the kernels; it need not be in PATH itself.
SWIFT := $(realpath $(shell command -v swift))
ifneq ($(SWIFT),)
export PATH := $(PATH):$(dir $(SWIFT))
endif

VERSION := $(shell sed -nE 's/^\#define RN_VERSION_(MAJOR|MINOR|PATCH) //p' include/resnet.h | paste -sd.)

CC ?= cc
CXX ?= c++
CFLAGS := -std=c11 -O2 -Wall -Wextra -Werror
# Products and tests are built with different flags, so each has a folder of its own.
PRODUCTS := .build/release
# Swift's standard library is linked in, less what nobody calls (Tools/unretain.swift); so are the
# library's own functions, which are a section each for that; and the C++ library, so that what the Swift
# runtime allocates through it comes through Sources/CReserve, too. What counts in speed is C: Swift may be
# small.
RUNTIME := build/runtime/libswiftCore.a build/runtime/libswiftGlibc.a
STDCXX = $(shell $(dir $(SWIFT))clang -print-file-name=libstdc++.a)
SWIFT_BUILD = swift build -c release --static-swift-stdlib --disable-local-rpath \
	-Xswiftc -use-ld=lld \
	$(foreach archive,$(RUNTIME),-Xlinker '--remap-inputs=*/$(notdir $(archive))=$(CURDIR)/$(archive)') \
	-Xlinker '--remap-inputs=*/libstdc++.so=$(STDCXX)' \
	-Xswiftc -Osize -Xswiftc -Xllvm -Xswiftc -sil-disable-pass=closure-specialize \
	-Xswiftc -Xfrontend -Xswiftc -function-sections \
	-Xswiftc -Xfrontend -Xswiftc -internalize-at-link
SWIFT_TEST := -c release --scratch-path .build/testing \
	-Xswiftc -enable-testing -Xswiftc -warnings-as-errors
VENV := build/venv
PYTHON := $(VENV)/bin/python

.PHONY: help
help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# ---- Build ---------------------------------------------------------------------------------------

.PHONY: build
build: library command manual completions  ## build/libresnet.so, build/resnet, its manual page and shell completions (default)

.PHONY: library command manual completions
library: $(RUNTIME)
	@$(SWIFT_BUILD) --product ResNetShared
	@$(MAKE) -s build/libresnet.so
command: $(RUNTIME)
	@$(SWIFT_BUILD) --product resnet-cli
	@$(MAKE) -s build/resnet
manual: command
	@$(MAKE) -s build/resnet.1
completions: command
	@$(MAKE) -s $(COMPLETIONS)

build/libresnet.so: build/libresnet.so.1
	@ln -sf $(<F) $@ && touch -h $@
build/libresnet.so.1: $(PRODUCTS)/libResNetShared.so
	@mkdir -p build && strip --strip-unneeded -o $@ $<
build/resnet: $(PRODUCTS)/resnet-cli
	@mkdir -p build && strip -o $@ $<

# By the argument parser's own tool, from what the command says of itself.
MANUAL_TOOL := --package-path .build/checkouts/swift-argument-parser --scratch-path .build/manual
build/resnet.1: build/resnet Tools/describe_command.py Tools/manual.awk CHANGELOG.md
	@swift build $(MANUAL_TOOL) --product generate-manual
	@"$$(swift build $(MANUAL_TOOL) --show-bin-path)/generate-manual" Tools/describe_command.py \
	  --date "$$(date -u -r CHANGELOG.md +%F)" --output-directory - | awk -f Tools/manual.awk >$@

# Each under the name by which its shell looks for it.
build/completions/%: build/resnet
	@mkdir -p $(@D) && build/resnet --generate-completion-script $(SHELL_OF_$*) | sed '1{/^#!/d}' >$@
SHELL_OF_resnet := bash
SHELL_OF__resnet := zsh
SHELL_OF_resnet.fish := fish

STATIC_SWIFT := $(dir $(SWIFT))../lib/swift_static/linux
# Without tables to unwind it, half a megabyte: it has frame pointers, and nothing is thrown through it.
# And the 64 KB of zeros in which the runtime notes how to make backtraces need not be in a file.
build/runtime/libswiftCore.a: $(STATIC_SWIFT)/libswiftCore.a build/runtime/unretain Makefile
	@cd $(@D) && ar x $< Swift.o Backtrace.cpp.o && ./unretain Swift.o Swift.o && \
	  objcopy --remove-section .eh_frame --remove-section .rela.eh_frame Swift.o && \
	  objcopy --rename-section swift5_backtrace=.bss.swift5_backtrace,alloc Backtrace.cpp.o && cp $< . && \
	  ar r $(@F) Swift.o Backtrace.cpp.o
# Of this one nobody calls what would need a newer C library.
build/runtime/libswiftGlibc.a: $(STATIC_SWIFT)/libswiftGlibc.a build/runtime/unretain Makefile
	@cd $(@D) && ar x $< Glibc.o && ./unretain Glibc.o Glibc.o && cp $< . && ar r $(@F) Glibc.o
build/runtime/unretain: Tools/unretain.swift
	@mkdir -p $(@D) && swiftc -O -swift-version 6 -warnings-as-errors $< -o $@

# ---- What building and testing need --------------------------------------------------------------

.PHONY: deps
deps: packages $(VENV)/ready  ## install missing Debian packages, make the Python environment

.PHONY: packages
packages:
	@.ci/deps

$(VENV)/ready: .ci/requirements.txt bindings/python/pyproject.toml | packages
	@echo "making the Python environment $(VENV)"
	@python3 -m venv --clear $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check \
		--requirement .ci/requirements.txt --editable bindings/python
	@touch $@

# ---- Install, package ----------------------------------------------------------------------------

include packaging/install.mk

# ---- Test ----------------------------------------------------------------------------------------

# The Swift tests take minutes to build, on one core for much of that time: what needs them not is tested
# meanwhile. The runners come last, so that a run ends with their counts.
MEANWHILE := test-abi test-c test-misuse test-mpi test-install test-deb test-wheel test-dependent test-paper
.PHONY: test
test: deps lint build mpi docs  ## everything
	@log=$$(mktemp); $(MAKE) --no-print-directory build-tests >$$log 2>&1 & \
	$(MAKE) --no-print-directory $(MEANWHILE); others=$$?; \
	wait $$!; built=$$?; cat $$log; rm $$log; exit $$((others + built))
	@$(MAKE) --no-print-directory test-swift test-python

# The ranks of MPI, where there is one to compile against: it is no part of the rest.
MPI_FOLDER = build
.PHONY: mpi
mpi: $(MPI_FOLDER)/libresnet-mpi.so  ## build/libresnet-mpi.so: training on the ranks of MPI, by mpicc
$(MPI_FOLDER)/libresnet-mpi.so.1: bindings/mpi/resnet_mpi.c bindings/mpi/resnet_mpi.h include/resnet.h
	@mkdir -p $(@D)
	mpicc $(CFLAGS) -fPIC -shared -fvisibility=hidden -Iinclude -Wl,-soname,$(@F) -o $@ $< -lpthread
$(MPI_FOLDER)/libresnet-mpi.so: $(MPI_FOLDER)/libresnet-mpi.so.1
	@ln -sf $(<F) $@ && touch -h $@

.PHONY: test-mpi
test-mpi: library command $(VENV)/ready  ## training on 2 and 4 ranks of Open MPI and of MPICH
	Tests/mpi/run.sh $(PYTHON)

.PHONY: test-abi abi
test-abi:  ## the header's ABI is the committed one
	Tests/abi/run.sh
abi:  ## renew the committed ABI, after additions or with a new major version
	Tests/abi/run.sh renew

# Both take seconds; the Swift reference is of the library's modules as they are built.
.PHONY: docs
docs: library  ## build/docs: the reference of the C API and of the Swift API
	@mkdir -p build/docs && rm -rf build/docs/c
	VERSION=$(VERSION) doxygen docs/reference/Doxyfile
	docs/reference/swift.sh $(PRODUCTS) build/docs/swift $(VERSION)

.PHONY: test-install
test-install: build  ## install; programs by pkg-config, CMake and dlopen; uninstall
	Tests/install/run.sh

# The wheel is for older systems than the rest: their loaders do not know packed relative relocations.
.PHONY: wheel test-wheel
wheel: $(RUNTIME) $(VENV)/ready  ## build/wheel: a wheel of the Python package with all libraries inside
	@$(SWIFT_BUILD) -Xlinker -z -Xlinker nopack-relative-relocs --product ResNetShared
	packaging/wheel.sh $(PRODUCTS)/libResNetShared.so build/wheel $(PYTHON)
test-wheel: wheel  ## the wheel, in an environment without anything else
	Tests/wheel/run.sh build/wheel/*.whl

.PHONY: test-deb
test-deb: deb  ## the Debian packages: what is in them, installed and removed in a folder
	Tests/deb/run.sh build/deb

.PHONY: test-c
test-c: library  ## the C ABI: exported symbols, C programs, valgrind
	Tests/c/run.sh

.PHONY: test-misuse
test-misuse: library $(VENV)/ready  ## every function of the C API with everything that is wrong
	Tests/misuse/run.sh

.PHONY: test-dependent
test-dependent: build $(VENV)/ready  ## the README's programs; a package that depends on this one
	Tests/dependent/run.sh

.PHONY: test-paper
test-paper: command $(VENV)/ready  ## the commands of docs/PAPER.md print what it says
	PATH='$(CURDIR)/build':"$$PATH" $(PYTHON) Tests/paper/check.py

# On the best instruction set everything runs, on the others what computes with the engine. (The
# kernels' own tests run each instruction set's by themselves.)
ENGINE_TESTS := ResNetTests\.(Inference|Feature|Response|View|Gradient|Determinism|TrainingStep)
RUN_SWIFT_TESTS := swift test --skip-build --disable-xctest $(SWIFT_TEST)
.PHONY: build-tests test-swift
build-tests:
	swift build --build-tests $(SWIFT_TEST)
test-swift: build-tests  ## the Swift tests; those of the engine on every instruction set
	for isa in $$(.ci/lesser-isas); do \
	  echo "RESNET_ISA=$$isa"; \
	  RESNET_ISA=$$isa $(RUN_SWIFT_TESTS) --filter '$(ENGINE_TESTS)'; \
	done
	$(RUN_SWIFT_TESTS)

.PHONY: test-python
test-python: build mpi $(VENV)/ready  ## the Python package; the command; the guide's pages
	$(PYTHON) -m pytest -q -n auto --dist loadfile bindings/python Tests/command Tests/guide

# Generated and vendored code is in folders that begin with a point or are called build.
C_SOURCES = $(shell find include Sources Tests Examples Benchmarks bindings/mpi -name '.?*' -prune -o \
	-name '*.[ch]' -print -o -name '*.[ch]pp' -print -o -name '*.inc' -print)
PYTHON_SOURCES := bindings/python Benchmarks Examples Tests/command Tests/exchange Tests/fuzz Tests/guide Tests/hdf5 \
	Tests/misuse Tests/mpi Tests/paper Tests/wheel Tools
PYTHON_CONFIG := bindings/python/pyproject.toml

.PHONY: lint
lint: deps  ## format and warnings, for Swift, C and Python
	swift format lint --strict --recursive --parallel \
	  Sources Tests Tools Examples Package.swift
	@# Swift 6.3 takes a closure in a macro's argument for the next one beside it.
	! grep -rnE '#(expect|require)\((try )?(failure|thrownError) ?\{' Tests --include='*.swift'
	@# It ends a forked child that takes it: there the thread goes by another number than its owner's.
	! grep -rnE '\bMutex[<(]' Sources --include='*.swift'
	@# It ends at the first match: what writes on is then ended by SIGPIPE, which pipefail takes for a failure.
	! grep -rnE '\| *grep +-[[:alnum:]]*q' Makefile .ci Tests packaging docs Examples bindings
	clang-format --style=file:.ci/clang-format --dry-run --Werror $(C_SOURCES)
	clang -fsyntax-only -std=c11 -Wall -Wextra -Werror \
	  -ISources/CKernels/include Sources/CKernels/*.c \
	  -ISources/CReserve/include Sources/CReserve/*.c
	clang -fsyntax-only -std=c11 -Wall -Wextra -Werror \
	  -ISources/CImages/include $$(pkg-config --cflags libjpeg libpng) Sources/CImages/*.c
	$(VENV)/bin/ruff check --quiet --config $(PYTHON_CONFIG) $(PYTHON_SOURCES)
	$(VENV)/bin/ruff format --quiet --check --config $(PYTHON_CONFIG) $(PYTHON_SOURCES)
	cd bindings/python && $(CURDIR)/$(VENV)/bin/mypy --strict
	cd bindings/python && $(CURDIR)/$(VENV)/bin/basedpyright --pythonpath $(CURDIR)/$(PYTHON)
	@# From elsewhere, as users see it: every public name has its whole type.
	cd build && PYTHONPATH='$(CURDIR)/bindings/python' $(CURDIR)/$(VENV)/bin/basedpyright \
	  --pythonpath $(CURDIR)/$(PYTHON) --ignoreexternal --verifytypes resnet

# ---- Show ----------------------------------------------------------------------------------------

EXAMPLE := -c release --package-path Examples/swift --scratch-path .build/example

.PHONY: demo
demo: deps build  ## train on real images, then run the saved model from C, C++, Swift and Python
	rm -rf build/demo
	$(PYTHON) Examples/demo/train.py build/demo
	$(CC) $(CFLAGS) -Iinclude Examples/c/classify.c -o build/demo/classify-c \
	  -Lbuild -lresnet -Wl,-rpath,'$(CURDIR)/build'
	$(CXX) -std=c++17 -O2 -Wall -Wextra -Werror -Iinclude Examples/cpp/classify.cpp \
	  -o build/demo/classify-cpp -Lbuild -lresnet -Wl,-rpath,'$(CURDIR)/build'
	swift build $(EXAMPLE)
	ln -sf "$$(swift build --show-bin-path $(EXAMPLE))/classify" build/demo/classify-swift
	Examples/demo/compare.sh build/demo $(PYTHON)

# ---- Measure -------------------------------------------------------------------------------------

# The engines that libresnet is compared with are large, and wanted by nothing else: they are kept
# outside the tree, for all its copies.
RESNET_BENCH_ENV ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/libresnet/bench
BENCH_OPTIONS = $(if $(ROWS),--rows '$(ROWS)') $(if $(ENGINES),--engines '$(ENGINES)') \
	$(if $(THREADS),--threads $(THREADS)) $(if $(REPS),--reps $(REPS))

BENCH_MODULE := PYTHONPATH=Benchmarks:bindings/python '$(RESNET_BENCH_ENV)/bin/python' -m

.PHONY: bench
bench: library build/bench/peak build/bench/start build/bench/start-onnxruntime  ## libresnet beside other engines: ROWS=GLOBS ENGINES=NAMES THREADS=N REPS=N
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Benchmarks/engines/requirements.txt
	@$(BENCH_MODULE) engines --out build/bench $(BENCH_OPTIONS)

.PHONY: bench-threads
bench-threads: library  ## libresnet on one thread and on several: ROWS THREADS REPS
	@mkdir -p build/bench
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Benchmarks/engines/requirements.txt
	@$(BENCH_MODULE) engines.scaling --out build/bench $(BENCH_OPTIONS)

.PHONY: bench-images
bench-images: library  ## reading JPEG files for training beside Pillow and torch, on one core: REPS
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Benchmarks/images/requirements.txt
	@$(BENCH_MODULE) images $(if $(REPS),--reps $(REPS))
.PHONY: bench-loading
bench-loading: library  ## training from JPEG files beside training from memory: REPS
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Benchmarks/images/requirements.txt
	@$(BENCH_MODULE) images.training $(if $(REPS),--reps $(REPS))

.PHONY: bench-ranks
bench-ranks: library mpi $(VENV)/ready  ## a training step on 2 ranks beside one alone: PRESET BATCH BUCKET
	@OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PYTHONPATH=Benchmarks:bindings/python \
	  mpirun --bind-to core -n 2 $(PYTHON) -m ranks $(if $(PRESET),--preset $(PRESET)) \
	  $(if $(BATCH),--batch $(BATCH)) $(if $(BUCKET),--bucket $(BUCKET))

build/bench/peak: $(wildcard Benchmarks/peak/*.[ch])
	@mkdir -p $(@D)
	clang $(CFLAGS) $(filter %.c,$^) -o $@ -lpthread
build/bench/start: Benchmarks/engines/start.c include/resnet.h build/libresnet.so
	@mkdir -p $(@D)
	clang $(CFLAGS) -Iinclude $< -o $@ -Lbuild -lresnet -Wl,-rpath,'$(CURDIR)/build'
build/bench/start-onnxruntime: Benchmarks/engines/start_onnxruntime.c
	@mkdir -p $(@D)
	clang $(CFLAGS) $< -o $@ -ldl

.PHONY: bench-kernels
bench-kernels: build/bench/kernels  ## the kernels beside oneDNN's, layer by layer: ROWS THREADS REPS
	@build/bench/kernels $(or $(THREADS),1) $(or $(REPS),15) '$(or $(ROWS),*)'

build/bench/kernels: $(wildcard Benchmarks/kernels/*) Benchmarks/peak/peak.c \
		$(wildcard Sources/CKernels/*.* Sources/CKernels/include/*.h)
	@mkdir -p $(@D)
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Benchmarks/kernels/requirements.txt
	clang $(CFLAGS) -ISources/CKernels/include -IBenchmarks/peak \
	  -isystem '$(RESNET_BENCH_ENV)/include' $(filter %.c,$^) -o $@ -L'$(RESNET_BENCH_ENV)/lib' \
	  -ldnnl -l:libgomp.so.1 -lm -lpthread -Wl,-rpath,'$(RESNET_BENCH_ENV)/lib'

# ---- Check with other programs -------------------------------------------------------------------

.PHONY: exchange
exchange: library  ## weights from and to the programs they are exchanged with, at all depths
	@Benchmarks/environment.sh '$(RESNET_BENCH_ENV)' Tests/exchange/requirements.txt
	for program in torch cifar keras caffe onnx; do \
	  PYTHONPATH=bindings/python '$(RESNET_BENCH_ENV)/bin/python' "Tests/exchange/$${program}_producers.py"; \
	done

# ---- Check for long --------------------------------------------------------------------------------

.PHONY: sanitize
sanitize: $(VENV)/ready  ## the tests under AddressSanitizer, ThreadSanitizer, valgrind: CHECKS=NAMES
	Tests/sanitize/run.sh $(CHECKS)

.PHONY: fuzz
fuzz:  ## arbitrary bytes for everything that reads files, and descriptions: SECONDS=N TARGET=NAMES
	Tests/fuzz/run.sh $(or $(SECONDS),60) $(TARGET)

.PHONY: soak
soak: library build/soak  ## the same for a long time, in constant memory: SECONDS=N
	cd build && ./soak $(or $(SECONDS),60)

build/soak: $(wildcard Tests/soak/*.[ch]) include/resnet.h build/libresnet.so
	clang $(CFLAGS) -Iinclude $(filter %.c,$^) -o $@ -Lbuild -lresnet \
	  $$(pkg-config --libs libjpeg libpng) -Wl,-rpath,'$(CURDIR)/build'

# ---- Clean ---------------------------------------------------------------------------------------

.PHONY: clean
clean:  ## remove everything that was built
	rm -rf build .build Examples/swift/.build
