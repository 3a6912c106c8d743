"""Files that can run code are refused unopened."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.errors import DataError
from tensorgrad.files import container
from tests.packing import WITHOUT_TORCH, Payload


def pickled(protocol: int) -> Callable[[Path], bytes]:
    return lambda path: pickle.dumps(Payload(path), protocol)


def archive(member: str) -> Callable[[Path], bytes]:
    def make(path: Path) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as zipped:
            zipped.writestr(member, pickle.dumps(Payload(path)))
        return file.getvalue()

    return make


def object_array(name: str) -> Callable[[Path], bytes]:
    def make(path: Path) -> bytes:
        file = io.BytesIO()
        (np.savez if name == "npz" else np.save)(file, np.array([Payload(path)], object), allow_pickle=True)
        return file.getvalue()

    return make


def torchs(path: Path, **options: Any) -> bytes:
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    file = io.BytesIO()
    torch.save(Payload(path), file, **options)
    return file.getvalue()


def opened_by_pytorch(content: bytes) -> None:
    pytest.importorskip("torch", reason=WITHOUT_TORCH).load(io.BytesIO(content), weights_only=False)


def opened_as_archive(content: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        pickle.loads(zipped.read(zipped.namelist()[0]))


def opened_by_numpy(content: bytes) -> None:
    found = np.load(io.BytesIO(content), allow_pickle=True)
    if not isinstance(found, np.ndarray):
        _ = found["arr_0"]


# How a file that runs code is made, how it would be run, and what it is called.
HOSTILE: dict[str, tuple[Callable[[Path], bytes], Callable[[bytes], Any], str]] = {
    **{f"pickle_{n}": (pickled(n), pickle.loads, "a file of torch.save or pickle.dump") for n in (2, 3, 4, 5)},
    **{f"pickle_{n}": (pickled(n), pickle.loads, "bytes that begin with") for n in (0, 1)},
    "torch_zip_by_hand": (archive("archive/data.pkl"), opened_as_archive, "a file of torch.save"),
    "zip": (archive("file"), opened_as_archive, "a zip archive"),
    "npy": (object_array("npy"), opened_by_numpy, "an array of numpy.save"),
    "npz": (object_array("npz"), opened_by_numpy, "a zip archive such as numpy.savez writes"),
    "torch": (torchs, opened_by_pytorch, "a file of torch.save"),
    "torch_old": (
        lambda path: torchs(path, _use_new_zipfile_serialization=False), opened_by_pytorch, "a file of torch.save"
    ),
}  # fmt: skip


@pytest.mark.parametrize("weights_only", [True, False, None])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".pkl", ".npz", ".npy", ".safetensors", ""])
@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_runs_code_is_refused_unopened_under_any_name(
    name: str, suffix: str, weights_only: bool | None, tmp_path: Path
) -> None:
    make, _, text = HOSTILE[name]
    made, path = tmp_path / "made", tmp_path / f"model{suffix}"
    path.write_bytes(make(made))
    with pytest.raises(DataError, match=f"expected a safetensors file, found {text}") as caught:
        tg.load(path, weights_only=weights_only)
    assert str(caught.value).startswith(f"{path}: ")
    assert any(cure in str(caught.value) for cure in ("convert it: ", "numpy.load(path, allow_pickle=False)", "check"))
    assert not made.exists()


@pytest.mark.parametrize("name", HOSTILE)
def test_the_files_do_run_code_where_they_are_opened(name: str, tmp_path: Path) -> None:
    make, run, _ = HOSTILE[name]
    made = tmp_path / "made"
    run(make(made))
    assert made.exists()


def test_neither_saving_nor_loading_knows_pickle() -> None:
    for path in Path(container.__file__).parent.glob("*.py"):
        assert "import pickle" not in path.read_text("utf-8")
