#!/bin/sh
# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.
# Builds what rerank loads.
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
  '' | 8.9 ) ;;
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
  mkdir -p exported
  mkdir -p out/repository/rerank-engine/1
fi

step cpu '' 'export the checkpoint to ONNX, and hold the graph against it' \
  python3 tools/export_onnx.py --model source --output exported/model.onnx --task rerank --opset 20

step cpu '' 'put fp16 into the graph; TensorRT takes each tensor'"'"'s type from there' \
  python3 \
  -m modelopt.onnx.autocast \
  --onnx_path exported/model.onnx \
  --output_path model.fp16.onnx \
  --low_precision_type fp16 \
  --keep_io_types

step gpu 8.9 'build the plan for compute capability 8.9, on such a GPU' \
  trtexec \
  --onnx=model.fp16.onnx \
  --saveEngine=out/repository/rerank-engine/1/model.sm89.plan \
  --minShapes=input_ids:1x16,attention_mask:1x16,token_type_ids:1x16 \
  --optShapes=input_ids:8x128,attention_mask:8x128,token_type_ids:8x128 \
  --maxShapes=input_ids:32x512,attention_mask:32x512,token_type_ids:32x512 \
  --memPoolSize=workspace:4096 \
  --timingCacheFile=../tensorrt-11.0.0-sm89.timing \
  --skipInference

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
