#!/bin/sh
# Writes the pages of this folder again from the numbers in runs and beside.
#
# usage: pages.sh [COMMAND (default: resnet)]
set -eu
resnet=$(command -v "${1:-resnet}") || { echo "pages.sh: there is no command ${1:-resnet}" >&2 && exit 1; }
case $resnet in /*) ;; *) resnet=$PWD/$resnet ;; esac
cd "$(dirname "$0")"

# usage: page FOLDER (that has runs) EXPERIMENT...
page() {
  folder=$1
  shift
  "$resnet" experiment "$@" --report-only --out "$folder" --note "The images are copies of CIFAR-10's that were \
compressed as JPEG, which loses what the test errors of the originals rest on: the errors here are to be compared \
with each other, and with other programs on the same images, not with the paper's."
}

networks=plain20,plain56,resnet20,resnet56
page . degradation --networks $networks --iterations 6400
page . responses --networks $networks --iterations 6400
page . depth --networks resnet20,resnet56 --iterations 16000 \
  --beside "PyTorch's ResNet-20, 3,510 steps=beside/pytorch-resnet20-16000-seed0.csv" \
  --beside "ResNet-56 with a warm-up=beside/resnet56-warm-up-16000-seed0.csv"
page full-length depth --networks resnet20 \
  --beside "PyTorch's ResNet-20, 3,510 steps=beside/pytorch-resnet20-16000-seed0.csv"
