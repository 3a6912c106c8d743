"""Files from the web: several mirrors, checksums, and transfers that go on where they were cut off."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tensorgrad.errors import DataError, needing

_ROUNDS = 2  # each mirror is asked again: a transfer that was cut off goes on, one that was damaged begins anew
_TIMEOUT = (10.0, 30.0)  # seconds for an answer to the call, and then without a byte
_CHUNK = 1 << 16
_PARTIAL = 206  # the status of an answer that heeds a Range

Advance = Callable[[int], None]


@dataclass(frozen=True)
class Remote:
    """A file that is the same on every mirror: its name, SHA-256 and length in bytes."""

    name: str
    sha256: str
    size: int


def fetch(file: Remote, folder: Path, mirrors: Sequence[str]) -> Path:
    """Return the path of `file` in `folder`, from the first mirror that gives it; a whole one there is not fetched.

    What has arrived is kept under the name with ``.part`` until it is whole: a later call asks for the rest. It gets
    its own name only once its checksum is right.

    Args:
        file: what to fetch.
        folder: where to; made if it is not there.
        mirrors: addresses to which the name is appended, the best first.

    Raises:
        DataError: no mirror gives the file.
        MissingDependencyError: pooch or what comes with it is not installed, or in a terminal rich, which draws the
            progress bar.
    """
    pooch = downloader()
    with needing("download", "requests"):
        import requests
    with needing("download", "urllib3"):
        import urllib3

    reasons: dict[str, str] = {}
    with _bar(file) as advance:
        transfer = _Transfer(file, folder / f"{file.name}.part", advance, requests.get)
        for mirror in (*mirrors,) * _ROUNDS:
            try:
                found = pooch.retrieve(mirror + file.name, f"sha256:{file.sha256}", file.name, folder, None, transfer)
            except (OSError, ValueError, urllib3.exceptions.HTTPError) as error:
                reasons[urlsplit(mirror).netloc] = " ".join(str(error).split())
            else:
                return Path(found)
    told = "; ".join(f"{host}: {reason}" for host, reason in reasons.items())
    raise DataError(
        f"{folder}: expected to fetch {file.name}, found no mirror that gives it ({told}); check the connection and "
        f"call again, or put the file into this folder by hand"
    )


def downloader() -> Any:
    """Return the library that fetches files and knows where caches are.

    Raises:
        MissingDependencyError: pooch is not installed.
    """
    with needing("download", "pooch"):
        import pooch  # type: ignore[import-untyped, import-not-found, unused-ignore]
    return pooch


@dataclass(frozen=True)
class _Transfer:
    """One file on its way, as pooch's `downloader`: from any mirror, which need not be the one it began with."""

    file: Remote
    part: Path
    advance: Advance
    get: Callable[..., Any]

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        done = self.part.stat().st_size if self.part.exists() else 0
        if done != self.file.size:
            self._take(url, done if done < self.file.size else 0)
        self.part.replace(output_file)

    def _take(self, url: str, done: int) -> None:
        """Take what follows the first `done` bytes; ConnectionError if not all of it arrives."""
        # What is sent is the file itself: nothing may unpack it on the way.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        with self.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
            answer.raise_for_status()
            begin = self._begin(answer, done)
            with self.part.open("ab" if begin else "wb") as file:
                for chunk in answer.raw.stream(_CHUNK, decode_content=False):
                    file.write(chunk)
                    self.advance(file.tell())
        found = self.part.stat().st_size
        if found != self.file.size:
            raise ConnectionError(f"the transfer ended after {found} of {self.file.size} bytes")

    def _begin(self, answer: Any, done: int) -> int:
        """Return from which byte on the file is sent: a server need not heed a Range. ValueError for another file."""
        whole = answer.status_code != _PARTIAL
        span, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        size = answer.headers.get("Content-Length") if whole else total
        if size is not None and size != str(self.file.size):
            raise ValueError(f"expected a file of {self.file.size} bytes, found one of {size}")
        if not whole and not span.startswith(f"{done}-"):
            raise ValueError(f"expected the bytes from {done} on, found {span or 'others'}")
        return 0 if whole else done


@contextmanager
def _bar(file: Remote) -> Iterator[Advance]:
    """Yield what is told how many bytes there are, and draws it where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with needing("the progress bar", "rich"):
        from rich import console, progress
    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
    )
    with progress.Progress(*columns, console=console.Console(stderr=True)) as bar:
        task = bar.add_task(file.name, total=file.size)
        yield lambda done: bar.update(task, completed=done)


def cache(name: str) -> Path:
    """Return the folder `name` in the one that the variable TENSORGRAD_DATA names, or else in the user's cache."""
    return Path(os.environ.get("TENSORGRAD_DATA") or downloader().os_cache("tensorgrad")).expanduser() / name
