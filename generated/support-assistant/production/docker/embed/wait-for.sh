#!/bin/sh
# usage: wait-for.sh FILE   waits until FILE exists: the engine is built by a job of its own
set -eu
file=$1
while [ ! -e "$file" ]; do
  echo "waiting for $file"
  sleep 5
done
