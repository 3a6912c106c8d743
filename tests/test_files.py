"""Files: what is saved comes back bit for bit."""

from __future__ import annotations

import io
import json
import math
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, strategies as st
from hypothesis.extra import numpy as hnp

import tensorgrad as tg
from tensorgrad import nn, optim
from tensorgrad.base.dtypes import NAMES
from tensorgrad.errors import ArgumentError, DataError, DeviceError
from tensorgrad.files import container
from tests.packing import SAMPLE, WITHOUT_TORCH, Payload, loaded, packed, same, the_library

RNG = np.random.default_rng


def again(obj: Any) -> Any:
    return loaded(packed(obj))


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
    x = np.arange(6.0).reshape(2, 3).T  # its memory is not in order
    assert again(tg.from_numpy(x)).tolist() == x.tolist()
    assert the_library().load(packed({"x": tg.from_numpy(x)}))["x"].tolist() == x.tolist()


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


REFUSED: dict[str, tuple[Any, str]] = {
    "optimiser": (
        lambda: optim.SGD([tg.ones(1)], 0.1),
        "obj is of class SGD, and only data is saved, no objects: save",
    ),
    "inside": (lambda: {"a": [0, optim.SGD([tg.ones(1)], 0.1)]}, "obj['a'][1] is of class SGD"),
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
    found = the_library().load_file(path)
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in net.state_dict().items()}
    state = tg.load(path)
    assert list(state) == list(net.state_dict())
    other = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    other.load_state_dict(state)
    x = tg.randn(5, 3)
    assert tg.equal(net.eval()(x), other.eval()(x))


def test_a_file_of_another_program_is_loaded_as_a_dict_of_tensors() -> None:
    arrays = {"w": np.arange(6.0).reshape(2, 3), "b": np.array([True, False]), "n": np.array(3, np.int8)}
    library = the_library()
    found = loaded(library.save(arrays, {"format": "np"}))
    assert {k: (v.tolist(), v.dtype) for k, v in found.items()} == {k: (v.tolist(), v.dtype) for k, v in arrays.items()}
    assert loaded(library.save({})) == {}
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    from safetensors.torch import save

    theirs = {"w": torch.randn(2, 3, dtype=torch.float64), "n": torch.tensor(-3)}
    found = loaded(save(theirs))
    assert {k: v.tolist() for k, v in found.items()} == {k: v.tolist() for k, v in theirs.items()}
    with pytest.raises(DataError, match="'w' is of dtype 'BF16', which NumPy does not have: convert it"):
        loaded(save({"w": torch.zeros(2, dtype=torch.bfloat16)}))


@given(
    arrays=st.dictionaries(
        st.text(min_size=1).filter(lambda name: name != "__metadata__"),
        hnp.arrays(st.sampled_from([n for n in NAMES if n != "complex128"]), hnp.array_shapes(min_dims=0, min_side=0)),
        max_size=4,
    )
)
def test_files_are_those_of_the_library(arrays: dict[str, np.ndarray]) -> None:
    library = the_library()
    theirs = {name: a.copy() for name, a in arrays.items() if a.dtype.kind != "c"}
    assert same({k: v.array for k, v in sorted(loaded(library.save(theirs)).items())}, dict(sorted(theirs.items())))
    ours = library.load(packed(arrays))
    assert {name: a.tobytes() for name, a in ours.items()} == {name: a.tobytes() for name, a in arrays.items()}


def test_numbers_lie_in_the_file_with_their_last_byte_first(monkeypatch: pytest.MonkeyPatch) -> None:
    x = tg.tensor([1.5, -2.0])
    monkeypatch.setattr(sys, "byteorder", "big")  # as if memory held the bytes of each number the other way round
    turned = packed(x)
    assert turned[-8:] == x.array.byteswap().tobytes()
    assert loaded(turned).tolist() == x.tolist()


def test_arrays_stand_where_their_numbers_can_be_read_in_place() -> None:
    content = packed([tg.ones(3, dtype=tg.uint8), tg.ones(1, dtype=tg.float64), tg.ones(1, dtype=tg.float16)])
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    places = {entry["dtype"]: 8 + length + entry["data_offsets"][0] for name, entry in header.items() if name[0] != "_"}
    assert (places["F64"] % 8, places["F16"] % 2) == (0, 0)


def test_a_file_that_shrinks_while_it_is_read_is_damaged(tmp_path: Path) -> None:
    content = packed({"a": tg.ones(1000)})
    with pytest.raises(DataError, match="'a': expected a whole safetensors file, found damage: it lacks 400 bytes"):
        container.unpack(io.BytesIO(content[:-400]), len(content), "the file")


def test_an_array_is_read_in_as_many_pieces_as_the_file_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.BytesIO):
        def readinto(self, place: Any) -> int:
            return super().readinto(memoryview(place)[:7])

    content = packed(SAMPLE["weight"])
    _, arrays = container.unpack(Slow(content), len(content), "the file")
    assert [a.tolist() for a in arrays.values()] == [SAMPLE["weight"].tolist()]


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


OPTIMISERS = [name for name in optim.__all__ if name[0].isupper() and name not in ("Objective", "Optimizer")]


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
