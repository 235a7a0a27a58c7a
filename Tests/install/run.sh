#!/bin/bash
# Installs what is built into a clean prefix, twice moved, builds a program against it by pkg-config, by
# CMake and by dlopen, with gcc and clang, as C99 and C++17; then uninstalls, and nothing may be left.
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "run.sh: $*" >&2; exit 1; }

version=$(sed -nE 's/^#define RN_VERSION_(MAJOR|MINOR|PATCH) //p' "$root/include/resnet.h" | paste -sd.)
major=${version%%.*}
quiet() { "$@" >"$work/log" 2>&1 || { cat "$work/log"; fail "$* failed"; }; }

# A staged installation, which is then moved: nothing in it may know where it was made. (And a library
# folder as Debian has it.)
stage="$work/the stage" prefix=$work/moved/resnet
places=(PREFIX=/opt/resnet libdir=/opt/resnet/lib/machine)
(umask 077 && quiet make -C "$root" --no-print-directory install DESTDIR="$stage" "${places[@]}")
mkdir "$work/moved" && mv "$stage/opt/resnet" "$prefix"
lib=$prefix/lib/machine
[ -z "$(find "$prefix" ! -perm -o=r ! -type l)" ] || fail "these only the installer can read:" \
  "$(find "$prefix" ! -perm -o=r)"
if grep -rlI -e "$stage" -e "$root" -e /opt/resnet "$prefix"; then fail "these know where they were made"; fi

[ "$(readlink "$lib/libresnet.so")" = "libresnet.so.$major" ] || fail "libresnet.so is no link to the soname"
[ "$(readlink "$lib/libresnet.so.$major")" = "libresnet.so.$version" ] || fail "the soname is no link"
installed=$(cd "$prefix/include" && echo *)
expected=$(cd "$root/include" && ls ./*.h ./*.hpp | sed 's,./,,' | xargs)
[ "$installed" = "$expected" ] || fail "headers $expected are installed as $installed"
[ "$("$prefix/bin/resnet" --version)" = "$version" ] || fail "the command has another version"
cmp "$root/LICENSE" "$prefix/share/doc/libresnet/LICENSE"
grep -qx '.Dt RESNET 1' "$prefix/share/man/man1/resnet.1" || fail "the manual page is none"
for words in inspect recipe train evaluate predict features convert bench calibrate experiment \
  'values: bilinear, bicubic; default: bilinear'; do
  grep -qw "$words" "$prefix/share/man/man1/resnet.1" || fail "the manual page lacks $words"
done
[ "$(grep -B 1 '^The exit status is ' "$prefix/share/man/man1/resnet.1" | head -n 1)" = '.Sh "EXIT STATUS"' ] \
  || fail "the manual page has the exit status elsewhere"

for place in bash-completion/completions/resnet zsh/site-functions/_resnet fish/vendor_completions.d/resnet.fish; do
  grep -qE -- "--top|-l 'top'" "$prefix/share/$place" || fail "$place does not know the options of the command"
done

export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
[ "$(pkg-config --modversion resnet)" = "$version" ] || fail "pkg-config has another version"
pkg-config --exists "resnet >= $major.0" || fail "pkg-config does not find version $major.0"
[ "$(pkg-config --static --libs resnet)" = "$(pkg-config --libs resnet)" ] || fail "static is not shared"

warnings="-Wall -Wextra -pedantic -Wconversion -Wshadow -Werror"
c_warnings="$warnings -std=c99 -Wstrict-prototypes -Wmissing-prototypes"
cxx_warnings="$warnings -std=c++17 -x c++"
cd "$work"
run() { ./program >"$1.txt" && [ -s "$1.txt" ] || fail "$1: the program failed"; }
for cc in gcc clang; do
  for language in c cxx; do
    flags=${language}_warnings
    # shellcheck disable=SC2086
    $cc ${!flags} "$root/Tests/install/program.c" $(pkg-config --cflags --libs resnet) -o program
    run "$cc-$language"
  done
  # shellcheck disable=SC2086
  echo '#include <resnet.hpp>' | $cc $cxx_warnings $(pkg-config --cflags resnet) -fsyntax-only -
  $cc $c_warnings $(pkg-config --cflags resnet) "$root/Tests/c/dlopen_test.c" -lpthread -ldl -o program
  ./program "libresnet.so.$major" || fail "dlopen of the soname"
done
echo "pkg-config, dlopen: $(sort -u ./*-*.txt)"
[ "$(sort -u ./*-*.txt | wc -l)" = 1 ] || fail "compilers and languages differ"

for compilers in gcc:g++ clang:clang++; do
  quiet cmake -S "$root/Tests/install" -B "cmake-${compilers%:*}" -Dresnet_DIR="$lib/cmake/resnet" \
    -DCMAKE_C_COMPILER="${compilers%:*}" -DCMAKE_CXX_COMPILER="${compilers#*:}" -DRESNET_VERSION="$major.0"
  quiet cmake --build "cmake-${compilers%:*}"
  for program in program-c program-cxx; do
    # CMake's programs know where the library is.
    env -u LD_LIBRARY_PATH "cmake-${compilers%:*}/$program" >cmake.txt
    cmp gcc-c.txt cmake.txt
  done
done
for other in $((major + 1)) "$major.999"; do
  if cmake -S "$root/Tests/install" -B other -Dresnet_DIR="$lib/cmake/resnet" -DRESNET_VERSION="$other" \
    >log 2>&1; then
    fail "CMake takes version $version for $other"
  fi
  grep -q "version" log
done
echo "CMake: the same"

mkdir -p "$stage/opt" && mv "$prefix" "$stage/opt/resnet"
quiet make -C "$root" --no-print-directory uninstall DESTDIR="$stage" "${places[@]}"
left=$(cd "$stage" && find . ! -type d -o -name '*resnet*' ! -path ./opt/resnet)
[ -z "$left" ] || fail "make uninstall left:" $left
echo "run.sh: all passed"
