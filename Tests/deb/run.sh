#!/bin/bash
# The Debian packages: lintian has no fault to find, they depend on what they need, and they are installed in
# a root of their own, used from there, and removed without a trace. All of it without being root.
#
# usage: run.sh DIRECTORY of the packages
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
directory=$(realpath "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "run.sh: $*" >&2; exit 1; }

version=$(sed -nE 's/^#define RN_VERSION_(MAJOR|MINOR|PATCH) //p' "$root/include/resnet.h" | paste -sd.)
architecture=$(dpkg --print-architecture)
multiarch=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
soname=libresnet.so.${version%%.*}
packages=(libresnet1 libresnet-dev resnet libresnet-mpi1 libresnet-mpi-dev)
file() { echo "$directory/$1_$version-1_$architecture.deb"; }
field() { dpkg-deb --field "$(file "$1")" "$2"; }

lintian --allow-root --fail-on error,warning "$directory/libresnet_$version-1_$architecture.changes" ||
  fail "lintian has found faults"

for needed in libc6 libgcc-s1 libjpeg libpng zlib1g; do
  for package in libresnet1 resnet; do
    grep -q "\b$needed" <(field $package Depends) || fail "$package does not depend on $needed"
  done
done
grep -q '\blibopenmpi3' <(field libresnet-mpi1 Depends) || fail "libresnet-mpi1 does not depend on its MPI"
# What packs relative relocations needs a loader that knows them.
grep -q 'libc6 (>= 2.36)' <(field libresnet1 Depends) || fail "libresnet1 does not ask for libc6 2.36"
[ "$(field libresnet-dev Depends)" = "libresnet1 (= $version-1)" ] || fail "libresnet-dev needs another library"
grep -qx "libresnet ${soname##*.} libresnet1 (>= $version)" <(dpkg-deb --info "$(file libresnet1)" shlibs) ||
  fail "programs would not depend on libresnet1"
grep -q ldconfig <(dpkg-deb --info "$(file libresnet1)" triggers) || fail "libresnet1 does not run ldconfig"

# A system with nothing in it, where nothing else need be there.
system=$work/system
mkdir -p "$system/var/lib/dpkg/"{info,triggers,updates}
touch "$system/var/lib/dpkg/"{status,available}
dpkg_here() {
  fakeroot dpkg --root="$system" --log="$work/dpkg.log" --force-not-root,depends,script-chrootless "$@" \
    >"$work/log" 2>&1 || { cat "$work/log"; fail "dpkg $* failed"; }
}
for package in "${packages[@]}"; do
  dpkg_here --install "$(file $package)"
  grep -qxE 'Status: install ok (installed|triggers-awaited)' \
    <(dpkg --root="$system" --status $package) || fail "$package is not installed"
done

lib=$system/usr/lib/$multiarch
export PKG_CONFIG_LIBDIR=$lib/pkgconfig LD_LIBRARY_PATH=$lib
[ "$(pkg-config --cflags --libs resnet | xargs)" = -lresnet ] || fail "the compiler knows /usr without being told"
export PKG_CONFIG_SYSROOT_DIR=$system PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
# shellcheck disable=SC2046
cc -std=c99 "$root/Tests/install/program.c" $(pkg-config --cflags --libs resnet) -o "$work/program"
grep -q "^$version " <("$work/program") || fail "the program says something else"
[ "$("$system/usr/bin/resnet" --version)" = "$version" ] || fail "the command has another version"
# shellcheck disable=SC2046
mpicc.openmpi -std=c99 "$root/Examples/c/train_mpi.c" $(pkg-config --cflags resnet) -lresnet-mpi \
  $(pkg-config --libs resnet) -o "$work/ranks"
grep -q "libresnet-mpi.so.1 => $lib/" <(ldd "$work/ranks") ||
  fail "the program for MPI is not linked to the package's"
grep -q '^\.Dt RESNET 1' <(zcat "$system/usr/share/man/man1/resnet.1.gz") || fail "there is no manual page"
for place in bash-completion/completions/resnet zsh/vendor-completions/_resnet fish/vendor_completions.d/resnet.fish; do
  grep -qE -- "--top|-l 'top'" "$system/usr/share/$place" || fail "$place does not know the options of the command"
done
[ ! -e "$system/usr/include/module.modulemap" ] || fail "the module map is installed"

dpkg_here --remove resnet libresnet-mpi-dev libresnet-dev libresnet-mpi1
"$work/program" >"$work/log" || fail "the library is gone with its headers"
dpkg_here --purge "${packages[@]}"
left=$(find "$system" -path "$system/var/lib/dpkg" -prune -o ! -type d -print)
[ -z "$left" ] || fail "the packages left:" $left
echo "run.sh: all passed"
