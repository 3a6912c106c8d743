"""Fetching MNIST: mirrors, checksums, transfers that go on, and what is left behind; against a server of this machine.

The files are tiny, with counts and checksums of their own.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tensorgrad.data import MNIST, DataLoader, Digits, digits, download, mnist
from tensorgrad.errors import DataError, MissingDependencyError

POOCH = pytest.mark.skipif(
    importlib.util.find_spec("pooch") is None, reason="pooch is not installed: the download is left out"
)
MODULE = sys.modules["tensorgrad.data.mnist"]  # the package's name `mnist` is the function

COUNTS = {"train": 40, "t10k": 7}
RNG = np.random.default_rng(0)
ARRAYS = {
    f"{name}-{kind}-ubyte": values
    for name, n in COUNTS.items()
    for kind, values in (
        ("images-idx3", RNG.integers(0, 256, (n, 28, 28), dtype=np.uint8)),
        ("labels-idx1", RNG.integers(0, 10, n, dtype=np.uint8)),
    )
}


def idx_file(array: np.ndarray) -> bytes:
    sizes = b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes(), mtime=0)


CONTENTS = {f"{name}.gz": idx_file(array) for name, array in ARRAYS.items()}
IMAGES = "train-images-idx3-ubyte.gz"
FILES = [download.Remote(name, hashlib.sha256(c).hexdigest(), len(c)) for name, c in CONTENTS.items()]


class Server(ThreadingHTTPServer):
    """Mirrors by the first part of the path, each with a way of its own to answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, str | None]] = []
        self.ways: dict[str, Callable[[Handler, bytes], None]] = {"good": Handler.give}

    def mirror(self, name: str, way: Callable[[Handler, bytes], None] | None = None) -> str:
        self.ways.setdefault(name, way or Handler.give)
        return f"http://127.0.0.1:{self.server_port}/{name}/"

    def ranges(self, file: str) -> list[tuple[str, str | None]]:
        """Which mirrors were asked for `file`, and for which bytes."""
        return [(mirror, span) for mirror, name, span in self.asked if name == file]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        mirror, _, name = self.path.strip("/").partition("/")
        self.server.asked.append((mirror, name, self.headers["Range"]))
        if name in CONTENTS and mirror in self.server.ways:
            self.server.ways[mirror](self, CONTENTS[name])
        else:
            self.send_error(404)

    def give(self, content: bytes, cut: int | None = None) -> None:
        """Answer with the bytes asked for, `cut` of them at most."""
        start = int((self.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Content-Encoding", "x-gzip")  # as some servers call files that end in .gz
        self.end_headers()
        self.wfile.write(content[start:][:cut])
        self.close_connection = True

    def give_all(self, content: bytes) -> None:
        """Answer with the whole file, whatever is asked for."""
        self.send_response(200)
        self.end_headers()  # without a length, too
        self.wfile.write(content)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("good"),))
    monkeypatch.setattr(MODULE, "FILES", FILES)
    monkeypatch.setattr(MODULE, "COUNTS", COUNTS)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def is_right(split: Any) -> bool:
    found = [split.train.images, split.train.labels, split.test.images, split.test.labels]
    return all(np.array_equal(a, b) for a, b in zip(found, ARRAYS.values(), strict=True))


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def cut_after(n: int) -> Callable[[Handler, bytes], None]:
    return lambda handler, content: handler.give(content, n)


def damaged(handler: Handler, content: bytes) -> None:
    handler.give(content[:-20] + bytes(20))


def elsewhere(handler: Handler, content: bytes) -> None:
    """A page in place of the file, as where one must log in first."""
    handler.send_response(200)
    handler.send_header("Content-Length", "5")
    handler.end_headers()
    handler.wfile.write(b"hello")


