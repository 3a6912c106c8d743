"""Recurrent layers and cells: PyTorch's in text, state, value and two derivatives; their equations; what is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import ArgumentError, DTypeError, ShapeError
from tensorgrad.testing import gradcheck, gradgradcheck
from tests.peer import close, same_module, torch_

R = np.random.default_rng(3)
SEQUENCE = R.normal(size=(5, 3, 4))
LAYERS, CELLS = ["RNN", "GRU", "LSTM"], ["RNNCell", "GRUCell", "LSTMCell"]
SETTINGS: list[dict[str, Any]] = [
    {}, {"bias": False}, {"num_layers": 2}, {"bidirectional": True}, {"batch_first": True},
    {"num_layers": 3, "bidirectional": True, "batch_first": True},
]  # fmt: skip


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("shape", [(3, 2, 4), (3, 4), (1, 2, 4)])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_pytorchs_in_text_state_value_and_two_derivatives(name: str, settings: Any, shape: Any) -> None:
    same_module(lambda lib: getattr(lib, name)(4, 6, **settings), R.normal(size=shape), rtol=1e-9)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("RNN", {"nonlinearity": "relu"}),
        ("LSTM", {"proj_size": 2}),
        ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True, "bias": False}),
    ],
)
def test_a_special_layer_is_pytorchs(name: str, settings: Any) -> None:
    same_module(lambda lib: getattr(lib, name)(4, 6, **settings), SEQUENCE)


def states(name: str, count: int, shape: tuple[int, ...], proj: int = 6) -> list[np.ndarray]:
    widths = [proj, 6] if name.startswith("LSTM") else [6]
    return [R.normal(size=(*([count] if count else []), *shape, width)) for width in widths]


class Given:
    """A layer called with a state: a function, so that inputs and states are compared alike."""

    def __init__(self, layer: Any, pair: bool) -> None:
        self.layer, self.pair = layer, pair

    def __call__(self, x: Any, *hx: Any) -> Any:
        return self.layer(x, tuple(hx) if self.pair else hx[0])


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_a_given_state_is_where_the_layer_begins(name: str, batched: bool) -> None:
    torch = torch_()
    ours = getattr(nn, name)(4, 6, 2, bidirectional=True).double()
    theirs = getattr(torch.nn, name)(4, 6, 2, bidirectional=True).double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    x, hx = SEQUENCE if batched else SEQUENCE[:, 0], states(name, 4, (3,) if batched else ())
    found, wanted = (
        Given(layer, name == "LSTM")(*[lib.tensor(a, requires_grad=True) for a in (x, *hx)])
        for layer, lib in ((ours, tg), (theirs, torch))
    )
    close(found[0], wanted[0])
    for a, b in zip(*[y[1] if name == "LSTM" else [y[1]] for y in (found, wanted)], strict=True):
        close(a, b)


@pytest.mark.parametrize("shape", [(3, 4), (4,)])
@pytest.mark.parametrize("settings", [{}, {"bias": False}], ids=str)
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_pytorchs_in_text_state_value_and_two_derivatives(name: str, settings: Any, shape: Any) -> None:
    x, hx = R.normal(size=shape), states(name, 0, shape[:-1])
    same_module(lambda lib: getattr(lib, name)(4, 6, **settings), x)
    torch = torch_()
    ours, theirs = (getattr(lib, name)(4, 6, **settings).double() for lib in (nn, torch.nn))
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    found, wanted = (
        Given(cell, name == "LSTMCell")(*[lib.tensor(a) for a in (x, *hx)])
        for cell, lib in ((ours, tg), (theirs, torch))
    )
    for a, b in zip(*[y if name == "LSTMCell" else [y] for y in (found, wanted)], strict=True):
        close(a, b)


# --- without PyTorch --------------------------------------------------------------------------------------------------


def weights(module: Any) -> dict[str, np.ndarray]:
    return {name.replace("_l0", ""): p.detach().numpy() for name, p in module.named_parameters()}


def elman(w: dict[str, np.ndarray], x: np.ndarray, h: np.ndarray, _: Any) -> tuple[np.ndarray, Any]:
    return np.tanh(x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]), None


def lstm(w: dict[str, np.ndarray], x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gates = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def gru(w: dict[str, np.ndarray], x: np.ndarray, h: np.ndarray, _: Any) -> tuple[np.ndarray, Any]:
    xr, xz, xn = np.split(x @ w["weight_ih"].T + w["bias_ih"], 3, axis=-1)
    hr, hz, hn = np.split(h @ w["weight_hh"].T + w["bias_hh"], 3, axis=-1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    n = np.tanh(xn + r * hn)
    return (1 - z) * n + z * h, None


EQUATIONS: dict[str, Callable[..., Any]] = {"RNN": elman, "LSTM": lstm, "GRU": gru}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_follows_its_equations_along_the_sequence(name: str) -> None:
    layer = getattr(nn, name)(4, 6).double()
    outputs, last = layer(tg.tensor(SEQUENCE))
    h, c = np.zeros((3, 6)), np.zeros((3, 6))
    for t, x in enumerate(SEQUENCE):
        h, c = EQUATIONS[name](weights(layer), x, h, c)
        close(outputs[t], h)
    for found, wanted in zip(last if name == "LSTM" else [last], [h, c], strict=False):
        close(found[0], wanted)


@pytest.mark.parametrize("name", LAYERS)
def test_a_cell_in_a_loop_is_the_layer(name: str) -> None:
    layer, cell = getattr(nn, name)(4, 6).double(), getattr(nn, f"{name}Cell")(4, 6).double()
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    state = None
    for x, y in zip(tg.tensor(SEQUENCE), layer(tg.tensor(SEQUENCE))[0], strict=True):
        state = cell(x, state)
        close(state[0] if name == "LSTM" else state, y)


@pytest.mark.parametrize("name", LAYERS)
def test_batch_first_is_a_transpose_and_the_reverse_direction_a_run_from_the_end(name: str) -> None:
    one, two = getattr(nn, name)(4, 6).double(), getattr(nn, name)(4, 6, bidirectional=True, batch_first=True).double()
    state = one.state_dict()
    two.load_state_dict({**state, **{f"{k}_reverse": v for k, v in state.items()}})
    x = tg.tensor(SEQUENCE)
    forward, backward = one(x)[0], one(x.flip(0))[0].flip(0)
    close(two(x.transpose(0, 1))[0], tg.cat([forward, backward], dim=2).transpose(0, 1))


@pytest.mark.parametrize("name", LAYERS)
def test_an_output_does_not_depend_on_later_inputs(name: str) -> None:
    x = tg.tensor(SEQUENCE, requires_grad=True)
    outputs, _ = getattr(nn, name)(4, 6, 2).double()(x)
    (g,) = tg.autograd.grad(outputs[2].sum(), x)
    assert not g.numpy()[3:].any()
    assert g.numpy()[:3].all()


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_passes_both_checks_of_gradients(name: str) -> None:
    layer = getattr(nn, name)(1, 2).double()
    x = tg.tensor(SEQUENCE[:2, :1, :1], requires_grad=True)
    assert gradcheck(lambda x, *_: layer(x)[0], [x, *layer.parameters()])
    assert gradgradcheck(lambda x, *_: layer(x)[0], [x, *layer.parameters()])


def test_dropout_acts_between_layers_in_training_only() -> None:
    layer = nn.GRU(4, 6, 2, dropout=0.5)
    x = tg.tensor(SEQUENCE).float()
    assert not tg.equal(layer(x)[0], layer(x)[0])
    layer.eval()
    assert tg.equal(layer(x)[0], layer(x)[0])
    with pytest.warns(UserWarning, match="expects num_layers greater than 1, but got dropout=0.5"):
        only = nn.GRU(4, 6, dropout=0.5)
    assert tg.equal(only(x)[0], only(x)[0])


def test_the_same_generator_gives_the_same_weights_within_the_bound() -> None:
    one, two = (nn.LSTM(4, 16, generator=tg.Generator().manual_seed(5)) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert tg.equal(a, b)
        assert 0.2 < a.abs().max().item() <= 0.25
    one.flatten_parameters()


def test_the_masks_between_layers_come_from_the_generator_too() -> None:
    def run(default: int) -> Any:
        tg.manual_seed(default)
        layer = nn.LSTM(4, 6, num_layers=2, dropout=0.5, generator=tg.Generator().manual_seed(1))
        return layer(tg.tensor(SEQUENCE).float())[0]

    assert tg.equal(run(1), run(2))


X = tg.tensor(SEQUENCE).float()
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.RNN(4, 6)(tg.ones(4)), ValueError, "RNN: Expected input to be 2D or 3D, got 1D instead"),
    (lambda: nn.LSTM(5, 6)(X), ShapeError, "must be equal to input_size. Expected 5, got 4"),
    (lambda: nn.GRU(4, 6)(X.double()), DTypeError, "does not match weight dtype"),
    (lambda: nn.GRU(4, 6)(X, tg.ones(1, 2, 6)), ShapeError, r"Expected hidden size \(1, 3, 6\), got \[1, 2, 6\]"),
    (lambda: nn.GRU(4, 6)(X, tg.ones(3, 6)), ShapeError, "For batched 3-D input, hx should also be 3-D but got 2-D"),
    (lambda: nn.GRU(4, 6)(X[0], tg.ones(1, 3, 6)), ShapeError, "For unbatched 2-D input, hx should also be 2-D"),
    (
        lambda: nn.LSTM(4, 6)(X, (tg.ones(1, 3, 6), tg.ones(1, 3, 5))),
        ShapeError,
        r"Expected hidden\[1\] size \(1, 3, 6\), got \[1, 3, 5\]",
    ),
    (lambda: nn.RNN(4, 6)(tg.ones(0, 3, 4)), RuntimeError, "Expected sequence length to be larger than 0"),
    (lambda: nn.RNN(4, 6, nonlinearity="elu"), ArgumentError, "Unknown nonlinearity 'elu'"),
    (lambda: nn.RNN(4, 0), ValueError, "hidden_size must be greater than zero"),
    (lambda: nn.RNN(4.0, 6), TypeError, "input_size should be of type int, got: float"),  # type: ignore[arg-type]
    (lambda: nn.GRU(4, 6, 2, dropout=1.5), ValueError, r"number in range \[0, 1\]"),
    (lambda: nn.LSTM(4, 6, proj_size=6), ValueError, "proj_size has to be smaller than hidden_size"),
    (lambda: nn.LSTM(4, 6, proj_size=-1), ValueError, "should be a positive integer or zero"),
    (lambda: nn.RNNCell(4, 6)(X), ValueError, "RNNCell: Expected input to be 1D or 2D, got 3D instead"),
    (lambda: nn.RNNCell(4, 6, nonlinearity="elu"), ArgumentError, "Unknown nonlinearity: elu"),
    (lambda: nn.LSTMCell(5, 6)(X[0]), ShapeError, "inconsistent input_size: got 4 expected 5"),
    (lambda: nn.GRUCell(4, 6)(X[0], tg.ones(2, 6)), ShapeError, r"Expected hidden of shape \(3, 6\)"),
]


@pytest.mark.parametrize("case", ERRORS, ids=lambda case: case[2])
def test_what_does_not_fit_is_refused_in_pytorchs_words(case: Any) -> None:
    call, error, text = case
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(error, match=text):
            call()
