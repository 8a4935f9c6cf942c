#!/usr/bin/env bash
# Builds every Dockerfile under generated/ with buildah and starts each image with podman, confined as in the cluster.
# The upstream images (GPU programs, many GB each) are not pulled: one small local image stands in for every BASE. It is
# Debian with Python and tests/images/standin.py where the engines would lie. So this proves the Dockerfiles, what they
# add and how the cluster calls it, not the engines. pip is real; packages that building.py lists as too heavy come without
# what they depend on. `make test-images` runs it, or run.sh FOLDER; all it keeps lies in .cache/images.
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH=$PATH:/usr/sbin:/sbin

tools=(buildah podman runc conmon catatonit debootstrap)
cache=$PWD/.cache/images
mapfile -t engines < <(python3 tests/images/standin.py)
((${#engines[@]}))

skip() {
  echo "test-images: skipped, $1"
  exit 0
}

install_tools() {
  local missing=()
  for tool in "${tools[@]}"; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  ((${#missing[@]})) || return 0
  command -v apt-get >/dev/null || skip "${missing[*]} missing and no apt-get to install them"
  echo "Installing ${missing[*]} ..."
  apt-get update -qq || echo "apt-get update failed in part; going on"
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" \
    golang-github-containers-common >"$cache/apt.log" 2>&1 || {
    tail -n 20 "$cache/apt.log"
    exit 1
  }
}

# Storage of our own beside the system's, and flags for machines without systemd, cgroup v2 or CAP_SYS_RESOURCE.
configure() {
  local run
  run=/run/llmspec-images-$(cksum <<<"$cache" | cut -d ' ' -f 1)
  mkdir -p "$cache/tmp" "$run"
  export TMPDIR=$cache/tmp CONTAINERS_CONF=$cache/containers.conf CONTAINERS_STORAGE_CONF=$cache/storage.conf
  cat >"$CONTAINERS_CONF" <<-END
	[containers]
	default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
	[engine]
	runtime = "runc"
	cgroup_manager = "cgroupfs"
	events_logger = "none"
	tmp_dir = "$run/libpod"
	END
  for driver in overlay vfs; do
    printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' "$driver" "$cache/$driver" "$run" \
      >"$CONTAINERS_STORAGE_CONF"
    if works; then
      echo "storage: $driver"
      return
    fi
  done
  echo "test-images: neither overlay nor vfs storage works here" >&2
  exit 1
}

works() {
  local container
  container=$(buildah from scratch 2>"$cache/storage.log") || return 1
  buildah mount "$container" >/dev/null 2>>"$cache/storage.log" || return 1
  buildah rm "$container" >/dev/null
}

# In memory where device files may be made there: dpkg waits for the disk a thousand times.
workplace() {
  local folder
  for parent in /dev/shm "$cache/tmp"; do
    folder=$(mktemp -d "$parent/llmspec-base.XXXXXX" 2>/dev/null) || continue
    if mknod "$folder/null" c 1 3 2>/dev/null && : 2>/dev/null >"$folder/null"; then
      rm "$folder/null"
      echo "$folder"
      return
    fi
    rm -rf "$folder"
  done
  echo "test-images: no folder allows device files, debootstrap needs them" >&2
  return 1
}

# A root file system of this machine's own Debian release. Upstream images let pip install into the system's Python.
root_file_system() {
  local suite root
  suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
  [ -n "$suite" ] && [ -e "/usr/share/debootstrap/scripts/$suite" ] || suite=bookworm
  base=$cache/base-$suite.tar
  [ ! -e "$base" ] || return 0
  echo "Making a base file system of $suite (once) ..."
  root=$(workplace)
  debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates "$suite" "$root" \
    >"$cache/debootstrap.log" 2>&1 || {
    tail -n 20 "$cache/debootstrap.log"
    rm -rf "$root"
    exit 1
  }
  rm -rf "${root:?}"/{dev,var/cache/apt,var/lib/apt/lists,usr/share/{doc,man,locale}}/*
  rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/etc/resolv.conf "$root"/etc/hostname
  ln -s python3 "$root/usr/bin/python"
  : >"$root/etc/pip.conf"
  : >"$root/etc/resolv.conf"
  tar -C "$root" --numeric-owner -cf "$base.partial" .
  mv "$base.partial" "$base"
  rm -rf "$root"
}

import_base() {
  local container
  image=localhost/llmspec-standin:$(cat "$base" tests/images/standin.py | cksum | cut -d ' ' -f 1)
  ! buildah inspect --type image "$image" >/dev/null 2>&1 || return 0
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$base" / >/dev/null
  for engine in "${engines[@]}"; do
    buildah copy --quiet --chmod 755 "$container" tests/images/standin.py "$engine" >/dev/null
  done
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$image" >/dev/null
}

[ "$(id -u)" = 0 ] || skip "it needs root"
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
install_tools
configure
# What an interrupted run left.
podman rm --all --force >/dev/null
buildah rm --all >/dev/null
root_file_system
import_base
echo "BASE of every image: $image, a stand-in for the upstream one; stand-ins in it: ${engines[*]}"
python=$PWD/.venv/bin/python
[ -x "$python" ] || python=python3
"$python" tests/images/check.py "$image" "$cache" "${1:-generated}"
