#!/bin/sh
# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.
# Builds what chat loads.
#
# usage: build.sh [--dry-run] [--lane cpu|gpu] [--capability X.Y] SOURCE RESULT
#   SOURCE       folder of the weights
#   RESULT       folder of the result; it is there when RESULT/.complete is, or one .complete-X.Y for each capability
#   --lane       only the steps that need no GPU, or only those that do; the work so far is kept beside RESULT
#   --capability only the steps for GPUs of this compute capability, and those for any
#   --dry-run    print the commands
set -eu
usage="usage: build.sh [--dry-run] [--lane cpu|gpu] [--capability X.Y] SOURCE RESULT"
here=$(dirname "$(readlink -f "$0")")
lane=all capability='' dry=''
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes ;;
    --lane) lane=${2-} && shift ;;
    --capability) capability=${2-} && shift ;;
    --help) echo "$usage" && exit ;;
    -*) echo "unknown option: $1" >&2 && exit 2 ;;
    *) break ;;
  esac
  shift
done
case $lane in
  all | cpu | gpu) ;;
  *) set -- ;;
esac
case $capability in
  '' ) ;;
  *) set -- ;;
esac
if [ $# -ne 2 ]; then
  echo "$usage" >&2
  exit 2
fi
case $2 in
  /*) result=$2 ;;
  *) result=$PWD/$2 ;;
esac
mark="$result/.complete${capability:+-$capability}"
if [ -e "$mark" ] && [ -z "$dry" ]; then
  echo "$result is complete"
  exit 0
fi
source=$(readlink -f "$1" || echo "$1")
work="$result.work${capability:+-$capability}"

# step LANE CAPABILITY PURPOSE COMMAND...
step() {
  if [ "$lane" != all ] && [ "$lane" != "$1" ]; then
    return 0
  fi
  if [ -n "$2" ] && [ -n "$capability" ] && [ "$2" != "$capability" ]; then
    return 0
  fi
  echo "[$1] $3"
  shift 3
  if [ -n "$dry" ]; then
    echo "+ $*"
  else
    "$@"
  fi
}

if [ -z "$dry" ]; then
  mkdir -p "$work/out"
  ln -sfn "$source" "$work/source"
  ln -sfn "$here" "$work/tools"
  cd "$work"
  if [ -d tools/repository ]; then
    cp -R tools/repository out/
  fi
  mkdir -p out
fi

step gpu '' 'quantize the checkpoint to fp8, calibrated with 64 rows of the spec'"'"'s own' \
  python3 tools/quantize_checkpoint.py \
  --model source \
  --output out \
  --format fp8 \
  --kv-cache fp8 \
  --calibration tools/calibration.jsonl \
  --samples 64 \
  --batch-size 8 \
  --device cuda \
  --sequence 512 \
  --expect-algorithm FP8 \
  --expect-kv-cache FP8

if [ -z "$dry" ] && [ "$lane" != cpu ]; then
  # Jobs for other capabilities may fill the same folder, so each file is moved into its place.
  cd "$work/out"
  # shellcheck disable=SC2016 # expanded by the inner shell
  find . -type d -exec sh -c 'mkdir -p "$0/$1"' "$result" {} \;
  # shellcheck disable=SC2016
  find . -type f -exec sh -c 'mv -f "$1" "$0/$1"' "$result" {} \;
  : > "$mark"
  cd /
  rm -rf "$work"
  echo "$result is complete"
fi
