#!/bin/sh
# usage: fetch.sh FOLDER SUMS ARGUMENT...
# Fills FOLDER with weights, once: complete and verified, or not at all. SUMS is a file of sha256sum lines, or `-`.
# Several pods may run this at the same time on one volume; the first to finish wins, the others find its work done.
set -eu
if [ "${1-}" = --help ] || [ $# -lt 3 ]; then
  echo "usage: fetch.sh FOLDER SUMS ARGUMENT..."
  [ "${1-}" = --help ]
  exit
fi
folder=$1 sums=$2
shift 2
if [ -e "$folder/.complete" ]; then
  echo "$folder is complete"
  exit 0
fi
part="$folder.part-$(uname -n)"
rm -rf "$part"
trap 'rm -rf "$part"' EXIT
trap 'exit 143' TERM INT
mkdir -p "$part"
/opt/llmspec/download.sh "$part" "$@"
if [ "$sums" != - ]; then
  (cd "$part" && sha256sum --check --strict "$sums")
fi
: > "$part/.complete"
if mv -T "$part" "$folder" 2> /dev/null; then
  echo "$folder is complete"
elif [ ! -e "$folder/.complete" ]; then
  echo "$folder is in the way and not complete: remove it" >&2
  exit 1
fi
