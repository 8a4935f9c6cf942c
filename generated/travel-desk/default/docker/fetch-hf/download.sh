#!/bin/sh
# usage: download.sh FOLDER REPOSITORY COMMIT
# The client itself compares sizes only, so checksums are verified after the download.
set -eu
folder=$1 repository=$2 commit=$3
hf download "$repository" --revision "$commit" --local-dir "$folder"
hf cache verify "$repository" --revision "$commit" --local-dir "$folder" --fail-on-missing-files
rm -rf "$folder/.cache"
