#!/bin/bash
# Writes the reference of the Swift API, by DocC, from the modules that the library was built of.
#
# usage: swift.sh PRODUCTS DIRECTORY VERSION
set -euo pipefail
products=$1 directory=$2 version=$3
graphs=$(mktemp -d)
trap 'rm -rf "$graphs"' EXIT

for module in ResNet ResNetData; do
  swift-symbolgraph-extract -module-name $module -minimum-access-level public -output-dir "$graphs" \
    -target "$(swift -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",/\1/p')" \
    -I "$products/Modules" -I Sources/CJPEG -I Sources/CPNG -I Sources/CZlib \
    -Xcc "-fmodule-map-file=$products/CKernels.build/module.modulemap" \
    -Xcc "-fmodule-map-file=$products/CImages.build/module.modulemap"
done
rm -rf "$directory"
mkdir -p "$(dirname "$directory")"
docc convert --additional-symbol-graph-dir "$graphs" --output-path "$directory" --warnings-as-errors \
  --transform-for-static-hosting --fallback-display-name libresnet \
  --fallback-bundle-identifier libresnet --fallback-bundle-version "$version"

# The pages of DocC fetch their parts, which browsers refuse to those that are opened as files.
cat >"$(dirname "$directory")/index.html" <<END
<!doctype html>
<meta charset="utf-8">
<title>libresnet $version</title>
<h1>libresnet $version</h1>
<ul>
  <li><a href="c/index.html">The C API</a>
  <li>The Swift API needs a web server: run
    <code>python3 -m http.server -d $(realpath --relative-to=. "$directory")</code> and open
    <a href="http://localhost:8000/documentation/resnet/">ResNet</a> or
    <a href="http://localhost:8000/documentation/resnetdata/">ResNetData</a>
</ul>
END
