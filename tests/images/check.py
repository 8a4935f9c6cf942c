# ruff: noqa: T201
"""Build every Dockerfile of a folder, start its image confined as in the cluster, and ask it: `run.sh` starts this.

An image passes when it builds, runs as a numeric user that is not root, adds neither weights nor secrets, and, started
as the containers of the cluster start it, with a read-only root, no capability and no network:
- if it serves, answers its health check, heeds SIGTERM, and its wait-for.sh waits for every file and no longer;
- if it builds, carries its job out and leaves the mark that wait-for.sh waits for, with a stand-in for trtexec;
- if it downloads, finds its client, which knows every option that download.sh gives it.

One thing more stands in: packages of LEAN are installed by the real pip, but without what they depend on. Their job is
followed to the first import of what is missing.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from building import LEAN, build, contexts, host_mounts, lean_packages
from calls import Failed
from contents import check_config, check_files, check_packages, config_of
from jobs import check_builds, check_downloader, check_help
from serving import check_servers, health_of


def run_image(image: str, config: dict[str, Any], dockerfiles: list[Path]) -> str:
    if health_of(config) != ["NONE"] or config.get("ExposedPorts"):
        return check_servers(image, config, dockerfiles)
    check_help(image)
    if (dockerfiles[0].parent / "build.sh").exists():
        return check_builds(image, dockerfiles)
    return check_downloader(image, dockerfiles[0])


def check(dockerfiles: list[Path], tag: str, base: str, cache: Path) -> str:
    dockerfile, start = dockerfiles[0], time.monotonic()
    lean = lean_packages(dockerfile)
    build(dockerfile, tag, base, host_mounts(cache, bool(lean)))
    built = time.monotonic()
    config = config_of(tag)
    check_config(config)
    check_files(tag, base)
    check_packages(tag, lean)
    what = run_image(tag, config, dockerfiles)
    notes = "".join(f"; {each} installed WITHOUT {LEAN[each.partition('==')[0]]}" for each in lean)
    return f"built in {built - start:.1f} s, checked in {time.monotonic() - built:.1f} s: {what}{notes}"


def main(base: str, cache: Path, folder: Path) -> int:
    """Two at a time, the slow builders first: others are done while pip unpacks."""
    found = contexts(folder)
    slow_first = sorted(found.items(), key=lambda each: not (each[1][0].parent / "build.sh").exists())

    def judge(digest: str, dockerfiles: list[Path]) -> bool:
        names = ", ".join(str(path.parent.relative_to(folder)) for path in dockerfiles)
        try:
            result = check(dockerfiles, f"localhost/llmspec-check:{digest}", base, cache)
            print(f"ok      {names}: {result}", flush=True)
        except Failed as problem:
            print(f"FAILED  {names}: {problem}", flush=True)
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        passed = sum(pool.map(lambda each: judge(*each), slow_first))
    if not found:
        print(f"no {folder}/*/*/docker/*/Dockerfile: compile first (make generated)")
    print(f"{passed} passed, {len(found) - passed} failed")
    return int(passed < len(found) or not found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve()))