@POOCH
def test_the_four_files_are_fetched_once(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    assert is_right(mnist(folder, download=True))
    assert files(folder) == sorted(CONTENTS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == CONTENTS
    assert len(server.asked) == 4
    assert is_right(mnist(folder, download=True))
    assert is_right(mnist(folder))
    assert len(server.asked) == 4


@POOCH
def test_only_what_is_missing_or_damaged_is_fetched(server: Server, tmp_path: Path) -> None:
    mnist(tmp_path, download=True)
    server.asked.clear()
    (tmp_path / IMAGES).write_bytes(CONTENTS[IMAGES][:-30])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    plain = tmp_path / "train-labels-idx1-ubyte"
    plain.write_bytes(gzip.decompress(CONTENTS[f"{plain.name}.gz"]))
    (tmp_path / f"{plain.name}.gz").unlink()
    with pytest.raises(DataError, match="whole gzip data"):
        mnist(tmp_path)
    assert is_right(mnist(tmp_path, download=True))
    assert [name for _, name, _ in server.asked] == [IMAGES, "t10k-labels-idx1-ubyte.gz"]


@POOCH
@pytest.mark.parametrize("way", [Handler.send_error, elsewhere, damaged], ids=["error", "page", "damaged"])
def test_the_next_mirror_is_asked_where_one_fails(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[..., None]
) -> None:
    bad = way if way is not Handler.send_error else lambda handler, content: handler.send_error(503)
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("bad", bad), server.mirror("good")))
    assert is_right(mnist(tmp_path, download=True))
    assert server.ranges(IMAGES) == [("bad", None), ("good", None)]
    assert files(tmp_path) == sorted(CONTENTS)


@POOCH
def test_a_wrong_checksum_is_told_and_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("bad", damaged),))
    with pytest.raises(DataError, match=r"no mirror that gives it \(127.*hash.*\); check the connection") as caught:
        mnist(tmp_path, download=True)
    assert "\n" not in str(caught.value)
    assert files(tmp_path) == []


@POOCH
def test_a_transfer_that_is_cut_off_goes_on_from_the_next_mirror(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("cut", cut_after(1000)), server.mirror("good")))
    assert is_right(mnist(tmp_path, download=True))
    assert server.ranges(IMAGES) == [("cut", None), ("good", "bytes=1000-")]
    assert files(tmp_path) == sorted(CONTENTS)


@POOCH
def test_a_later_call_asks_for_the_rest(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("cut", cut_after(1000)),))
    with pytest.raises(DataError, match="check the connection and call again"):
        mnist(tmp_path, download=True)
    assert f"{IMAGES}.part" in files(tmp_path)
    assert IMAGES not in files(tmp_path)
    server.asked.clear()
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("good"),))
    assert is_right(mnist(tmp_path, download=True))
    assert server.ranges(IMAGES) == [("good", "bytes=2000-")]  # two rounds had brought 1000 bytes each
    assert files(tmp_path) == sorted(CONTENTS)


@POOCH
@pytest.mark.parametrize("part", [b"", b"x" * 1000, b"x" * 10**6, CONTENTS[IMAGES]], ids=len)
def test_whatever_an_earlier_call_left_the_file_is_right(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / f"{IMAGES}.part").write_bytes(part)
    assert is_right(mnist(tmp_path, download=True))
    assert files(tmp_path) == sorted(CONTENTS)
    wanted = {0: [None], 1000: ["bytes=1000-", None], 10**6: [None]}.get(len(part), [])
    assert [span for _, span in server.ranges(IMAGES)] == wanted


@POOCH
def test_a_server_that_does_not_know_ranges_sends_the_whole_file(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("whole", Handler.give_all),))
    (tmp_path / f"{IMAGES}.part").write_bytes(CONTENTS[IMAGES][:500])
    assert is_right(mnist(tmp_path, download=True))
    assert server.ranges(IMAGES) == [("whole", "bytes=500-")]


@POOCH
def test_a_server_that_sends_other_bytes_than_asked_for_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(handler: Handler, content: bytes) -> None:
        handler.send_response(206)
        handler.send_header("Content-Range", f"bytes 7-{len(content) - 1}/{len(content)}")
        handler.end_headers()

    monkeypatch.setattr(MODULE, "MIRRORS", (server.mirror("shifted", shifted), server.mirror("good")))
    (tmp_path / f"{IMAGES}.part").write_bytes(CONTENTS[IMAGES][:500])
    assert is_right(mnist(tmp_path, download=True))
    assert ("good", "bytes=500-") in server.ranges(IMAGES)


