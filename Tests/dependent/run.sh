#!/bin/bash
# Runs the README's programs as a reader would: the Python one in the build's environment, those in C
# and C++ linked to build/libresnet.so, and the Swift one in a package that depends on this one *by
# version*. SwiftPM refuses that if the product ResNet has unsafe flags, so it shows that it has not. The
# example in Swift is compiled beside it.
# All of it in a temporary folder, with a tagged clone of the last commit.
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
version=$("$root/build/resnet" --version)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The README's only block in a language.
block() { sed -n "/^\`\`\`$1\$/,/^\`\`\`\$/p" "$root/README.md" | sed '1d;$d'; }

mkdir -p "$work/app/Sources/app"
cp -r "$root/Examples/swift/Sources/classify" "$work/app/Sources"
cd "$work"
block python >digits.py
block c >one.c
block cpp >photograph.cpp
block swift >app/Sources/app/main.swift

echo "== README: Python"
"$root/build/venv/bin/python" digits.py 2>/dev/null | tee python.txt
awk '/^accuracy:/ { found = 1; exit !($2 > 0.9) } END { if (!found) exit 1 }' python.txt ||
  { echo "error: the network has learned too little" >&2; exit 1; }

echo "== README: C"
cc -std=c99 -Wall -Wextra -Werror -I"$root/include" one.c -o one \
  -L"$root/build" -lresnet -Wl,-rpath,"$root/build"
./one | tee c.txt

echo "== README: C++"
c++ -std=c++17 -Wall -Wextra -Werror -I"$root/include" photograph.cpp -o photograph \
  -L"$root/build" -lresnet -Wl,-rpath,"$root/build"
"$root/build/venv/bin/python" - <<END
import numpy as np, resnet
from PIL import Image
model = resnet.Model("resnet18", classes=2)
model.class_names = ["one", "other"]
model.save("photographs.h5")
Image.fromarray(np.arange(300 * 400 * 3, dtype=np.uint8).reshape(300, 400, 3)).save("photograph.jpg")
END
./photograph photographs.h5 photograph.jpg | grep -E '^(one|other), [0-9.]+%$'
if ./photograph photographs.h5 missing.jpg 2>error.txt; then exit 1; fi
grep -q missing.jpg error.txt

echo "== README: Swift, in a package that depends on libresnet $version"
git clone --quiet "$root" libresnet
git -C libresnet tag --force "$version" >/dev/null
cat >app/Package.swift <<END
// swift-tools-version: 6.0
import PackageDescription

let package = Package(
  name: "app",
  dependencies: [.package(url: "file://$work/libresnet", from: "$version")],
  targets: [
    .executableTarget(name: "app", dependencies: [.product(name: "ResNet", package: "libresnet")]),
    .executableTarget(
      name: "classify", dependencies: [.product(name: "ResNet", package: "libresnet")]),
  ]
)
END
swift build --package-path app
app/.build/debug/app | tee swift.txt

diff c.txt swift.txt
grep -qx 1 c.txt || { echo "error: a vertical stroke is not read as 1" >&2; exit 1; }
