"""Files of PyTorch: each value comes back as PyTorch reads it, and a file that is damaged or hostile is refused."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, DataError, InPlaceError
from tests import fuzz_files, torchfiles
from tests.packing import Payload, loaded
from tests.torchfiles import content, peer

VALUES = [
    "dtypes", "views", "expanded", "windows", "channels_last", "empty", "gradient", "checkpoint", "plain", "schedule",
    "numpy",
]  # fmt: skip
MODELS = [
    "linear", "without_bias", "mlp", "batchnorm", "conv", "lstm", "gru", "transformer", "embedding", "double",
]  # fmt: skip


def read(data: bytes) -> Any:
    return tg.load(io.BytesIO(data), format="pt")


def same(ours: Any, theirs: Any) -> bool:
    """Of the same kind through and through, with the same numbers to the last bit."""
    torch = peer()
    if isinstance(theirs, torch.Tensor):
        array = theirs.detach().contiguous().numpy() if theirs.numel() else np.zeros(tuple(theirs.shape))
        return (
            isinstance(ours, tg.Tensor)
            and (ours.shape, str(ours.dtype), ours.requires_grad)
            == (tuple(theirs.shape), str(theirs.dtype).removeprefix("torch."), theirs.requires_grad)
            and (not theirs.numel() or ours.array.tobytes() == array.tobytes())
        )
    if isinstance(theirs, torch.dtype):
        return str(ours) == str(theirs).removeprefix("torch.")
    if isinstance(theirs, torch.Size):
        return type(ours) is tg.Size and tuple(ours) == tuple(theirs)
    if isinstance(theirs, list | tuple | dict):
        pairs = (list(x.items() if isinstance(x, dict) else x) for x in (ours, theirs))
        return type(ours) is type(theirs) and len(ours) == len(theirs) and all(map(same, *pairs))
    return type(ours) is type(theirs) and bool(ours == theirs)


# --- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_the_state_of_a_model_is_read(name: str) -> None:
    state = torchfiles.models()[name].state_dict()
    assert same(read(content(state)), state)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("name", VALUES)
def test_every_value_is_read_in_every_protocol(name: str, protocol: int) -> None:
    value = torchfiles.values()[name]
    assert same(read(content(value, pickle_protocol=protocol)), value)


def test_a_state_of_pytorch_gives_the_same_outputs_here(tmp_path: Path) -> None:
    torch = peer()
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    torch.save(theirs.state_dict(), tmp_path / "net.pt")
    ours = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    ours.load_state_dict(tg.load(tmp_path / "net.pt", format="pt"))
    x = np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3)
    assert np.allclose(ours(tg.tensor(x)).tolist(), theirs(torch.tensor(x)).tolist(), rtol=1e-5, atol=1e-6)


def test_tensors_that_shared_a_storage_share_it_and_writes_are_seen() -> None:
    torch = peer()
    x = torch.arange(6.0)
    whole, part, other = read(content([x, x[2:], x.view(2, 3).T]))
    whole[2] = 10
    assert (part[0].item(), other[2, 0].item()) == (10, 10)
    part.requires_grad_()
    loss = (part * part).sum()
    other.fill_(1)
    with pytest.raises(InPlaceError):
        loss.backward()
    parameter = torch.nn.Parameter(x)
    one, same_one, alias = read(content([parameter, parameter, x]))
    assert one is same_one
    alias.fill_(3)
    assert one.tolist() == [3] * 6


def test_elements_that_share_a_place_cannot_be_written() -> None:
    torch = peer()
    for value in (torch.ones(1).expand(3), torch.arange(6.0).unfold(0, 3, 1)):
        with pytest.raises(InPlaceError, match="read-only"):
            read(content(value)).add_(1)
    assert read(content(torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1)[1:])).add_(1).sum() == 18 * 13


@pytest.mark.parametrize("order", ["little", "big"])
def test_numbers_of_either_order_of_bytes_are_read(order: str) -> None:
    torch = peer()
    value = [torch.tensor([1.5, -2.0]), torch.tensor([300, -1]), torch.tensor([1 - 2j]), torch.tensor([True, False])]
    members = fuzz_files.parts(content(value))
    if order != sys.byteorder:
        for number, width in enumerate((4, 8, 4, 1)):
            name = f"archive/data/{number}"
            members[name] = np.frombuffer(members[name], f"u{width}").byteswap().tobytes()
        members["archive/byteorder"] = order.encode()
    assert same(read(fuzz_files.archive(members)), value)
    untyped = fuzz_files.parts(content(torch.ones(2, dtype=torch.uint16)))
    untyped["archive/byteorder"] = b"big" if sys.byteorder == "little" else b"little"
    with pytest.raises(DataError, match="the other order of bytes"):
        read(fuzz_files.archive(untyped))


# --- what is refused, with words --------------------------------------------------------------------------------------


def with_attribute() -> Any:
    found: Any = OrderedDict(a=1)
    found.note = 1
    return found


def refused() -> dict[str, tuple[Any, str]]:
    torch = peer()
    return {
        "module": (torch.nn.Linear(1, 1), "'torch.nn.modules.linear.Linear', which is no data: save the state_dict"),
        "bfloat16": (torch.ones(2, dtype=torch.bfloat16), r"a dtype that NumPy does not have: convert them, x\.float"),
        "conjugate": (torch.ones(2, dtype=torch.complex64).conj(), r"save x\.resolve_conj"),
        "sparse": (torch.eye(2).to_sparse(), r"a sparse tensor: save x\.to_dense"),
        "meta": (torch.ones(2, device="meta"), "device 'meta'"),
        "numpy": ({"a": np.ones(2)}, r"an array of NumPy: save torch\.from_numpy"),
        "numpy_text": (np.array(["ab"])[0], "the dtype 'U2' of NumPy: save"),
        "numpy_other_order": (np.dtype(np.int32).newbyteorder(), "a dtype of NumPy that is not int32 in the order"),
        "function": ([torch.relu], "which is no data"),
        "class": ({"a": OrderedDict}, "collections.OrderedDict as a value, which is no data"),
        "storage": (torch.ones(2).untyped_storage(), "a storage as a value, which is no data"),
        "storage_inside": ({"a": [torch.ones(2).untyped_storage()]}, "a storage as a value"),
        "attributes": (with_attribute(), "a 'OrderedDict' with attributes: save what it holds"),
        "object": (Fraction(1, 2), "'fractions.Fraction', which is no data: save"),
        "key": ({frozenset([1]): 2}, "a key of type frozenset: there are numbers"),
        "large_key": ({2**70: 2}, r"a key of type int: there are numbers under 2\*\*61"),
        "device": ({"a": torch.device("vulkan")}, "a device: .*vulkan"),
    }


REFUSED = [
    "module", "bfloat16", "conjugate", "sparse", "meta", "numpy", "numpy_text", "numpy_other_order", "function",
    "class", "storage", "storage_inside", "attributes", "object", "key", "large_key", "device",
]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_data_is_refused_with_the_way_out(name: str) -> None:
    value, text = refused()[name]
    with pytest.raises(DataError, match=text) as caught:
        read(content(value))
    assert "damage" not in str(caught.value)
    assert "fetch" not in str(caught.value)


def test_a_whole_file_of_an_old_protocol_is_not_called_damaged() -> None:
    with pytest.raises(DataError, match=r"of protocols before 2.*pickle_protocol=2"):
        read(content({"a": [1.5, "b"]}, pickle_protocol=0))


def test_a_program_of_torchscript_whose_code_is_compressed_is_refused_as_one() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", b"\x80\x02N.")
        archive.writestr("net/code/__torch__/net.py", b"pass", zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="found a TorchScript program: save the state_dict") as caught:
        read(file.getvalue())
    assert "damage" not in str(caught.value)


def test_other_files_are_refused_with_words(tmp_path: Path) -> None:
    torch = peer()
    old = content({"a": torch.ones(2)}, _use_new_zipfile_serialization=False)
    scripted = fuzz_files.parts(content(torch.ones(1))) | {"archive/constants.pkl": b""}
    for data, text in {
        old: "in the form before PyTorch 1.6",
        b"": "no archive of torch.save",
        pickle.dumps([1]): "no archive of torch.save, but bytes that begin with 80",
        fuzz_files.archive({"a.npy": b"1"}): "without the one data.pkl",
        fuzz_files.archive(scripted): "a TorchScript program",
    }.items():
        with pytest.raises(DataError, match=text):
            read(data)
    with pytest.raises(DataError, match=r'torch\.save.*format="pt"'):
        loaded(content(torch.ones(1)))
    with pytest.raises(ArgumentError, match="'safetensors' or 'pt', found 'onnx'"):
        tg.load(io.BytesIO(old), format="onnx")


# --- what is hostile --------------------------------------------------------------------------------------------------


def zipped(program: bytes, **members: bytes) -> bytes:
    return fuzz_files.archive({"archive/data.pkl": program, **{f"archive/data/{k[1:]}": v for k, v in members.items()}})


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    data = value.to_bytes(16, "little", signed=True)
    return b"\x8a\x10" + data


def tensor(count: int = 4, start: int = 0, shape: tuple[int, ...] = (4,), strides: tuple[int, ...] = (1,)) -> bytes:
    """A pickle of one tensor on storage 0."""
    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(count) + b"tQ"
    lengths, steps = (b"(" + b"".join(map(number, ns)) + b"t" for ns in (shape, strides))
    rest = b"\x89ccollections\nOrderedDict\n)RtR."
    return b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(start) + lengths + steps + rest


def test_the_tensor_of_these_tests_is_read_where_nothing_is_wrong() -> None:
    assert read(zipped(tensor(), _0=np.arange(4, dtype=np.float32).tobytes())).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"count": 5}, {"count": -4}, {"count": 1 << 62}, {"start": 1}, {"start": -1}, {"start": 1 << 70},
        {"shape": (5,)}, {"shape": (-1,)}, {"shape": (1 << 40,)}, {"shape": (1 << 62, 4), "strides": (0, 1)},
        {"strides": (2,)}, {"strides": (-1,), "start": 3}, {"strides": (1 << 62,)}, {"strides": (1, 1)},
        {"shape": (1,) * 65, "strides": (1,) * 65}, {"shape": (2, 1 << 61), "strides": (0, 0)},
    ],
)  # fmt: skip
def test_a_tensor_that_does_not_lie_in_its_storage_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="found damage"):
        read(zipped(tensor(**wrong), _0=bytes(16)))


PROGRAMS: dict[str, bytes] = {
    "system": b"\x80\x02cos\nsystem\n(" + text("true") + b"tR.",
    "eval": b"\x80\x02cbuiltins\neval\n(" + text("1") + b"tR.",
    "getattr": b"\x80\x02cbuiltins\ngetattr\n(" + text("a") + text("b") + b"tR.",
    "a_storage_as_a_value": b"\x80\x02ctorch\nFloatStorage\n.",
    "a_function_as_a_value": b"\x80\x02]ctorch._utils\n_rebuild_tensor_v2\na.",
    "a_storage_called": b"\x80\x02ctorch\nFloatStorage\n)R.",
    "text_called": b"\x80\x02" + text("print") + b")R.",
    "attributes": b"\x80\x02}}b.",
    "attributes_of_a_dict": b"\x80\x02ccollections\nOrderedDict\n)R}" + text("__class__") + b"Nsb.",
    "new_object": b"\x80\x02ccollections\nOrderedDict\n)\x81.",
    "instance": b"(icollections\nOrderedDict\n.",
    "extension": b"\x80\x02\x82\x01.",
    "nothing": b"",
    "no_stop": b"\x80\x02N",
    "two": b"\x80\x02NN.",
    "mark": b"\x80\x02(N.",
    "memo": b"\x80\x02h\x05.",
    "protocol": b"\x80\x09N.",
    "long_text": b"\x80\x02X\xff\xff\xff\xffa.",
    "longer_text": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffa.",
    "list_as_key": b"\x80\x02}]Ns.",
    "long_key": b"\x80\x02}(" + b"N" * 1001 + b"tNs.",
    "counter_of_a_list": b"\x80\x02ccollections\nCounter\n]]a\x85R.",
    "scalar": b"\x80\x04cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n" + text("i4") + b"\x89\x88\x87RC\x01a\x86R.",
    "scalar_of_text": b"\x80\x04cnumpy.core.multiarray\nscalar\n" + text("i4") + b"C\x04aaaa\x86R.",
    "scalar_bool": b"\x80\x04cnumpy.core.multiarray\nscalar\ncnumpy\ndtype\n"
    + text("b1")
    + b"\x89\x88\x87RC\x01a\x86R.",
    "objects": b"\x80\x02cnumpy\ndtype\n" + text("O") + b"\x89\x88\x87R.",
    "copies": b"\x80\x02](cbuiltins\nset\n](" + b"N" * 99 + b"e\x85q\x00" + b"cbuiltins\nset\nh\x00R" * 40 + b"e.",
    "wide_key": b"\x80\x02}" + number(1 << 62) + b"Ns.",
    "wide_element": b"\x80\x04\x8f(" + number(-(1 << 62)) + b"\x90.",
    "half_a_pair": b"\x80\x02}(Nu.",
    "item_of_a_tuple": b"\x80\x02)Na.",
    "size": b"\x80\x02ctorch\nSize\n" + text("abc") + b"\x85R.",
    "device": b"\x80\x02ctorch\ndevice\n" + text("nowhere") + b"\x85R.",
    "bytes": b"\x80\x02c_codecs\nencode\n" + text("a") + text("rot13") + b"\x86R.",
    "id": b"\x80\x02NQ.",
    "missing_member": tensor(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pickle_that_is_more_than_data_is_refused(name: str) -> None:
    with pytest.raises(DataError):
        read(zipped(PROGRAMS[name]))


def test_a_pickle_copies_no_more_than_it_holds() -> None:
    with pytest.raises(DataError, match="calls that copy more"):
        read(
            zipped(
                b"\x80\x02]("
                + text("a" * 9999)
                + text("latin1")
                + b"\x86q\x00"
                + b"c_codecs\nencode\nh\x00R" * 9
                + b"e."
            )
        )


def test_keys_whose_hash_takes_for_ever_are_refused() -> None:
    doubled = b"\x80\x02})" + b"q\x00h\x00\x86" * 60 + b"Ns."
    with pytest.raises(DataError, match="a key of type tuple"):
        read(zipped(doubled))
    with pytest.raises(DataError, match="a key of type tuple"):
        read(zipped(b"\x80\x02cbuiltins\nset\n])" + b"q\x00h\x00\x86" * 60 + b"a\x85R."))


def test_nothing_that_a_file_names_is_called(tmp_path: Path) -> None:
    made = tmp_path / "made"
    for data in (content(Payload(made)), fuzz_files.archive({"archive/data.pkl": pickle.dumps(Payload(made), 2)})):
        with pytest.raises(DataError, match="which is no data"):
            read(data)
    assert not made.exists()
    for path in Path(tg.files.__file__).parent.glob("*.py"):
        assert "import pickle" not in path.read_text("utf-8")


def test_a_member_twice_overlapping_packed_or_changed_is_refused() -> None:
    data = content({"a": peer().ones(4)})
    parts = fuzz_files.parts(data)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, member in parts.items():
            packed.writestr(name, member)
    with pytest.raises(DataError, match="compressed or encrypted"):
        read(file.getvalue())
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as twice:
        twice.writestr("archive/data.pkl", b"N.")
        with pytest.warns(UserWarning, match="Duplicate"):
            twice.writestr("archive/data.pkl", b"N.")
    with pytest.raises(DataError, match="a name that stands twice"):
        read(file.getvalue())
    ones = np.ones(4, np.float32).tobytes()
    with pytest.raises(DataError, match="checksum"):
        read(data.replace(ones, ones[:-1] + b"\x40"))
    plain = fuzz_files.archive(parts)
    place = plain.index(b"archive/data/0", plain.index(b"PK\x01\x02")) - 46
    for at, width, value in ((42, 4, 0), (20, 4, 1 << 30), (24, 4, 17), (42, 4, len(plain))):
        moved = bytearray(plain)
        moved[place + at : place + at + width] = value.to_bytes(width, "little")
        with pytest.raises(DataError):
            read(bytes(moved))


def test_every_part_of_a_file_that_is_missing_is_found() -> None:
    data = content({"a": peer().ones(4), "b": [1, "text"]})
    for end in range(0, len(data), 7):
        with pytest.raises(DataError):
            read(data[:end])


def test_changed_files_are_right_or_refused() -> None:
    found = list(fuzz_files.failures(torchfiles.written(), 300, 0, format="pt"))
    assert not found, found[0][1]


def test_the_fuzz_sees_what_is_neither_right_nor_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*args: Any, **kwargs: Any) -> Any:
        raise OverflowError("seen")

    assert fuzz_files.failure(content(OrderedDict()), format="pt") is None
    monkeypatch.setattr(tg, "load", failing)
    assert fuzz_files.failure(b"", format="pt") == "OverflowError: seen"
    monkeypatch.setattr(tg, "load", lambda *args, **kwargs: bytes(fuzz_files.ROOM * 2))
    assert "bytes and" in fuzz_files.failure(b"", format="pt")
