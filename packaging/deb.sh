#!/bin/bash
# Makes Debian packages of what `make` has built.
#
# usage: deb.sh DIRECTORY VERSION
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
version=$2
work=$(realpath -m "$1")

rm -rf "$work"
mkdir -p "$work/libresnet-$version"
cp -r "$root/packaging/debian" "$work/libresnet-$version/debian"
cd "$work/libresnet-$version"
maintainer=$(sed -n 's/^Maintainer: //p' debian/control)
# Dated as what is packaged, so that the same files make the same packages.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(stat -c %Y "$root/CHANGELOG.md")}
cat >debian/changelog <<END
libresnet ($version-1) unstable; urgency=medium

  * Version $version. What changed is in /usr/share/doc/libresnet1/changelog.gz.

 -- $maintainer  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
END
cp "$root/CHANGELOG.md" .
LIBRESNET=$root dpkg-buildpackage --build=binary --no-sign --no-pre-clean --root-command=fakeroot
