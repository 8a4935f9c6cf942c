#!/bin/sh
# Made by llmspec from llm.yaml. Do not edit: change llm.yaml and compile.
# Builds the engine of embed.
#
# usage: build.sh [--dry-run] [--lane cpu|gpu] SOURCE RESULT
#   SOURCE    folder of the weights
#   RESULT    folder of the finished model repository: complete, or not there
#   --lane    only the steps that need no GPU, or only those that do; the work so far is kept beside RESULT
#   --dry-run print the commands
set -eu
here=$(dirname "$(readlink -f "$0")")
lane=all dry=
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run) dry=yes ;;
    --lane) lane=${2-} && shift ;;
    --help) echo "usage: build.sh [--dry-run] [--lane cpu|gpu] SOURCE RESULT" && exit ;;
    -*) echo "unknown option: $1" >&2 && exit 2 ;;
    *) break ;;
  esac
  shift
done
case $lane in
  all | cpu | gpu) ;;
  *) set -- ;;
esac
if [ $# -ne 2 ]; then
  echo "usage: build.sh [--dry-run] [--lane cpu|gpu] SOURCE RESULT" >&2
  exit 2
fi
case $2 in
  /*) result=$2 ;;
  *) result=$PWD/$2 ;;
esac
if [ -e "$result/.complete" ] && [ -z "$dry" ]; then
  echo "$result is complete"
  exit 0
fi
source=$(readlink -f "$1" || echo "$1")
work="$result.work"

# step LANE PURPOSE COMMAND...
step() {
  if [ "$lane" != all ] && [ "$lane" != "$1" ]; then
    return 0
  fi
  echo "[$1] $2"
  shift 2
  if [ -n "$dry" ]; then
    echo "+ $*"
  else
    "$@"
  fi
}

if [ -z "$dry" ]; then
  mkdir -p "$work/repository/"embed/1
  ln -sfn "$source" "$work/source"
  cp "$here/config.pbtxt" "$work/repository/"embed/config.pbtxt
  cd "$work"
fi

step cpu 'put fp16 into the graph; TensorRT takes each tensor'"'"'s type from there' \
  python3 \
  -m modelopt.onnx.autocast \
  --onnx_path source/model.onnx \
  --output_path model.fp16.onnx \
  --low_precision_type fp16 \
  --keep_io_types

step gpu 'build the plan for compute capability 8.9, on such a GPU' \
  trtexec \
  --onnx=model.fp16.onnx \
  --saveEngine=repository/embed/1/model.sm89.plan \
  --minShapes=input_ids:1x8,attention_mask:1x8,token_type_ids:1x8 \
  --optShapes=input_ids:16x128,attention_mask:16x128,token_type_ids:16x128 \
  --maxShapes=input_ids:64x512,attention_mask:64x512,token_type_ids:64x512 \
  --memPoolSize=workspace:4096 \
  --timingCacheFile=timing.cache \
  --skipInference

if [ -z "$dry" ] && [ "$lane" != cpu ]; then
  rm -rf "$result"
  mkdir "$result"
  mv repository "$result/repository"
  : > "$result/.complete"
  cd /
  rm -rf "$work"
  echo "$result is complete"
fi
