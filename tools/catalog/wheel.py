"""Files of a wheel on the package index, read without downloading, importing or installing it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import urllib.request
import zipfile
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cached_property
from pathlib import Path
from typing import Any

BLOCK = 1 << 20
# The year that archives without a clock are dated.
REPRODUCIBLE = 1980


class Remote(io.RawIOBase):
    """A file behind a URL, read in blocks by HTTP range requests. Raises `OSError` if the server knows no ranges."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.at = 0
        self.blocks: dict[int, bytes] = {}
        with self._ask("bytes=-1") as answer:
            span = answer.headers.get("Content-Range", "")
        if not span:
            raise OSError("the server knows no ranges")
        self.size = int(span.rpartition("/")[2])

    def _ask(self, span: str) -> Any:
        request = urllib.request.Request(self.url, headers={"Range": span})  # noqa: S310 - pip named the URL
        return urllib.request.urlopen(request, timeout=120)  # noqa: S310

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = (0, self.at, self.size)[whence] + offset
        return self.at

    def readinto(self, buffer: Any) -> int:
        wanted = min(len(buffer), self.size - self.at)
        if wanted <= 0:
            return 0
        number, offset = divmod(self.at, BLOCK)
        if number not in self.blocks:
            start = number * BLOCK
            with self._ask(f"bytes={start}-{min(start + BLOCK, self.size) - 1}") as answer:
                self.blocks[number] = answer.read()
        part = self.blocks[number][offset : offset + wanted]
        buffer[: len(part)] = part
        self.at += len(part)
        return len(part)


@dataclass(frozen=True)
class Wheel:
    """An open wheel."""

    archive: zipfile.ZipFile

    @cached_property
    def names(self) -> frozenset[str]:
        return frozenset(self.archive.namelist())

    def read(self, path: str) -> str | None:
        """Text of a file; None if the wheel has none of that name."""
        return self.archive.read(path).decode("utf-8") if path in self.names else None

    @cached_property
    def metadata(self) -> str:
        return next(each for each in sorted(self.names) if each.endswith(".dist-info/METADATA"))

    @property
    def date(self) -> str:
        """The day it was built; empty where builds are reproducible and do not tell."""
        year, month, day, *_ = self.archive.getinfo(self.metadata).date_time
        return f"{year}-{month:02}-{day:02}" if year > REPRODUCIBLE else ""

    @cached_property
    def requirements(self) -> tuple[str, ...]:
        """What the wheel requires of every installation, as `name specifier`."""
        lines = HeaderParser().parsestr(self.read(self.metadata) or "").get_all("Requires-Dist", [])
        return tuple(line.partition(";")[0].strip() for line in lines if "extra ==" not in line)


def report(package: str, version: str) -> dict[str, Any]:
    """What pip says of a release: `download_info` and `metadata`."""
    wanted = ["install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary=:all:", "-q", "--report", "-"]
    done = subprocess.run(
        [sys.executable, "-m", "pip", *wanted, f"{package}=={version}"], check=True, capture_output=True, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)["install"][0]
    return found


def fetch(package: str, version: str) -> Wheel:
    """The wheel of a release, read remotely, or downloaded to memory where the server knows no ranges."""
    try:
        remote = Remote(report(package, version)["download_info"]["url"])
        return Wheel(zipfile.ZipFile(io.BufferedReader(remote, 1 << 16)))
    except OSError:
        return downloaded(package, version)


def downloaded(package: str, version: str) -> Wheel:
    with tempfile.TemporaryDirectory() as folder:
        wanted = ["download", "--no-deps", "--only-binary=:all:", "-q", "-d", folder, f"{package}=={version}"]
        subprocess.run([sys.executable, "-m", "pip", *wanted], check=True)
        path = next(Path(folder).glob("*.whl"))
        return Wheel(zipfile.ZipFile(io.BytesIO(path.read_bytes())))
