"""Packed sequences: PyTorch's in value and two derivatives; each sequence run alone; what is padding is not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, RangeError, ShapeError
from tensorgrad.nn.utils import rnn
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, derivatives, same_call, scalar, torch_

R = np.random.default_rng(5)
LENGTHS = [[3, 5, 1, 5, 2], [4, 4, 4], [1, 1], [1, 6]]
LAYERS = ["RNN", "GRU", "LSTM"]
SETTINGS: list[dict[str, Any]] = [
    {}, {"bias": False, "num_layers": 2}, {"bidirectional": True}, {"num_layers": 2, "bidirectional": True},
]  # fmt: skip


def padded(lengths: list[int], features: tuple[int, ...] = (3,)) -> np.ndarray:
    """A batch whose padding is not a number: whoever reads it shows it."""
    x = R.normal(size=(max(lengths) + 1, len(lengths), *features))
    for column, n in enumerate(lengths):
        x[n:, column] = np.nan
    return x


def packed(lib: Any, x: Any, lengths: list[int], **options: Any) -> Any:
    module = rnn if lib is tg else lib.nn.utils.rnn
    return module.pack_padded_sequence(x, lib.tensor(lengths), enforce_sorted=False, **options)


def unpacked(lib: Any, sequence: Any, **options: Any) -> Any:
    module = rnn if lib is tg else lib.nn.utils.rnn
    return module.pad_packed_sequence(sequence, **options)


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
@pytest.mark.parametrize("features", [(), (3,), (2, 2)])
def test_packing_and_padding_are_pytorchs(lengths: list[int], features: tuple[int, ...]) -> None:
    torch = torch_()
    x = padded(lengths, features)
    found, wanted = (packed(lib, lib.tensor(x), lengths) for lib in (tg, torch))
    for a, b in zip(found, wanted, strict=True):
        close(a, b)
        assert str(a.dtype).removeprefix("tensorgrad.") == str(b.dtype).removeprefix("torch.")
    for options in ({}, {"batch_first": True}, {"total_length": 9}, {"padding_value": -1.5}):
        for a, b in zip(unpacked(tg, found, **options), unpacked(torch, wanted, **options), strict=True):
            close(a, b)


@pytest.mark.parametrize("batch_first", [False, True])
def test_the_derivatives_of_packing_are_pytorchs(batch_first: bool) -> None:
    x = np.nan_to_num(padded([3, 5, 1]))
    same_call(
        lambda lib, x: unpacked(
            lib,
            packed(lib, x.transpose(0, 1) if batch_first else x, [3, 5, 1], batch_first=batch_first),
            batch_first=batch_first,
            padding_value=2.0,
        ),
        x,
    )


def twin(name: str, settings: dict[str, Any]) -> tuple[Any, Any, Any]:
    torch = torch_()
    ours, theirs = (getattr(lib, name)(3, 4, **settings).double() for lib in (nn, torch.nn))
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    return ours, theirs, torch


@pytest.mark.parametrize("begun", [False, True])
@pytest.mark.parametrize("settings", [*SETTINGS, {"proj_size": 2, "bidirectional": True}], ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_of_packed_sequences_is_pytorchs_in_value_and_two_derivatives(
    name: str, settings: dict[str, Any], begun: bool
) -> None:
    if "proj_size" in settings and name != "LSTM":
        settings = {"batch_first": True}  # which means nothing for what is packed
    lengths = LENGTHS[0]
    ours, theirs, torch = twin(name, settings)
    x, count = padded(lengths), settings.get("num_layers", 1) * (1 + settings.get("bidirectional", False))
    widths = [settings.get("proj_size", 4), 4][: 2 if name == "LSTM" else 1]
    starts = [R.normal(size=(count, len(lengths), width)) for width in widths]
    results = []
    for lib, layer in ((tg, ours), (torch, theirs)):
        given_x = lib.tensor(x, requires_grad=True)
        hx = [lib.tensor(h, requires_grad=True) for h in starts]
        state = (tuple(hx) if name == "LSTM" else hx[0]) if begun else None
        y, last = layer(packed(lib, given_x, lengths), state)
        outputs = [unpacked(lib, y)[0], *(last if name == "LSTM" else [last])]
        leaves = [given_x, *(hx if begun else []), *layer.parameters()]
        results.append([*outputs, *derivatives(scalar(outputs, lib), leaves, lib)])
    assert len(results[0]) == len(results[1])
    for a, b in zip(*results, strict=True):
        close(a, b)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_each_sequence_is_what_it_is_alone(name: str, settings: dict[str, Any]) -> None:
    lengths = [2, 4, 1, 4]
    layer, x = getattr(nn, name)(3, 4, **settings).double(), tg.tensor(padded(lengths))
    y, last = layer(packed(tg, x, lengths))
    assert isinstance(y, rnn.PackedSequence)
    outputs, _ = rnn.pad_packed_sequence(y)
    for i, n in enumerate(lengths):
        alone, state = layer(x[:n, i : i + 1])
        close(outputs[:n, i], alone[:, 0])
        close(outputs[n:, i], np.zeros(outputs[n:, i].shape))
        for a, b in zip(last if name == "LSTM" else [last], state if name == "LSTM" else [state], strict=True):
            close(a[:, i], b[:, 0])


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_a_layer_of_packed_sequences(name: str) -> None:
    layer = getattr(nn, name)(2, 2, bidirectional=True).double()

    def f(x: tg.Tensor) -> tg.Tensor:
        return rnn.pad_packed_sequence(layer(packed(tg, x, [1, 3]))[0])[0]

    x = tg.tensor(R.normal(size=(3, 2, 2)), requires_grad=True)
    assert gradcheck(f, x)
    assert gradgradcheck(f, x)


@pytest.mark.parametrize("name", LAYERS)
def test_padding_has_no_gradient_and_no_influence(name: str) -> None:
    lengths = [1, 4, 2]
    x = tg.tensor(padded(lengths), requires_grad=True)
    layer = getattr(nn, name)(3, 2, 2, bidirectional=True).double()
    rnn.pad_packed_sequence(layer(packed(tg, x, lengths))[0])[0].sum().backward()
    assert x.grad is not None
    for column, n in enumerate(lengths):
        assert np.isfinite(x.grad.numpy()[:, column]).all()
        assert (x.grad.numpy()[n:, column] == 0).all()
        assert (x.grad.numpy()[:n, column] != 0).all()


def test_half_precision_goes_step_by_step_and_dropout_zeroes_between_layers() -> None:
    x = np.nan_to_num(padded([2, 3]))
    layer = nn.LSTM(3, 4, 2, dropout=1.0).double()
    (h, _) = layer(packed(tg, tg.tensor(x), [2, 3]))[1]
    lower = nn.LSTM(3, 4).double()
    lower.load_state_dict({k: v for k, v in layer.state_dict().items() if "l0" in k})
    close(h[0], lower(packed(tg, tg.tensor(x), [2, 3]))[1][0][0])
    upper = nn.LSTM(4, 4).double()
    upper.load_state_dict({k.replace("l1", "l0"): v for k, v in layer.state_dict().items() if "l1" in k})
    close(h[1], upper(packed(tg, tg.zeros(4, 2, 4, dtype=tg.float64), [2, 3]))[1][0][0])
    half = nn.GRU(3, 4).half()
    y, _ = half(packed(tg, tg.tensor(x), [2, 3]).half())
    assert y.data.dtype == tg.float16
    close(y.data.double(), half.double()(packed(tg, tg.tensor(x), [2, 3]))[0].data, 1e-2, 1e-2)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.booleans())
def test_what_is_packed_comes_back(lengths: list[int], batch_first: bool) -> None:
    held = [tg.tensor(np.random.default_rng(n).normal(size=(n, 2))) for n in lengths]
    whole = rnn.pack_sequence(held, enforce_sorted=False)
    assert whole.data.shape == (sum(lengths), 2)
    for a, b in zip(rnn.unpack_sequence(whole), held, strict=True):
        assert a.tolist() == b.tolist()
    y, n = rnn.pad_packed_sequence(whole, batch_first)
    assert n.tolist() == lengths
    again = rnn.pack_padded_sequence(y, n, batch_first, enforce_sorted=False)
    assert again.data.tolist() == whole.data.tolist()
    assert again.batch_sizes.tolist() == whole.batch_sizes.tolist()


def test_the_parts_of_a_packed_sequence() -> None:
    whole = rnn.pack_sequence([tg.ones(1), tg.ones(2)], enforce_sorted=False)
    data, sizes, order, back = whole
    assert whole.to(tg.float32) is whole
    assert whole.double().data.dtype == tg.float64
    assert (whole.long().data.dtype, whole.int().data.dtype) == (tg.int64, tg.int32)
    assert whole.cpu() is whole
    assert not whole.is_cuda
    assert order is not None
    assert back is not None
    assert order.tolist() == back.tolist() == [1, 0]
    pair = rnn.PackedSequence((data, sizes), sorted_indices=order)
    assert pair.unsorted_indices is not None
    assert pair.unsorted_indices.tolist() == [1, 0]
    assert rnn.pack_sequence([tg.ones(2), tg.ones(1)]).sorted_indices is None
    with pytest.raises(RuntimeError, match="the CPU only"):
        whole.cuda()


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: rnn.pack_padded_sequence(x, [3, 0]), ArgumentError, "greater than 0.*number 1 is 0"),
        (lambda x: rnn.pack_padded_sequence(x, [1, 3]), ArgumentError, r"sorted in decreasing order.*\[1, 3\]"),
        (lambda x: rnn.pack_padded_sequence(x, [3]), ShapeError, "to be equal to batch_size"),
        (lambda x: rnn.pack_padded_sequence(x, [4, 1]), ShapeError, "length 4 of sequence 0 is more than the 3"),
        (lambda x: rnn.pack_padded_sequence(x[:0], [1, 1]), ShapeError, "Cannot pack empty tensors"),
        (lambda x: rnn.pack_padded_sequence(x[0, 0], [1, 1]), ShapeError, "takes"),
        (
            lambda x: rnn.pad_packed_sequence(rnn.pack_padded_sequence(x, [3, 1]), total_length=2),
            RangeError,
            "total_length=2 and max sequence length being 3",
        ),
        (lambda x: nn.GRU(2, 2)(rnn.PackedSequence(x[:, 0], tg.tensor([1, 2]))), ShapeError, r"found \[1, 2\]"),
        (lambda x: nn.GRU(2, 2)(rnn.PackedSequence(x[:, 0], tg.tensor([2]))), ShapeError, "add up to the 3 rows"),
        (lambda x: nn.GRU(2, 2)(rnn.pack_padded_sequence(x[..., None], [3, 1])), ValueError, "to be 2D, got 3D"),
        (lambda x: nn.GRU(3, 2)(rnn.pack_padded_sequence(x, [3, 1])), ShapeError, "Expected 3, got 2"),
        (
            lambda x: nn.GRU(2, 2)(rnn.pack_padded_sequence(x, [3, 1]), tg.zeros(1, 3, 2)),
            ShapeError,
            r"Expected hidden size \(1, 2, 2\), got \[1, 3, 2\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        call(tg.ones(3, 2, 2))
