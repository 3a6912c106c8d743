"""Files: what is saved comes back bit for bit, what can run code is refused unopened, damage is found."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import stat
import struct
import sys
import tracemalloc
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.base.dtypes import NAMES
from tensorgrad.errors import ArgumentError, DataError, DeviceError, MissingDependencyError
from tensorgrad.files import container

numpys = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: no file can be saved or loaded")
WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
RNG = np.random.default_rng


def packed(obj: Any) -> bytes:
    file = io.BytesIO()
    tg.save(obj, file)
    return file.getvalue()


def loaded(content: bytes) -> Any:
    return tg.load(io.BytesIO(content))


def again(obj: Any) -> Any:
    return loaded(packed(obj))


def same(a: Any, b: Any) -> bool:
    """Of the same classes through and through, in the same order, and the same bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, tg.Tensor):
        return a.requires_grad == b.requires_grad and same(a.array, b.array)
    if isinstance(a, np.ndarray | np.generic):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, float | complex):
        return struct.pack("<dd", a.real, a.imag) == struct.pack("<dd", b.real, b.imag)
    if isinstance(a, list | tuple | dict):
        pairs = (list(x.items() if isinstance(x, dict) else x) for x in (a, b))
        return len(a) == len(b) and all(map(same, *pairs))
    return bool(a == b)


# --- tensors ----------------------------------------------------------------------------------------------------------


def bits(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """An array of all sorts of bits: NaNs with payloads, subnormal numbers, the ends of ranges."""
    count = math.prod(shape) * np.dtype(dtype).itemsize
    content = RNG(seed).integers(0, 256, count, np.uint8)
    return (content % 2 if dtype == "bool" else content).view(dtype).reshape(shape)


STRIDES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "itself": lambda x: x,
    "transposed": lambda x: x.T,
    "every_second": lambda x: x[::2, 1:],
    "reversed": lambda x: x[::-1, ::-1],
    "column": lambda x: x[:, 1],
    "expanded": lambda x: np.broadcast_to(x[:1], (4, *x.shape[1:])),
    "scalar": lambda x: x[0, 0, ...],
    "nothing": lambda x: x[:, :0],
}


@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("dtype", NAMES)
def test_every_dtype_comes_back_bit_for_bit_whatever_its_strides(dtype: str, strides: str) -> None:
    array = STRIDES[strides](bits(dtype, (3, 4)))
    x = tg.from_numpy(array) if array.flags.writeable else tg.tensor(array).expand(*array.shape)
    found = again(x)
    assert (found.dtype, found.shape, found.requires_grad) == (x.dtype, x.shape, False)
    assert found.array.tobytes() == x.array.tobytes()
    assert found.array.flags.writeable
    assert found.is_contiguous()
    assert same(again({"array": array}), {"array": np.array(array)})
    if array.ndim == 0:
        assert same(again(array[()]), array[()])


@given(array=hnp.arrays(st.sampled_from(NAMES), hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4)))
def test_every_array_comes_back(array: np.ndarray) -> None:
    assert same(again([array, tg.tensor(array)]), [array, tg.tensor(array)])


def test_a_transposed_tensor_keeps_its_elements_in_place() -> None:
    x = np.arange(6.0).reshape(2, 3).T  # its memory is not in order, and some versions of the library write that
    assert again(tg.from_numpy(x)).tolist() == x.tolist()
    assert numpys.load(packed({"x": tg.from_numpy(x)}))["x"].tolist() == x.tolist()


def test_nan_keeps_its_payload_and_zero_its_sign() -> None:
    words = np.array([0x7FF0000000000001, 0xFFF8000000000ABC, 0x8000000000000000, 1], np.uint64)
    assert again(tg.from_numpy(words.view(np.float64))).array.view(np.uint64).tolist() == words.tolist()
    values = [float(v) for v in words.view(np.float64)] + [math.inf, -math.inf, 5e-324, 0.1]
    assert same(again(values), values)


