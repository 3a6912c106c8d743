"""The data sets: what is true of good files, and one clear line for every kind of bad one."""

from __future__ import annotations

import gzip
import hashlib
import math
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra import numpy as hnp

from tensorgrad.data import digits, holdout, mnist, read_idx
from tensorgrad.errors import DataError, ShapeError

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}
# SHA-256 of the decompressed files.
MNIST_FILES = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def header(*shape: int, dtype: str = "uint8") -> bytes:
    return bytes([0, 0, CODES[dtype], len(shape)]) + b"".join(size.to_bytes(4, "big") for size in shape)


def idx_bytes(array: np.ndarray) -> bytes:
    """The IDX file of `array`, written apart from the reader under test."""
    return header(*array.shape, dtype=array.dtype.name) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file-idx"
    path.write_bytes(content)
    return path


def refusal(path: Path) -> str:
    """The message with which `read_idx` refuses `path`: one line that names the file."""
    with pytest.raises(DataError) as caught:
        read_idx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert "found" in message
    assert ";" in message, "the cure is missing"
    assert "\n" not in message
    return message


@given(
    array=st.sampled_from(sorted(CODES)).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5))
    ),
    zipped=st.booleans(),
)
def test_read_idx_returns_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, array: np.ndarray, zipped: bool
) -> None:
    content = idx_bytes(array)
    path = write(tmp_path_factory.mktemp("idx"), gzip.compress(content) if zipped else content)
    read = read_idx(path)
    assert read.dtype == array.dtype
    assert read.dtype.isnative
    assert read.shape == array.shape
    assert read.tobytes() == array.tobytes()
    assert read.flags.writeable


@given(content=st.binary(max_size=64), zipped=st.booleans())
def test_read_idx_answers_any_bytes_with_an_array_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, zipped: bool
) -> None:
    content = b"\0\0\x08" + content
    path = write(tmp_path_factory.mktemp("idx"), gzip.compress(content) if zipped else content)
    try:
        array = read_idx(path)
    except DataError:
        return
    assert idx_bytes(array) == content


def test_read_idx_refuses_what_is_no_file(tmp_path: Path) -> None:
    assert "found nothing" in refusal(tmp_path / "absent")
    assert "no file" in refusal(tmp_path)


def test_read_idx_says_why_a_file_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbid(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, b"")
    # Not by the file's mode: root may read everything.
    monkeypatch.setattr(Path, "open", forbid)
    assert "found: Permission denied; check its permissions" in refusal(path)


@pytest.mark.parametrize(
    "magic", [b"", b"\0\0\x08", b"\x89PNG", b"\0\1\x08\3", b"\0\0\x0a\1", b"\0\0\x08\0", b"\0\0\x08\xff"]
)
def test_read_idx_refuses_a_wrong_magic_number(tmp_path: Path, magic: bytes) -> None:
    assert "magic number" in refusal(write(tmp_path, magic))


def test_read_idx_refuses_a_truncated_or_too_long_file(tmp_path: Path) -> None:
    content = idx_bytes(np.arange(24, dtype=np.uint8).reshape(2, 3, 4))
    assert "3 sizes of 4 bytes after the magic number, found 5 bytes" in refusal(write(tmp_path, content[:9]))
    assert "expected 24 bytes" in refusal(write(tmp_path, content[:-1]))
    assert "found 23" in refusal(write(tmp_path, content[:-1]))
    assert "found more" in refusal(write(tmp_path, content + b"\0"))
    assert "found more" in refusal(write(tmp_path, gzip.compress(content + b"\0")))


@pytest.mark.parametrize("zipped", [False, True])
def test_read_idx_takes_no_memory_on_the_word_of_the_header(tmp_path: Path, zipped: bool) -> None:
    content = header(2**31, 28, 28) + bytes(1000)
    path = write(tmp_path, gzip.compress(content) if zipped else content)
    tracemalloc.start()
    try:
        message = refusal(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert f"expected {2**31 * 784} bytes" in message
    assert "found 1000" in message
    assert peak < 8 << 20


def test_read_idx_refuses_an_impossible_shape_even_where_it_is_empty(tmp_path: Path) -> None:
    shape = (0, 2**32 - 1, 2**32 - 1)
    assert math.prod(shape[1:]) > sys.maxsize
    assert "memory can address" in refusal(write(tmp_path, header(*shape)))


def test_read_idx_refuses_a_damaged_gzip(tmp_path: Path) -> None:
    content = idx_bytes(np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8))
    good = gzip.compress(content, mtime=0)
    assert "whole gzip data" in refusal(write(tmp_path, good[:-9]))
    assert "whole gzip data" in refusal(write(tmp_path, good[:-1]))
    assert "whole gzip data" in refusal(write(tmp_path, good[:5]))
    for place in (2, 500, len(good) - 6):  # method, data, checksum
        damaged = bytearray(good)
        damaged[place] ^= 0xFF
        assert "whole gzip data" in refusal(write(tmp_path, bytes(damaged)))


def test_digits_are_the_1797_bundled_images() -> None:
    images, labels = digits()
    assert images.dtype == np.uint8
    assert images.shape == (1797, 8, 8)
    assert (images.min(), images.max()) == (0, 16)
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_digits_are_new_arrays_on_every_call() -> None:
    digits().images[:] = 0
    assert digits().images.max() == 16


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped", "empty", "pickle"])
def test_digits_refuse_a_damaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    # The package's name `digits` is the function, not the module.
    module = sys.modules["tensorgrad.data.digits"]
    content = module._PATH.read_bytes()
    flipped = bytearray(content)
    flipped[20_000] ^= 1
    bad = {"cut": content[:-100], "flipped": bytes(flipped), "empty": b"", "pickle": b"\x80\x04N."}
    path = tmp_path / "digits.npz"
    if damage in bad:
        path.write_bytes(bad[damage])
    monkeypatch.setattr(module, "_PATH", path)
    with pytest.raises(DataError, match=r"digits\.npz: expected .* found.*; reinstall tensorgrad$"):
        digits()


