# Installing what `make` has built, taking it away again, and packaging it. The directories are GNU's;
# `make install` builds nothing, so that root needs no compiler.

PREFIX ?= /usr/local
prefix = $(PREFIX)
exec_prefix = $(prefix)
bindir = $(exec_prefix)/bin
libdir = $(exec_prefix)/lib
includedir = $(prefix)/include
datarootdir = $(prefix)/share
docdir = $(datarootdir)/doc/libresnet
mandir = $(datarootdir)/man
bashcompletiondir = $(datarootdir)/bash-completion/completions
zshcompletiondir = $(datarootdir)/zsh/site-functions
fishcompletiondir = $(datarootdir)/fish/vendor_completions.d
pkgconfigdir = $(libdir)/pkgconfig
cmakedir = $(libdir)/cmake/resnet
INSTALL = install
INSTALL_PROGRAM = $(INSTALL)
INSTALL_DATA = $(INSTALL) -m 644

HEADERS := $(notdir $(wildcard include/*.h include/*.hpp))
SONAME := libresnet.so.$(firstword $(subst ., ,$(VERSION)))
COMPLETIONS := $(addprefix build/completions/,resnet _resnet resnet.fish)
BUILT := build/$(SONAME) build/resnet build/resnet.1 $(COMPLETIONS)

# A path from one installed directory to another, so that what is installed may be moved as a whole.
between = $(shell realpath -m --relative-to='$(1)' '$(2)')
fill = sed -e 's,@VERSION@,$(VERSION),g' -e 's,@SONAME@,$(SONAME),g' \
	-e 's,@PREFIX@,$(call between,$(pkgconfigdir),$(prefix)),g' \
	-e 's,@PREFIX_TO_LIB@,$(call between,$(prefix),$(libdir)),g' \
	-e 's,@PREFIX_TO_INCLUDE@,$(call between,$(prefix),$(includedir)),g' \
	-e 's,@CMAKE_TO_LIB@,$(call between,$(cmakedir),$(libdir)),g' \
	-e 's,@CMAKE_TO_INCLUDE@,$(call between,$(cmakedir),$(includedir)),g'

.PHONY: install uninstall
install:  ## install what make has built: PREFIX=/usr/local DESTDIR, or GNU's libdir, includedir, ...
	@for file in $(BUILT); do \
	  [ -e $$file ] || { echo "error: there is no $$file: run make first" >&2; exit 1; }; \
	done
	$(INSTALL) -d '$(DESTDIR)$(bindir)' '$(DESTDIR)$(libdir)' '$(DESTDIR)$(includedir)' \
	  '$(DESTDIR)$(pkgconfigdir)' '$(DESTDIR)$(cmakedir)' '$(DESTDIR)$(docdir)' '$(DESTDIR)$(mandir)/man1' \
	  '$(DESTDIR)$(bashcompletiondir)' '$(DESTDIR)$(zshcompletiondir)' '$(DESTDIR)$(fishcompletiondir)'
	$(INSTALL_DATA) build/$(SONAME) '$(DESTDIR)$(libdir)/libresnet.so.$(VERSION)'
	ln -sf libresnet.so.$(VERSION) '$(DESTDIR)$(libdir)/$(SONAME)'
	ln -sf $(SONAME) '$(DESTDIR)$(libdir)/libresnet.so'
	$(INSTALL_DATA) $(addprefix include/,$(HEADERS)) '$(DESTDIR)$(includedir)'
	$(fill) packaging/resnet.pc.in | $(INSTALL_DATA) /dev/stdin '$(DESTDIR)$(pkgconfigdir)/resnet.pc'
	for file in resnet-config resnet-config-version; do \
	  $(fill) packaging/$$file.cmake.in | $(INSTALL_DATA) /dev/stdin '$(DESTDIR)$(cmakedir)'/$$file.cmake; \
	done
	$(INSTALL_PROGRAM) build/resnet '$(DESTDIR)$(bindir)'
	$(INSTALL_DATA) build/resnet.1 '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_DATA) build/completions/resnet '$(DESTDIR)$(bashcompletiondir)'
	$(INSTALL_DATA) build/completions/_resnet '$(DESTDIR)$(zshcompletiondir)'
	$(INSTALL_DATA) build/completions/resnet.fish '$(DESTDIR)$(fishcompletiondir)'
	$(INSTALL_DATA) LICENSE '$(DESTDIR)$(docdir)'

uninstall:  ## remove what make install installed, by the same variables
	rm -f $(foreach name,libresnet.so $(SONAME) libresnet.so.$(VERSION),'$(DESTDIR)$(libdir)/$(name)')
	rm -f $(foreach name,libresnet-mpi.so libresnet-mpi.so.1,'$(DESTDIR)$(libdir)/$(name)')
	rm -f $(foreach name,$(HEADERS) resnet_mpi.h,'$(DESTDIR)$(includedir)/$(name)')
	rm -f '$(DESTDIR)$(pkgconfigdir)/resnet.pc' '$(DESTDIR)$(bindir)/resnet' \
	  '$(DESTDIR)$(mandir)/man1/resnet.1' '$(DESTDIR)$(bashcompletiondir)/resnet' \
	  '$(DESTDIR)$(zshcompletiondir)/_resnet' '$(DESTDIR)$(fishcompletiondir)/resnet.fish'
	rm -f $(foreach name,resnet-config resnet-config-version,'$(DESTDIR)$(cmakedir)/$(name).cmake')
	rm -f '$(DESTDIR)$(docdir)/LICENSE'
	for folder in '$(DESTDIR)$(cmakedir)' '$(DESTDIR)$(docdir)'; do \
	  [ ! -d "$$folder" ] || rmdir --ignore-fail-on-non-empty "$$folder"; \
	done

# Apart from the rest, which does not need MPI.
.PHONY: install-mpi
install-mpi:  ## install what make mpi has built, in the same places
	@[ -e build/libresnet-mpi.so.1 ] || { echo "error: there is no build/libresnet-mpi.so.1: run make mpi first" >&2; exit 1; }
	$(INSTALL) -d '$(DESTDIR)$(libdir)' '$(DESTDIR)$(includedir)'
	$(INSTALL_DATA) build/libresnet-mpi.so.1 '$(DESTDIR)$(libdir)'
	ln -sf libresnet-mpi.so.1 '$(DESTDIR)$(libdir)/libresnet-mpi.so'
	$(INSTALL_DATA) bindings/mpi/resnet_mpi.h '$(DESTDIR)$(includedir)'

.PHONY: deb
deb: build mpi  ## build/deb: Debian packages
	packaging/deb.sh build/deb $(VERSION)