def test_an_array_of_the_other_byte_order_comes_back_in_this_one() -> None:
    found = again(np.array([1.5, -2.0], ">f8"))
    assert found.dtype.isnative
    assert found.tolist() == [1.5, -2.0]


def test_whether_a_gradient_is_required_is_kept() -> None:
    x = tg.ones(2, requires_grad=True)
    leaf, result, parameter = again([x, x * 2, nn.Parameter(tg.zeros(1))])
    assert all(t.requires_grad and t.is_leaf and type(t) is tg.Tensor for t in (leaf, result, parameter))
    assert result.tolist() == [2.0, 2.0]
    (leaf * 3).sum().backward()
    assert leaf.grad.tolist() == [3.0, 3.0]
    assert not again(x.detach()).requires_grad


def test_tensors_that_share_memory_do_not_share_it_when_loaded() -> None:
    x = tg.zeros(2)
    a, b, c = again([x, x, x[:1]])
    a += 1
    assert (a.tolist(), b.tolist(), c.tolist()) == ([1.0, 1.0], [0.0, 0.0], [0.0])


# --- structure --------------------------------------------------------------------------------------------------------

singles = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.complex_numbers(),
    st.text(st.characters(codec=None, categories=None)),
    st.binary(),
    st.sampled_from([tg.float32, tg.bool, tg.complex128, tg.device("cpu"), tg.device("cuda:1"), tg.Size([2, 3])]),
    st.sampled_from([np.float32(0.1), np.int64(-3), np.bool_(True), np.complex64(1j), tg.__version__]),
    hnp.arrays(st.sampled_from(["float32", "int8", "bool", "complex64"]), hnp.array_shapes(max_dims=2, max_side=3)),
    st.builds(tg.ones, st.integers(0, 3)),
)
keys = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(st.characters(codec=None)))
things = st.recursive(
    singles,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.dictionaries(keys, inner, max_size=4).map(OrderedDict),
    ),
    max_leaves=12,
)


@given(obj=things)
@example(obj={"": 1, "a": {"b": tg.ones(1)}, "a.b": tg.zeros(1), "__metadata__": tg.ones(2), "#2": tg.zeros(3)})
@example(obj={1: "int", "1": "str", 1.5: "float", None: "none", False: "bool"})
@example(obj={"../../etc/passwd": tg.ones(1), "C:\\x": tg.ones(1), "a\0b": tg.ones(1), "\ud800": tg.ones(1)})
@example(obj={"\ud800": tg.ones(1), "\\ud800": tg.zeros(1)})
def test_every_structure_comes_back_with_its_classes_and_its_order(obj: Any) -> None:
    assert same(again(obj), obj)


@pytest.mark.parametrize(
    "obj",
    [
        {1, 2, "a"},
        frozenset({(1, 2), None}),
        Counter({3: 2, 5: 1}),
        10**400,
        -(2**63),
        b"\x00\xff",
        (),
        [[]],
        {},
        OrderedDict(),
        {"generator": tg.Generator().manual_seed(3).get_state(), "seed": 2**64 - 1},
    ],
)
def test_smaller_kinds_come_back_too(obj: Any) -> None:
    assert same(again(obj), obj)


def test_a_list_of_as_many_levels_as_allowed_is_saved_and_one_more_is_not() -> None:
    def nested(levels: int) -> list[Any]:
        found: list[Any] = []
        for _ in range(levels - 1):
            found = [found]
        return found

    assert same(again(nested(101)), nested(101))
    with pytest.raises(ArgumentError, match=r"more than 100 levels of containers in one another"):
        packed(nested(102))
    circle: dict[str, Any] = {}
    circle["again"] = circle
    with pytest.raises(ArgumentError, match=r"or one that contains itself, at obj\['again'\]\['again'\]"):
        packed(circle)