@POOCH
def test_without_a_network_one_line_says_what_to_do(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError) as caught:
        mnist(tmp_path, download=True)
    message = str(caught.value)
    assert message.startswith(
        f"{tmp_path}: expected to fetch train-labels-idx1-ubyte.gz, found no mirror that gives it"
    )
    assert "refused" in message
    assert message.endswith("check the connection and call again, or put the file into this folder by hand")
    assert files(tmp_path) == []


@POOCH
def test_a_folder_that_cannot_be_made_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DataError, match="expected to fetch train-labels"):
        mnist(tmp_path / "file" / "below", download=True)
    assert not server.asked


@POOCH
def test_a_file_with_the_right_checksum_and_other_contents_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MODULE, "COUNTS", {"train": 41, "t10k": 7})
    with pytest.raises(DataError, match=r"expected uint8 of shape \(41,\), found uint8 of shape \(40,\)"):
        mnist(tmp_path, download=True)


@POOCH
def test_the_default_folder_is_named_by_a_variable_or_is_the_cache(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TENSORGRAD_DATA", str(tmp_path))
    assert is_right(mnist(download=True))
    assert files(tmp_path / "mnist") == sorted(CONTENTS)
    monkeypatch.delenv("TENSORGRAD_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert download.cache("mnist").parts[-2:] == ("tensorgrad", "mnist")


@pytest.mark.parametrize("library", ["pooch", "urllib3", "requests"])
@POOCH
def test_a_download_without_a_library_says_what_to_install(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingDependencyError, match=f"^download needs {library}: pip install {library}$"):
        mnist(tmp_path, download=True)
    assert files(tmp_path) == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@POOCH
def test_a_bar_is_drawn_in_a_terminal(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich", reason="rich is not installed: the progress bar is left out")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert is_right(mnist(tmp_path, download=True))
    assert IMAGES in terminal.getvalue()


@POOCH
def test_a_terminal_without_rich_says_what_to_install(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(MissingDependencyError, match=r"progress bar needs rich: pip install rich$"):
        mnist(tmp_path, download=True)


def test_the_list_of_files_is_that_of_mnist() -> None:
    stems = {f"{name}-{kind}-ubyte.gz" for name in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")}
    assert {file.name for file in MODULE.FILES} == stems
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in MODULE.FILES)
    assert sum(file.size for file in MODULE.FILES) == 11_594_722
    assert all(mirror.startswith("http") and mirror.endswith("/") for mirror in MODULE.MIRRORS)


# --- as data sets -----------------------------------------------------------------------------------------------------


def test_the_digits_are_a_data_set() -> None:
    train, test = Digits(), Digits(train=False, transform=lambda x: x.float() / 16, target_transform=str)
    assert (len(train), len(test)) == (1438, 359)
    images = np.concatenate([train.data.numpy(), test.data.numpy()])
    assert sorted(map(bytes, images)) == sorted(map(bytes, digits().images))
    image, target = train[3]
    assert image.tolist() == train.data[3].tolist()
    assert target == train.targets[3].item()
    assert test[0][1] == str(test.targets[0].item())
    batch, targets = next(iter(DataLoader(test, 100)))
    assert batch.shape == (100, 8, 8)
    assert float(batch.max()) == 1.0
    assert len(targets) == 100
    assert train.classes[target] == str(target)


@POOCH
def test_mnist_is_a_data_set_that_reads_only_its_part(server: Server, tmp_path: Path) -> None:
    test = MNIST(tmp_path, train=False, download=True)
    assert {name for _, name, _ in server.asked} == {name for name in CONTENTS if name.startswith("t10k")}
    assert len(test) == 7
    assert np.array_equal(test.data.numpy(), ARRAYS["t10k-images-idx3-ubyte"])
    images, targets = next(iter(DataLoader(test, 7)))
    assert images.shape == (7, 28, 28)
    assert targets.tolist() == ARRAYS["t10k-labels-idx1-ubyte"].tolist()
    assert str(targets.dtype) == "int64"
    with pytest.raises(DataError, match="found neither"):
        MNIST(tmp_path)


def test_the_real_mnist_is_a_data_set(mnist_dir: Path) -> None:
    test = MNIST(mnist_dir, train=False)
    assert len(test) == 10_000
    assert [test[i][1] for i in range(5)] == [7, 2, 1, 0, 4]
