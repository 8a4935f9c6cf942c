#!/bin/sh
# usage: download.sh FOLDER URI
set -eu
folder=$1 uri=$2
aws s3 cp --recursive --only-show-errors "$uri" "$folder"