def fake_mnist(folder: Path, **replaced: np.ndarray | None) -> Path:
    """A folder with blank files of MNIST's shapes, zipped and plain mixed; some replaced, None leaves one out."""
    arrays: dict[str, np.ndarray | None] = {
        "train_images": np.zeros((60_000, 28, 28), np.uint8),
        "train_labels": np.arange(60_000).astype(np.uint8) % 10,
        "t10k_images": np.zeros((10_000, 28, 28), np.uint8),
        "t10k_labels": np.arange(10_000).astype(np.uint8) % 10,
    }
    for name, array in (arrays | replaced).items():
        stem = f"{name.replace('_', '-')}-idx{3 if name.endswith('images') else 1}-ubyte"
        if array is not None and name.startswith("train"):
            (folder / f"{stem}.gz").write_bytes(gzip.compress(idx_bytes(array), 1))
        elif array is not None:
            (folder / stem).write_bytes(idx_bytes(array))
    return folder


def test_mnist_reads_plain_and_zipped_files(tmp_path: Path) -> None:
    (x_train, t_train), (x_test, t_test) = mnist(fake_mnist(tmp_path))
    assert (x_train.shape, t_train.shape) == ((60_000, 28, 28), (60_000,))
    assert (x_test.shape, t_test.shape) == ((10_000, 28, 28), (10_000,))
    assert x_train.dtype == x_test.dtype == np.uint8
    assert t_train.dtype == t_test.dtype == np.int64
    assert t_test[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]


@pytest.mark.parametrize(
    ("replaced", "expected"),
    [
        ({"train_labels": None}, r"expected train-labels-idx1-ubyte or .*\.gz, found neither; put"),
        ({"train_labels": np.zeros(59_999, np.uint8)}, r"\(60000,\), found uint8 of shape \(59999,\);"),
        ({"train_labels": np.zeros(60_000, np.int32)}, r"expected uint8 .* found int32"),
        ({"train_labels": np.full(60_000, 10, np.uint8)}, r"expected labels 0 to 9, found 10 at 0;"),
        ({"t10k_images": np.zeros((9_999, 28, 28), np.uint8)}, r"\(10000, 28, 28\), found .*\(9999, 28, 28\);"),
        ({"t10k_images": np.zeros((10_000, 28, 27), np.uint8)}, r"found .*\(10000, 28, 27\);"),
    ],
)
def test_mnist_refuses_files_that_are_not_mnist(
    tmp_path: Path, replaced: dict[str, np.ndarray | None], expected: str
) -> None:
    with pytest.raises(DataError, match=expected):
        mnist(fake_mnist(tmp_path, **replaced))


def test_mnist_reads_the_real_files(mnist_dir: Path) -> None:
    train, test = mnist(mnist_dir)
    parts: list[np.ndarray] = [train.images, train.labels, test.images, test.labels]
    for name, array in zip(MNIST_FILES, parts, strict=True):
        assert hashlib.sha256(idx_bytes(array.astype(np.uint8))).hexdigest() == MNIST_FILES[name], name
    assert train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


@given(n=st.integers(2, 60), fraction=st.floats(0.001, 0.999), seed=st.integers(0, 2**32))
def test_holdout_keeps_every_row_once_with_its_label(n: int, fraction: float, seed: int) -> None:
    images = np.arange(n * 6, dtype=np.float32).reshape(n, 2, 3)
    train, test = holdout(images, np.arange(n), fraction, seed)
    labels = np.concatenate([train.labels, test.labels])
    assert sorted(labels.tolist()) == list(range(n))
    assert np.array_equal(np.concatenate([train.images, test.images]), images[labels])
    assert len(test.labels) == min(max(round(n * fraction), 1), n - 1)


def test_holdout_depends_on_its_seed_alone() -> None:
    images, labels = digits()
    first, again, other = holdout(images, labels), holdout(images, labels, seed=0), holdout(images, labels, seed=1)
    assert np.array_equal(first.test.labels, again.test.labels)
    assert np.array_equal(first.test.images, again.test.images)
    assert not np.array_equal(first.test.labels, other.test.labels)
    generator = np.random.default_rng(0)
    assert np.array_equal(holdout(images, labels, seed=generator).test.labels, first.test.labels)
    assert not np.array_equal(holdout(images, labels, seed=generator).test.labels, first.test.labels)


def test_holdout_returns_copies() -> None:
    images, labels = digits()
    train, _ = holdout(images, labels)
    train.images[:] = 99
    assert images.max() == 16


def test_holdout_refuses_what_cannot_be_split() -> None:
    with pytest.raises(ShapeError, match=r"labels of shape \(3,\), found \(2,\); pass one label per image"):
        holdout(np.zeros((3, 4)), np.zeros(2, np.int64))
    with pytest.raises(ShapeError, match="pass at least 2"):
        holdout(np.zeros((1, 4)), np.zeros(1, np.int64))
    for fraction in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ValueError, match=r"fraction' must be float, not nan|fraction must be between 0 and 1"):
            holdout(np.zeros((3, 4)), np.zeros(3, np.int64), fraction)
