#!/usr/bin/env bash
# Quantizes a small checkpoint and a real graph with the ModelOpt that llmspec's build images carry, on a CPU. All of it
# comes from PyPI; all it keeps lies in .cache/engines/modelopt (2 GB). Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/../../.."

here=tests/engines/modelopt
cache=$PWD/.cache/engines/modelopt
venv=$cache/venv

skip() {
  echo "test-modelopt: skipped: $1"
  exit 0
}

# What the wheels are made for.
usable='
import ensurepip, platform, sys, venv
name, version = platform.libc_ver()
fits = name == "glibc" and tuple(map(int, version.split("."))) >= (2, 28)
sys.exit(not (fits and (3, 11) <= sys.version_info[:2] <= (3, 13) and platform.machine() == "x86_64"))
'
find_python() {
  for python in python3.11 python3.12 python3.13 python3 /usr/bin/python3; do
    ! "$python" -c "$usable" 2>/dev/null || return 0
  done
  return 1
}

# apt PACKAGE: succeeds where it could be installed.
apt() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "Installing $1 ..."
  apt-get update -qq >>"$cache/apt.log" 2>&1 || echo "apt-get update failed in part; going on"
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$1" >>"$cache/apt.log" 2>&1
}

has_compiler() {
  echo 'int main(void) { return 0; }' | gcc -xc - -o "$cache/main" 2>/dev/null && command -v nm readelf >/dev/null
}

# absent FOLDER: the torch of PyPI is linked against 3 GB of CUDA that a machine without a GPU never calls. One library
# of our own bears all their names and symbols; each function says 100, cudaErrorNoDevice. libcudart stays the real one.
absent() {
  local lib=$1 name
  [ -e "$lib/libtorch_cuda.so" ] || return 0
  nm --dynamic --undefined-only "$lib"/libtorch*.so "$lib"/libc10*.so | awk 'NF == 2 { print $2 }' | sort -u |
    grep -E '^_*(cu|nv|nccl)' | grep -v '@libcudart' >"$cache/absent"
  {
    echo 'int absent(void) { return 100; }'
    sed 's/@.*//; s/.*/int &(void) __attribute__((alias("absent")));/' "$cache/absent" | sort -u
  } >"$cache/absent.c"
  awk -F@ 'NF > 1 { of[$NF] = of[$NF] " " $1 ";" } END { for (name in of) print name " {" of[name] " };" }' \
    "$cache/absent" >"$cache/absent.map"
  gcc -shared -fPIC -w -Wl,-soname,libabsent.so -Wl,--version-script="$cache/absent.map" -o "$lib/libabsent.so" \
    "$cache/absent.c"
  readelf --dynamic "$lib"/libtorch*.so "$lib"/libc10*.so | grep -oE '\[lib(cu|nv|nccl)[^]]*' | tr -d '[' | sort -u |
    while read -r name; do
      [ "${name%%.*}" = libcudart ] || ln -sf libabsent.so "$lib/$name"
    done
}

install() {
  echo "Installing ModelOpt and torch into $venv ..."
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install --no-deps --no-cache-dir \
    --root-user-action=ignore --requirement "$here/requirements.txt"
  absent "$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch/lib"
  "$venv/bin/python" -c 'import torch; assert not torch.cuda.is_available()'
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
: >"$cache/apt.log"
find_python || { apt python3-venv && find_python; } || skip "it needs x86-64, Python 3.11 to 3.13 with venv, glibc 2.28"
has_compiler || { apt gcc && apt libc6-dev && has_compiler; } || skip "gcc is missing and cannot be installed"
stamp=$({ cat "$here/requirements.txt" "$here/run.sh" && "$python" -VV; } | cksum)
if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  rm -f "$cache/stamp"
  install
  echo "$stamp" >"$cache/stamp"
fi
# Not with tests/conftest.py, which is for the tools of the other tests.
CUDA_VISIBLE_DEVICES='' "$venv/bin/python" -m pytest --confcutdir="$here" "$here" "$@"
