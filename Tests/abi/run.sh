#!/bin/bash
# Compares the ABI of include/resnet.h with the committed one, libresnet.abi. What breaks programs that are
# compiled already (a function, signature, struct layout or enumerator changed or gone) needs another major
# version; what is new, or is broken by a new major version, needs the committed file to be renewed.
#
# usage: run.sh [renew]
set -euo pipefail
root=$(realpath "$(dirname "$0")/../..")
here=$root/Tests/abi
committed=$here/libresnet.abi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

soname() { echo "libresnet.so.$(sed -n 's/^#define RN_VERSION_MAJOR //p' "$1")"; }
dump() { "$here/dump.sh" "$1" "$(soname "$1")"; }

# breaks OLD NEW: whether the ABI NEW breaks programs that were compiled for OLD; says how.
breaks() {
  local status=0
  abidiff --no-added-syms --leaf-changes-only "$1" "$2" >"$work/breaks" 2>&1 || status=$?
  # 4 and 8 stand for changes, compatible or not; others are failures of the tool.
  [ $((status & ~12)) -eq 0 ] || { cat "$work/breaks" >&2; exit 1; }
  [ $status -ne 0 ] && ! awk -f "$here/growth.awk" "$work/breaks"
}

# judge HEADER: the verdict on it, against the committed ABI: broken, renew or same.
judge() {
  dump "$1" >"$work/new.abi"
  local major committed_soname
  committed_soname=$(sed -nE "1s/.* soname='([^']*)'.*/\1/p" "$committed")
  if [ "$(soname "$1")" != "$committed_soname" ]; then
    echo renew
  elif breaks "$committed" "$work/new.abi"; then
    echo broken
  elif ! cmp -s "$committed" "$work/new.abi" &&
    ! abidiff --harmless --redundant "$committed" "$work/new.abi" >"$work/breaks" 2>&1; then
    echo renew
  else
    echo same
  fi
}

if [ "${1:-}" = renew ]; then
  dump "$root/include/resnet.h" >"$work/libresnet.abi"
  mv "$work/libresnet.abi" "$committed"
  exit
fi

verdict=$(judge "$root/include/resnet.h")
case $verdict in
  broken)
    cat "$work/breaks" >&2
    echo "run.sh: this ABI breaks programs compiled for this major version: undo it, or raise" \
      "RN_VERSION_MAJOR and run make abi" >&2
    exit 1 ;;
  renew)
    cat "$work/breaks" >&2
    echo "run.sh: the ABI has additions, or another major version: run make abi and commit its result" >&2
    exit 1 ;;
esac

# That the comparison sees what it is for: changes to the header, each with the verdict that it must get.
mutate() { # mutate VERDICT NAME SED-EXPRESSION
  local header=$work/mutated/resnet.h
  mkdir -p "$work/mutated"
  sed -E "$3" "$root/include/resnet.h" >"$header"
  ! cmp -s "$header" "$root/include/resnet.h" ||
    { echo "run.sh: '$2' changes nothing in the header" >&2; exit 1; }
  local verdict
  verdict=$(judge "$header")
  [ "$verdict" = "$1" ] || { echo "run.sh: '$2' is judged $verdict, not $1" >&2; exit 1; }
}
mutate broken 'a function is gone' '/^rn_status rn_model_free\(/d'
mutate broken 'a function has another name' 's/\brn_model_free\b/rn_model_release/'
mutate broken 'an argument has another type' 's/(rn_trainer_set_learning_rate\(.*)float rate/\1double rate/'
mutate broken 'an argument more' 's/(rn_status rn_model_free\()/\1int32_t how, /'
mutate broken 'a result has another type' 's/^rn_status rn_trainer_free/void rn_trainer_free/'
mutate broken 'members change places' '/^  int64_t gradients;/{N; s/(.*)\n(.*)/\2\n\1/}'
mutate broken 'a member is gone' '/^  int64_t momentum;/d'
mutate broken 'a member has another type' 's/^  int32_t batch_size;/  int64_t batch_size;/'
mutate broken 'a member in the middle is new' 's/^  int32_t batch_size;/  int32_t extra, batch_size;/'
mutate broken 'a struct without a size grows' 's/(int32_t kernel, width_multiple);/\1, dilation;/'
mutate broken 'an enumerator has another value' 's/RN_NOT_FOUND = 4/RN_NOT_FOUND = 40/'
mutate broken 'an enumerator is gone' '/^  RN_VIEWS_CENTRE = /d'
mutate broken 'a callback has another argument' 's/(\(\*rn_progress_callback\)\(const rn_progress \*progress)/\1, int how/'
mutate renew 'a function is new' 's/^rn_status rn_model_free\(.*/&\nrn_status rn_model_new(rn_model *model);/'
mutate renew 'an enumerator is new' 's/RN_BICUBIC = 1/RN_BICUBIC = 1, RN_LANCZOS = 2/'
mutate broken 'a struct grows and members change places' \
  '/^  int64_t gradients;/{N; s/(.*)\n(.*)/\2\n\1/}; /^  int64_t total; /s/$/\n  int64_t extra;/'
mutate renew 'a struct with a size grows' '/^  int64_t total; /s/$/\n  int64_t extra;/'
mutate renew 'a major version' 's/(RN_VERSION_MAJOR) .*/\1 99/'
mutate same 'a comment' 's/A short English name/An English name/'
echo "run.sh: the ABI of $(soname "$root/include/resnet.h") is the committed one; 19 changes are judged rightly"
