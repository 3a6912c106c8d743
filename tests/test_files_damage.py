"""Damage to a file is found, whatever it is."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from tensorgrad.errors import DataError
from tensorgrad.files import container, structure
from tests.packing import SAMPLE, loaded, packed, same, the_library


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


@pytest.mark.parametrize("size", [(1 << 18) - 1, 1 << 18, 10_000_003])
def test_damage_to_a_large_array_changes_its_checksum(size: int) -> None:
    rng = np.random.default_rng(size)
    good = rng.integers(0, 256, size, np.uint8)
    right = container.checksum(good)
    for place in [0, size - 1, *map(int, rng.integers(0, size, 200))]:
        for bit in (1, 128):
            damaged = good.copy()
            damaged[place] ^= bit
            assert container.checksum(damaged) != right
    for length, apart in itertools.product(
        (1, 8, 512, 4095, 4096, 1023 * 8), (1 << 14, 4095 * 8, 4096 * 8, 65536 * 8, 1024 * 1023 * 8)
    ):
        if apart + length >= size:
            continue
        start = int(rng.integers(0, size - apart - length))  # what has changed places, or was not written
        first, second = slice(start, start + length), slice(start + apart, start + apart + length)
        swapped, empty = good.copy(), good.copy()
        swapped[first], swapped[second] = good[second], good[first]
        empty[first] = 0
        assert np.array_equal(swapped, good) or container.checksum(swapped) != right
        assert np.array_equal(empty, good) or container.checksum(empty) != right


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
    "twice": written(b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},' * 2 + b'"b":{}}'),
    "one_entry_twice": written(b"{" + b",".join([json.dumps(entry())[1:-1].encode()] * 2) + b"}", bytes(4)),
    "shape_of_true": written(entry("F32", (True,)), bytes(4)),
    "shape_text": written({"a": {**entry()["a"], "shape": "1"}}, bytes(4)),
    "no_entry": written({"a": 3}),
    "no_offsets": written({"a": {"dtype": "F32", "shape": [0]}}),
    "three_offsets": written(entry("F32", (1,), (0, 2, 4)), bytes(4)),
    "metadata_list": written({"__metadata__": ["tensorgrad"]}),
    "blank_first": written(b" " + json.dumps(entry()).encode(), bytes(4)),
    "two_objects": written(b"{}{}"),
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


# Of these the library looks at less than its format says, or than NumPy needs.
LOOSE = {
    "metadata_of_numbers", "bool_of_two", "blank_first", "one_entry_twice", "shape_too_long", "dtype_of_four_bits",
    "shape_overflow_of_nothing",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name in HEADERS if name not in LOOSE])
def test_what_is_refused_is_refused_by_the_library_too(name: str) -> None:
    the_library()
    import safetensors

    with pytest.raises(safetensors.SafetensorError):
        safetensors.deserialize(HEADERS[name])


def told(structure: str, arrays: dict[str, np.ndarray] | None = None) -> bytes:
    return b"".join(container.pack(structure, arrays or {}))


ONE = np.ones(1, np.float32)


TOLD = {"name": "a", "crc32": container.crc32(ONE)}


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
        json.dumps({"tensor": {"name": "a", "crc32": container.crc32(np.ones(1, int)), "requires_grad": True}}),
        {"a": np.ones(1, int)},
    ),
    "huge_number": told("1" * 5000),
    "key_alone": written({"__metadata__": {"tensorgrad": "nonsense"}}),
    "value_alone": written({"__metadata__": {"tensorgrae": "tensorgrad 2 00000000 []"}}),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_structure_that_makes_no_sense_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=r"^the file object: expected"):
        loaded(STRUCTURES[name])


def test_parts_that_have_changed_places_change_the_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_WIDTH", 8)
    monkeypatch.setattr(container, "_PART", 8 * 8 * 7)  # from where on both folds meet again
    good = np.arange(1 << 18, dtype=np.uint8)
    good[: 8 * 8 * 7] += 1
    swapped = good.copy()
    swapped[: 8 * 8 * 7], swapped[8 * 8 * 7 : 16 * 8 * 7] = good[8 * 8 * 7 : 16 * 8 * 7], good[: 8 * 8 * 7]
    assert container.folded(swapped, 8, 1 << 62) == container.folded(good, 8, 1 << 62)
    assert container.checksum(swapped) != container.checksum(good)


@pytest.mark.parametrize(("version", "kind"), [("1", "crc32"), ("2", "folded")])
def test_a_file_of_an_earlier_version_is_read(version: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    large = np.arange(1 << 20, dtype=np.float32)
    monkeypatch.setattr(container, "_VERSION", version)
    monkeypatch.setattr(structure, "checksum", lambda array: (kind, container.CHECKSUMS[kind](array)))
    earlier = packed([large, {"a": ONE}])
    monkeypatch.undo()
    assert f"tensorgrad {version} ".encode() in earlier
    assert f'"{kind}\\":'.encode() in earlier
    found, rest = loaded(earlier)
    assert np.array_equal(found, large)
    assert rest == {"a": ONE}
    assert b"tensorgrad 3 " in packed(large)
    assert b"folds" in packed(large)


def test_the_folds_of_version_2_are_those_that_were_written() -> None:
    assert container.CHECKSUMS["folded"](np.arange(1 << 20, dtype=np.float32)) == 2821576075


def test_a_file_of_a_later_version_says_so() -> None:
    with pytest.raises(DataError, match="expected a file of version 3, found version 4; update tensorgrad"):
        loaded(written({"__metadata__": {"tensorgrad": "tensorgrad 4 00000000 {}"}}))


@pytest.mark.parametrize(
    "entry",
    [
        {"a": {"dtype": "F32", "shape": [1] * 1_000_000, "data_offsets": [0, 4]}},
        {"a" * 1_000_000: {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F" * 1_000_000, "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"b": ["c"] * 1_000_000}},
    ],
    ids=["shape", "name", "dtype", "metadata"],
)
def test_what_a_header_says_at_length_is_refused_in_a_text_that_a_person_can_read(entry: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        loaded(written(entry, bytes(4)))
    assert len(str(caught.value)) < 500
