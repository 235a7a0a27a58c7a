#!/bin/bash
# Classifies the demo's images with the C, the Swift and the Python program, and fails unless all
# three say the same.
#
# usage: compare.sh DIRECTORY PYTHON
#
# DIRECTORY holds model.h5, test-*.pgm or .ppm and the programs classify-c and classify-swift.
set -euo pipefail
python=$(realpath --no-symlinks "$2")
script=$(realpath "$(dirname "$0")/../python/classify.py")
cd "$1"

# Named from here, so that the outputs name them alike.
images=(test-*.p[gp]m)
[ -e "${images[0]}" ] || { echo "error: there are no images in $1" >&2; exit 1; }

./classify-c model.h5 "${images[@]}" >c.txt
./classify-swift model.h5 "${images[@]}" >swift.txt
"$python" "$script" model.h5 "${images[@]}" >python.txt

for language in C Swift Python; do
  echo
  echo "$language says:"
  cat "${language,,}.txt"
done
echo
diff c.txt swift.txt
diff c.txt python.txt
echo "All three agree on ${#images[@]} images."
