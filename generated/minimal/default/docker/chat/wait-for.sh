#!/bin/sh
# usage: wait-for.sh FILE...   waits until each FILE exists: what the server loads is built by jobs of their own
set -eu
# The first process of a container gets no signal that it does not ask for.
trap 'exit 143' TERM INT
for file; do
  while [ ! -e "$file" ]; do
    echo "waiting for $file"
    sleep 5 &
    wait "$!"
  done
done