class Payload:
    """Pickled, it makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


REFUSED: dict[str, tuple[Any, str]] = {
    "module": (lambda: nn.Linear(1, 1), "obj is of class Linear, and only data is saved, no objects: save its .state"),
    "inside": (lambda: {"a": [0, nn.Linear(1, 1)]}, "obj['a'][1] is of class Linear"),
    "function": (lambda: {"f": math.sin}, "obj['f'] is of class builtin_function_or_method, which cannot be saved"),
    "class": (lambda: [nn.Linear], "obj[0] is of class type"),
    "object": (lambda: Payload(Path("x")), "obj is of class Payload"),
    "objects": (lambda: np.array([object()]), "obj is an array of dtype object: there are bool, uint8"),
    "strings": (lambda: np.array(["a"]), "obj is an array of dtype <U1"),
    "dates": (lambda: np.datetime64("2020-01-01"), "obj is of class datetime64"),
    "long_double": (lambda: np.zeros(1, [("a", "f4")]), "obj is an array of dtype [('a', '<f4')]"),
    "masked": (lambda: np.ma.array([1.0], mask=[True]), "obj is of class MaskedArray"),
    "subclass": (type("Named", (tuple,), {}), "obj is of class Named"),
    "key": (lambda: {(1, 2): 3}, "obj has a key of class tuple: keys are strings, numbers or None"),
    "tensor_key": (lambda: {"a": {tg.ones(1): 3}}, "obj['a'] has a key of class Tensor"),
    "generator": (tg.Generator, "obj is of class Generator"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_is_refused_with_its_place_and_no_file_is_made(name: str, tmp_path: Path) -> None:
    make, text = REFUSED[name]
    with pytest.raises(TypeError) as caught:
        tg.save(make(), tmp_path / "file")
    assert text in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_too_much_that_is_no_tensor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_MOST_HEADER", 1000)
    packed(["a"] * 50)
    with pytest.raises(ArgumentError, match=r"what is no tensor takes [\d,]+ bytes, and the header"):
        packed(["a"] * 500)


def test_the_same_object_makes_the_same_bytes() -> None:
    obj = {"a": tg.ones(3), "b": (1, np.float16(2)), "c": {"d": tg.zeros(2, 2), "e": tg.arange(3)}}
    assert packed(obj) == packed(obj)


# --- state_dicts and other programs -----------------------------------------------------------------------------------


def test_a_state_dict_is_a_plain_safetensors_file_that_other_programs_read(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    path = tmp_path / "net.safetensors"
    tg.save(net.state_dict(), path)
    found = numpys.load_file(path)
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in net.state_dict().items()}
    state = tg.load(path)
    assert list(state) == list(net.state_dict())
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    other.load_state_dict(state)
    x = tg.randn(5, 3)
    assert tg.equal(net.eval()(x), other.eval()(x))


def test_a_file_of_another_program_is_loaded_as_a_dict_of_tensors() -> None:
    arrays = {"w": np.arange(6.0).reshape(2, 3), "b": np.array([True, False]), "n": np.array(3, np.int8)}
    found = loaded(numpys.save(arrays, {"format": "np"}))
    assert {k: (v.tolist(), v.dtype) for k, v in found.items()} == {k: (v.tolist(), v.dtype) for k, v in arrays.items()}
    assert loaded(numpys.save({})) == {}
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    from safetensors.torch import save

    theirs = {"w": torch.randn(2, 3, dtype=torch.float64), "n": torch.tensor(-3)}
    found = loaded(save(theirs))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in theirs.items()}
    with pytest.raises(DataError, match="'w' is of dtype BF16, which NumPy does not have: convert it"):
        loaded(save({"w": torch.zeros(2, dtype=torch.bfloat16)}))


# --- what is never opened ---------------------------------------------------------------------------------------------


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


# --- damage -----------------------------------------------------------------------------------------------------------

SAMPLE: dict[str, Any] = {
    "weight": tg.tensor([[1.5, -2.0]], requires_grad=True),
    "mask": tg.tensor([True, False, True]),
    "step": 3,
    "rate": 0.1,
    "more": ("text", tg.tensor(1j), math.inf, {7: None}),
}


def refused_or_same(content: bytes) -> bool:
    """Whether `content` is answered with a DataError; what is loaded in its place must be the sample."""
    try:
        found = loaded(content)
    except DataError:
        return True
    assert same(found, SAMPLE), "damage was not noticed"
    return False


def test_a_file_that_was_cut_off_or_has_more_is_refused_at_every_length() -> None:
    content = packed(SAMPLE)
    assert all(refused_or_same(content[:n]) for n in range(len(content)))
    assert refused_or_same(content + b"\0")
    assert refused_or_same(b"\0" + content)


def test_every_single_flipped_bit_is_found() -> None:
    content = packed(SAMPLE)
    found = 0
    for place in range(len(content)):
        for bit in range(8):
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            found += refused_or_same(bytes(damaged))
    assert found >= len(content) * 8 - 64  # a padding blank may become another blank


@given(data=st.data())
def test_random_damage_is_found(data: st.DataObject) -> None:
    content = bytearray(packed(SAMPLE))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        content[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    refused_or_same(bytes(content))


@given(content=st.binary(max_size=100), header=st.booleans())
def test_any_bytes_are_a_file_or_a_data_error(content: bytes, header: bool) -> None:
    if header:
        content = len(content).to_bytes(8, "little") + b"{" + content[1:]
    try:
        found = loaded(content)
    except DataError:
        return
    assert found == {}


def written(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def entry(dtype: str = "F32", shape: Any = (1,), offsets: Any = (0, 4)) -> dict[str, Any]:
    return {"a": {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}}


HEADERS: dict[str, bytes] = {
    "longer_than_the_file": written(entry(), bytes(4), length=2**40),
    "longest": written(entry(), bytes(4), length=2**64 - 1),
    "terabytes": written(entry("F64", (2**37,), (0, 2**40)), bytes(8)),
    "shape_overflow": written(entry("F64", (2**62, 4), (0, 0))),
    "shape_overflow_of_nothing": written(entry("F64", (0, 2**62, 2**62), (0, 0))),
    "shape_too_long": written(entry("F64", [1] * 100, (0, 8)), bytes(8)),
    "shape_negative": written(entry("F32", (-1,))),
    "shape_fraction": written(entry("F32", (0.5,))),
    "shape_of_another_size": written(entry("F32", (2,)), bytes(4)),
    "gap": written(entry("F32", (1,), (4, 8)), bytes(8)),
    "overlap": written({**entry(), "b": entry()["a"]}, bytes(4)),
    "backwards": written(entry("F32", (1,), (4, 0)), bytes(4)),
    "beyond_the_end": written(entry("F32", (2,), (0, 8)), bytes(4)),
    "more_than_it_says": written(entry(), bytes(5)),
    "dtype": written(entry("OBJECT"), bytes(4)),
    "dtype_of_four_bits": written(entry("F4", (8,)), bytes(4)),
    "bool_of_two": written(entry("BOOL", (1,), (0, 1)), b"\2"),
    "no_json": written(b"{nonsense"),
    "no_object": written([1, 2]),
    "deep_json": written(b'{"a":' + b"[" * 100_000),
    "no_utf8": written(b'{"a\xff":{}}'),
    "metadata_of_numbers": written({"__metadata__": {"tensorgrad": 3}}),
    "empty": b"",
    "short": b"\0\0\0",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_that_lies_is_refused_before_any_memory_is_taken(name: str) -> None:
    loaded(packed(1))  # what is imported at the first call is not counted
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"^the file object: .*(expected|is of dtype)"):
            loaded(HEADERS[name])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20


def told(structure: str, arrays: dict[str, np.ndarray] | None = None) -> bytes:
    return container.pack(structure, arrays or {})


ONE = np.ones(1, np.float32)
TOLD = {"name": "a", "crc32": container.checksum(ONE)}
STRUCTURES: dict[str, bytes] = {
    "no_json": told("{"),
    "nan": told("NaN"),
    "unknown_kind": told('{"function":"os.system"}'),
    "two_kinds": told('{"tuple":[],"list":[]}'),
    "no_kind": told("{}"),
    "deep": told("[" * 100_000),
    "deep_but_parsed": told("[" * 150 + "]" * 150),
    "missing_array": told('{"tensor":{"name":"b","crc32":0}}', {"a": ONE}),
    "unnamed_array": told("[]", {"a": ONE}),
    "array_taken_twice": told(json.dumps([{"tensor": TOLD}, {"tensor": TOLD}]), {"a": ONE}),
    "checksum": told(json.dumps({"tensor": {**TOLD, "crc32": 1}}), {"a": ONE}),
    "complex_of_one": told(json.dumps({"tensor": {**TOLD, "complex": True}}), {"a": ONE}),
    "no_entry": told('{"tensor":3}', {"a": ONE}),
    "entry_without_name": told('{"tensor":{}}', {"a": ONE}),
    "pair": told('{"dict":[[1]]}'),
    "no_pairs": told('{"dict":3}'),
    "unhashable_key": told('{"dict":[[[1],2]]}'),
    "unhashable_item": told('{"set":[[1]]}'),
    "size": told('{"size":["a"]}'),
    "tuple": told('{"tuple":3}'),
    "dtype": told('{"dtype":"object"}'),
    "device": told('{"device":"abacus"}'),
    "bytes": told('{"bytes":"xyz"}'),
    "float": told('{"float":"00"}'),
    "complex": told('{"complex":[1]}'),
    "counter": told('{"counter":[["a",2,3]]}'),
    "gradient_of_integers": told(
        json.dumps({"tensor": {"name": "a", "crc32": container.checksum(np.ones(1, int)), "requires_grad": True}}),
        {"a": np.ones(1, int)},
    ),
    "huge_number": told("1" * 5000),
    "key_alone": numpys.save({}, {"tensorgrad": "nonsense"}),
    "value_alone": numpys.save({}, {"tensorgrae": "tensorgrad 1 00000000 []"}),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_that_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"^the file object: expected"):
        loaded(STRUCTURES[name])


def test_a_file_of_a_later_version_says_so() -> None:
    with pytest.raises(DataError, match="expected a file of version 1, found version 2; update tensorgrad"):
        loaded(numpys.save({}, {"tensorgrad": "tensorgrad 2 00000000 {}"}))


# --- writing in one piece ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", ["fsync", "replace", "write"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_and_no_other(
    fails: str, error: BaseException, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    tg.save({"step": 1}, path)

    def fail(*_: Any) -> None:
        raise error

    class Half(io.BufferedIOBase):
        """A file that takes half of what it is given."""

        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, content: Any) -> int:
            self.file.write(content[: len(content) // 2])
            raise error

        def close(self) -> None:
            self.file.close()
            super().close()

    opened = Path.open
    holder, replacement = {
        "write": (Path, lambda self, *args: Half(opened(self, *args))),
        "fsync": (os, fail),
        "replace": (Path, fail),
    }[fails]
    monkeypatch.setattr(holder, "open" if fails == "write" else fails, replacement)
    with pytest.raises(type(error)):
        tg.save({"step": 2}, path)
    monkeypatch.undo()
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
    assert tg.load(path) == {"step": 1}


def test_the_file_is_on_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (events.append("fsync"), fsync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, to: (events.append("replace"), replace(self, to))[1])
    tg.save(1, tmp_path / "file")
    assert events[:2] == ["fsync", "replace"]
    if os.name == "posix":
        assert events == ["fsync", "replace", "fsync"]  # the last is that of the folder


def test_reading_never_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    tg.save("old", path)
    seen = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda self, to: (seen.append(tg.load(path)), replace(self, to))[1])
    tg.save("new", path)
    assert [*seen, tg.load(path)] == ["old", "new"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and links are those of POSIX")
def test_permissions_and_links_stay_and_devices_are_not_replaced(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        path, link = tmp_path / "file", tmp_path / "link"
        tg.save(1, path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
    finally:
        os.umask(mask)
    path.chmod(0o604)
    link.symlink_to(path)
    tg.save(2, link)
    assert link.is_symlink()
    assert tg.load(path) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    tg.save(3, "/dev/null")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    for place in (tmp_path, "/dev/zero"):
        with pytest.raises(DataError, match="expected a file, found a folder or a device"):
            tg.load(place)
    with pytest.raises(IsADirectoryError):
        tg.save(1, tmp_path)
    with pytest.raises(FileNotFoundError):
        tg.save(1, tmp_path / "no" / "such" / "folder")


# --- arguments --------------------------------------------------------------------------------------------------------


def test_paths_strings_and_open_files_are_accepted(tmp_path: Path) -> None:
    path = tmp_path / "a name with blanks.pt"
    tg.save(SAMPLE, str(path))
    assert same(tg.load(path), SAMPLE)
    with path.open("wb") as file:
        tg.save([1], file)
    with path.open("rb") as file:
        assert tg.load(file) == [1]
    buffer = io.BytesIO(b"before" + packed("after"))
    buffer.seek(6)
    assert tg.load(buffer) == "after"


def test_a_wrong_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tg.load(tmp_path / "none")
    for use in (tg.load, lambda f: tg.save(1, f)):
        with pytest.raises(TypeError, match="expected 'f' to be string, path, or a file-like object"):
            use(3)
    with pytest.raises(TypeError, match="read\\(\\) gave str, not bytes: open the file in mode 'rb'"):
        tg.load(io.StringIO("text"))


@pytest.mark.parametrize("place", [None, "cpu", tg.device("cpu"), {"cuda:0": "cpu"}, lambda storage, place: storage])
def test_map_location_may_be_the_cpu_in_every_form(place: Any) -> None:
    assert tg.load(io.BytesIO(packed(1)), place, weights_only=False, mmap=True) == 1
    assert tg.load(io.BytesIO(packed(1)), map_location=place) == 1


@pytest.mark.parametrize("place", ["cuda", tg.device("cuda:0"), {"cpu": "mps"}])
def test_another_device_is_refused(place: Any) -> None:
    with pytest.raises(DeviceError, match="CPU only"):
        tg.load(io.BytesIO(packed(1)), map_location=place)


def test_without_safetensors_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = packed(1)
    monkeypatch.setitem(sys.modules, "safetensors", None)
    for act in (lambda: tg.save(1, tmp_path / "file"), lambda: loaded(content)):
        with pytest.raises(MissingDependencyError, match=r"needs safetensors: pip install 'tensorgrad\[io\]'"):
            act()
    assert not list(tmp_path.iterdir())


OPTIMISERS = [name for name in optim.__all__ if name[0].isupper() and name != "Optimizer"]


@pytest.mark.parametrize("name", OPTIMISERS)
def test_the_state_of_every_optimizer_comes_back(name: str) -> None:
    w, b = tg.ones(2, 3, requires_grad=True), tg.zeros((), requires_grad=True)
    optimizer = getattr(optim, name)([w, b])

    def closure() -> Any:
        optimizer.zero_grad()
        loss = ((w * 3 + b) ** 2).sum()
        loss.backward()
        return loss

    for _ in range(3):
        optimizer.step(closure)
    assert optimizer.state_dict()["state"] or name == "SGD"
    assert same(again(optimizer.state_dict()), optimizer.state_dict())


def test_the_states_of_schedules_come_back() -> None:
    optimizer = optim.SGD([tg.ones(2, requires_grad=True)], lr=0.1, momentum=0.9)
    schedulers = [
        optim.lr_scheduler.MultiStepLR(optimizer, [1, 1, 4]),
        optim.lr_scheduler.ReduceLROnPlateau(optimizer),
        optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10),
        optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 1.0),
        optim.lr_scheduler.ChainedScheduler([optim.lr_scheduler.StepLR(optimizer, 3)]),
    ]
    for scheduler in schedulers:
        assert same(again(scheduler.state_dict()), scheduler.state_dict())
