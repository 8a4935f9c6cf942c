#!/bin/sh
# usage: wait-for.sh FILE...   waits until each FILE exists: what the server loads is built by jobs of their own
set -eu
for file; do
  while [ ! -e "$file" ]; do
    echo "waiting for $file"
    sleep 5
  done
done
