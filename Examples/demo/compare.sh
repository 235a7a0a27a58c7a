#!/bin/bash
# Classifies the demo's images with the C, the C++, the Swift and the Python program, and fails unless
# all four say the same.
#
# usage: compare.sh DIRECTORY PYTHON
#
# DIRECTORY holds model.h5, test-*.png and the programs classify-c, classify-cpp and classify-swift.
set -euo pipefail
python=$(realpath --no-symlinks "$2")
script=$(realpath "$(dirname "$0")/../python/classify.py")
cd "$1"

# Named from here, so that the outputs name them alike.
images=(test-*.png)
[ -e "${images[0]}" ] || { echo "error: there are no images in $1" >&2; exit 1; }

./classify-c model.h5 "${images[@]}" >c.txt
./classify-cpp model.h5 "${images[@]}" >cpp.txt
./classify-swift model.h5 "${images[@]}" >swift.txt
"$python" "$script" model.h5 "${images[@]}" >python.txt

echo
echo "C says:"
cat c.txt
echo
for language in cpp swift python; do diff c.txt $language.txt; done
echo "C, C++, Swift and Python agree on ${#images[@]} images."
