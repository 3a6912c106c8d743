"""A whole sequence as one operation: its steps' values and derivatives; what is kept, written, freed and drawn."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.fused import fused_several
from tensorgrad.errors import AutogradError, InPlaceError
from tensorgrad.graph import Graph
from tensorgrad.nn.functional import recurrence, sequences
from tensorgrad.nn.layers import recurrent

R = np.random.default_rng(7)
KINDS: dict[str, dict[str, Any]] = {"LSTM": {}, "GRU": {}, "RNN": {}, "RNN relu": {"nonlinearity": "relu"}}
SETTINGS: list[dict[str, Any]] = [
    {}, {"bias": False}, {"batch_first": True}, {"bidirectional": True}, {"num_layers": 2},
    {"num_layers": 3, "bidirectional": True, "batch_first": True, "bias": False},
]  # fmt: skip


def layer(kind: str, *sizes: int, dtype: Any = tg.float64, **settings: Any) -> nn.Module:
    made: nn.Module = getattr(nn, kind.split(maxsplit=1)[0])(*sizes, **KINDS[kind], **settings).to(dtype)
    return made


def tensors(y: Any) -> list[tg.Tensor]:
    """The outputs and the last states."""
    return [y[0], *(y[1] if isinstance(y[1], tuple) else [y[1]])]


def states(module: Any, n: int, dtype: Any, batched: bool = True) -> list[tg.Tensor]:
    count = module.num_layers * (1 + module.bidirectional)
    shape = (count, n, module.hidden_size) if batched else (count, module.hidden_size)
    return [tg.tensor(R.normal(size=shape), dtype=dtype, requires_grad=True) for _ in range(module.states)]


def called(module: Any, x: tg.Tensor, hx: Sequence[tg.Tensor]) -> list[tg.Tensor]:
    given_ = () if not hx else ((tuple(hx),) if module.states == 2 else tuple(hx))
    return tensors(module(x, *given_))


def both(monkeypatch: pytest.MonkeyPatch, run: Callable[[], Any]) -> tuple[Any, Any]:
    """What `run` returns with the sequence as one operation, and step by step."""
    whole = run()
    with monkeypatch.context() as patch:
        patch.setattr(recurrent, "fusible", lambda *args: False)
        return whole, run()


def is_whole(y: tg.Tensor) -> bool:
    """Whether a sequence stands as one operation behind `y`, whose graph is left as it is."""
    pending, seen = [y.grad_fn], set()
    for node in pending:
        if node is None or node in seen:
            continue
        seen.add(node)
        if node.primitive is not None and node.primitive.name in ("lstm", "gru", "rnn"):
            return True
        pending += [parent for parent, _ in node.next_functions]
    return False


def same(found: Sequence[Any], wanted: Sequence[Any], ulps: float) -> None:
    """Equal to so many units in the last place of the largest number of each."""
    for a, b in [(x.detach().numpy(), y.detach().numpy()) for x, y in zip(found, wanted, strict=True)]:
        assert a.dtype == b.dtype
        scale = np.abs(b).max(initial=1e-3)
        np.testing.assert_allclose(a, b, rtol=0, atol=ulps * np.finfo(b.dtype).eps * scale)


@pytest.mark.parametrize("dtype", [tg.float64, tg.float32], ids=str)
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_the_steps(
    kind: str, settings: Any, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = layer(kind, 4, 5, dtype=dtype, **settings)
    for shape, batched in (((6, 3, 4), True), ((6, 4), False), ((1, 1, 4), True)):
        x = tg.tensor(R.normal(size=shape), dtype=dtype, requires_grad=True)
        n = shape[0] if settings.get("batch_first") else shape[-2]
        hx = states(module, n, dtype, batched)
        seeds = [tg.tensor(R.normal(size=y.shape), dtype=dtype) for y in called(module, x, hx)]

        def run(x: Any = x, hx: Any = hx, seeds: Any = seeds) -> list[tg.Tensor]:
            ys = called(module, x, hx)
            return [*ys, *tg.autograd.grad(ys, [x, *hx, *module.parameters()], seeds)]

        found, wanted = both(monkeypatch, run)
        same(found, wanted, 64)
        assert is_whole(found[0])
        assert not is_whole(wanted[0])


@given(
    kind=st.sampled_from(sorted(KINDS)), steps=st.integers(1, 6), n=st.integers(0, 4), width=st.integers(1, 4),
    size=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 30.0, 1e3]),
)  # fmt: skip
def test_sizes_and_scales_of_all_kinds(
    kind: str, steps: int, n: int, width: int, size: int, seed: int, scale: float
) -> None:
    r, module = np.random.default_rng(seed), layer(kind, width, size, batch_first=True)
    x = tg.tensor(scale * r.normal(size=(n, steps, width)), requires_grad=True)
    with pytest.MonkeyPatch.context() as monkeypatch:
        ys = tensors(module(x))
        seeds = [tg.tensor(r.normal(size=y.shape)) for y in ys]

        def run() -> list[tg.Tensor]:
            ys = tensors(module(x))
            return [*ys, *tg.autograd.grad(ys, [x, *module.parameters()], seeds)]

        found, wanted = both(monkeypatch, run)
    same(found, wanted, 4096)


@pytest.mark.parametrize("use", ["outputs", "last", "both", "one place"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_comes_through_whichever_results_are_read(
    kind: str, use: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = layer(kind, 3, 4, num_layers=2)
    x = tg.tensor(R.normal(size=(5, 2, 3)), requires_grad=True)

    def run() -> list[tg.Tensor]:
        y, *last = tensors(module(x))
        read = {"outputs": [y], "last": last[-1:], "both": [y, *last], "one place": [y[-1]]}[use]
        loss = sum((v * v).sum() for v in read)
        return list(tg.autograd.grad(loss, [x, *module.parameters()]))

    same(*both(monkeypatch, run), 64)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settings", [{}, {"num_layers": 2, "bidirectional": True}], ids=str)
def test_derivatives_of_higher_order_are_those_of_the_steps(
    kind: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = layer(kind, 2, 3, **settings)
    x = tg.tensor(R.normal(size=(4, 2, 2)), requires_grad=True)
    v = tg.tensor(R.normal(size=(4, 2, 2)))

    def run() -> list[tg.Tensor]:
        y, *last = tensors(module(x))
        loss = (y**2).sum() + sum((h**3).sum() for h in last)
        wanted = [x, *module.parameters()]
        first = tg.autograd.grad(loss, wanted, create_graph=True)
        second = tg.autograd.grad(sum((g**2).sum() for g in first), wanted, create_graph=True)
        third = tg.autograd.grad(sum(g.sum() for g in second), wanted)
        ahead = tg.autograd.jvp(tensors(module(x))[0], x, v)
        return [*first, *second, *third, ahead[0] if isinstance(ahead, tuple) else ahead]

    same(*both(monkeypatch, run), 4096)


@pytest.mark.parametrize("tracked", ["x", "h", "weight_ih_l0", "weight_hh_l0", "bias_hh_l0"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_requires_no_gradient_gets_none(kind: str, tracked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = layer(kind, 3, 4)
    for name, p in module.named_parameters():
        p.requires_grad = name == tracked
    x = tg.tensor(R.normal(size=(5, 2, 3)), requires_grad=tracked == "x")
    hx = [h.detach() for h in states(module, 2, tg.float64)]
    hx[0].requires_grad = tracked == "h"
    one = {"x": x, "h": hx[0], **dict(module.named_parameters())}[tracked]

    def run() -> list[tg.Tensor]:
        one.grad = None
        ys = called(module, x, hx)
        sum((y * y).sum() for y in ys).backward()  # type: ignore[union-attr]
        assert one.grad is not None
        return [one.grad]

    same(*both(monkeypatch, run), 64)
    assert all(p.grad is None for p in [x, *hx, *module.parameters()] if p is not one)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradients_of_the_two_biases_are_two_arrays(kind: str) -> None:
    module: Any = layer(kind, 3, 4)
    module(tg.tensor(R.normal(size=(5, 2, 3))))[0].sum().backward()
    module.bias_ih_l0.grad.zero_()
    assert module.bias_hh_l0.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_inputs_may_lie_anywhere_in_memory(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = layer(kind, 3, 4, batch_first=True)
    base = tg.tensor(R.normal(size=(3, 8, 6)), requires_grad=True)

    def run() -> list[tg.Tensor]:
        y, *last = tensors(module(base.flip(1)[:, ::2].transpose(0, 2)[::2].transpose(0, 2)))
        assert y.is_contiguous()
        return [y, *last, *tg.autograd.grad(y.sum() + last[0].sum(), base)]

    same(*both(monkeypatch, run), 64)


# --- what is kept, written, freed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_kept_where_nothing_is_recorded(kind: str) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(5, 2, 3)))
    with tg.no_grad():
        ys = tensors(module(x))
    assert all(y.node is None and not y.requires_grad for y in ys)
    kept = weakref.ref(x.array)
    del x
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_given_out_may_be_written(kind: str) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(5, 2, 3)), requires_grad=True)
    (wanted,) = tg.autograd.grad(2 * module(x)[0].sum(), x)
    y, *last = tensors(module(x))
    total = 2 * y.sum()
    with tg.no_grad():
        for h in (y, *last):
            h.zero_()
    same(tg.autograd.grad(total, x), [wanted], 1)


@pytest.mark.parametrize("name", ["x", "h", "weight_ih_l0", "weight_hh_l0"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_needed_may_not(kind: str, name: str) -> None:
    module = layer(kind, 3, 4)
    x, hx = tg.tensor(R.normal(size=(5, 2, 3))), states(module, 2, tg.float64)
    y, *last = called(module, x, hx)
    with tg.no_grad():
        {"x": x, "h": hx[0], **dict(module.named_parameters())}[name].mul_(2)
    for create_graph in (False, True):
        with pytest.raises(InPlaceError, match="modified by an inplace operation: "):
            tg.autograd.grad(y.sum() + last[0].sum(), list(module.parameters()), create_graph=create_graph)
    assert [node for node in Graph.of(y).nodes if node.operands]  # it can be drawn


@pytest.mark.parametrize("kind", KINDS)
def test_memory_of_numpys_is_copied(kind: str) -> None:
    module = layer(kind, 3, 4)
    array = R.normal(size=(5, 2, 3))
    wanted = tg.autograd.grad(module(tg.tensor(array))[0].sum(), list(module.parameters()))
    y = module(tg.from_numpy(array))[0]
    array[:] = 0
    same(tg.autograd.grad(y.sum(), list(module.parameters())), wanted, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_is_freed_once_and_twice_only_if_it_is_retained(kind: str) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(5, 2, 3)), requires_grad=True)
    y, *last = tensors(module(x))
    first = tg.autograd.grad(y.sum(), x, retain_graph=True)
    same(tg.autograd.grad(y.sum(), x, retain_graph=True), first, 0)
    tg.autograd.grad(y.sum(), x)
    for result in (y, *last):
        for create_graph in (False, True):
            with pytest.raises(AutogradError, match="second time"):
                tg.autograd.grad(result.sum(), x, create_graph=create_graph)
        with pytest.raises(AutogradError, match="second time"):
            tg.autograd.jvp(result, x, tg.ones(5, 2, 3).double())
    assert Graph.of(*tensors(module(x))[:1]).nodes
    assert Graph.of(y).nodes


def test_what_a_step_keeps_goes_with_its_backward_pass() -> None:
    """Also while a last state is still held, as in training on a sequence piece by piece."""
    module = layer("LSTM", 3, 4)
    y, *last = tensors(module(tg.tensor(R.normal(size=(5, 2, 3)))))
    assert y.grad_fn is not None
    residuals = [weakref.ref(a) for a in y.grad_fn.inputs[0].saved.residuals if isinstance(a, np.ndarray)]
    y.sum().backward()
    assert last
    assert len(residuals) == 7
    assert all(ref() is None for ref in residuals[1:])


# --- the graph --------------------------------------------------------------------------------------------------------


def operations(*ys: tg.Tensor) -> list[str]:
    return [node.op for node in Graph.of(*ys).nodes if node.operands]


@pytest.mark.parametrize("kind", KINDS)
def test_a_graph_shows_the_steps_once_whatever_is_asked_first(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(3, 2, 3)), requires_grad=True)
    whole, steps = both(monkeypatch, lambda: tensors(module(x)))
    assert is_whole(whole[0])
    counted = [sorted(operations(*ys)) for ys in (whole, steps)]
    name = {"LSTM": "sigmoid", "GRU": "sigmoid", "RNN": "tanh", "RNN relu": "relu"}[kind]
    assert counted[0].count(name) == counted[1].count(name)
    assert not is_whole(whole[0])
    again = tensors(module(x))
    operations(again[-1])
    assert sorted(operations(*again)) == counted[0]


@pytest.mark.parametrize("kind", KINDS)
def test_results_that_are_gone_are_not_missed(kind: str) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(3, 2, 3)), requires_grad=True)
    (wanted,) = tg.autograd.grad((module(x)[0] ** 2).sum(), x)
    y = module(x)[0]
    gc.collect()
    (g,) = tg.autograd.grad((y**2).sum(), x, create_graph=True)
    same([g], [wanted], 64)


@pytest.mark.parametrize("kind", KINDS)
def test_hooks_and_modes_see_what_they_see_of_the_steps(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = layer(kind, 3, 4)
    x = tg.tensor(R.normal(size=(3, 2, 3)), requires_grad=True)

    def run() -> list[tg.Tensor]:
        seen = []
        y, *last = tensors(module(x))
        y.register_hook(lambda g: seen.append(g) or g * 2)
        last[-1].retain_grad()
        loss = (y * y).sum() + (last[-1] ** 3).sum()
        x.grad = None
        loss.backward()
        with tg.autograd.detect_anomaly():
            (careful,) = tg.autograd.grad(tensors(module(x))[0].sum(), x)
        return [*seen, x.grad, last[-1].grad, careful, tg.func.grad(lambda x: module(x)[0].sum())(x.detach())]

    same(*both(monkeypatch, run), 64)


def test_an_example_at_a_time_is_the_batch() -> None:
    module = layer("LSTM", 3, 4)
    xs = tg.tensor(R.normal(size=(4, 5, 3)))
    one_by_one = tg.func.vmap(lambda x: module(x)[0])(xs)
    same([one_by_one], [module(xs.transpose(0, 1))[0].transpose(0, 1)], 64)


def test_dropout_stands_between_layers_that_are_whole() -> None:
    def run() -> tg.Tensor:
        tg.manual_seed(3)
        module = nn.LSTM(3, 64, 2, dropout=0.5, generator=tg.Generator().manual_seed(0)).double()
        weight = module.weight_ih_l1
        module(tg.ones(4, 2, 3).double())[0].sum().backward()
        assert weight.grad is not None
        return weight.grad

    assert tg.equal(run(), run())


def test_half_precision_and_projections_go_step_by_step() -> None:
    for module, x in ((nn.GRU(3, 4).half(), tg.ones(2, 1, 3).half()), (nn.LSTM(3, 4, proj_size=2), tg.ones(2, 1, 3))):
        assert not is_whole(module(x)[0])


# --- numbers ----------------------------------------------------------------------------------------------------------


def exact_lstm(sums: Sequence[float], c: float) -> list[float]:
    """A step of one unit, with 60 digits: h, and its derivatives by the sums of i, f, g and o."""

    def h(*s: Any) -> Any:
        i, f, o = (1 / (1 + mp.exp(-v)) for v in (s[0], s[1], s[3]))
        return o * mp.tanh(f * mp.mpf(c) + i * mp.tanh(s[2]))

    with mp.workdps(60):
        at = tuple(map(mp.mpf, sums))
        return [float(h(*at)), *(float(mp.diff(h, at, tuple(int(k == j) for k in range(4)))) for j in range(4))]


OPEN = [(0.0, 0.0, 0.5, 0.0), (-15.0, -30.0, 0.5, -12.0), (12.0, 30.0, 0.5, 14.0), (-30.0, 50.0, 0.5, -40.0)]


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64], ids=str)
@pytest.mark.parametrize("sums", OPEN)
def test_gates_that_are_nearly_shut_or_open_are_right_to_the_last_bits(sums: Sequence[float], dtype: Any) -> None:
    module: Any = layer("LSTM", 1, 1, dtype=dtype)
    with tg.no_grad():
        for p in module.parameters():
            p.zero_()
        module.bias_ih_l0.copy_(tg.tensor(sums, dtype=dtype))
    one = tg.ones(1, 1, 1, dtype=dtype)
    y = module(one, (one, 0.75 * one))[0]
    value, *slopes = exact_lstm(sums, 0.75)
    (g,) = tg.autograd.grad(y.sum(), module.bias_ih_l0)
    assert y.item() == pytest.approx(value, rel=8 * tg.finfo(dtype).eps, abs=0)
    assert g.tolist() == pytest.approx(slopes, rel=16 * tg.finfo(dtype).eps, abs=0)


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64], ids=str)
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
@pytest.mark.parametrize("scale", [1e3, 1e30])
def test_gates_beyond_the_exponential_are_shut_or_open(kind: str, scale: float, dtype: Any) -> None:
    module: Any = layer(kind, 3, 4, dtype=dtype)
    x = tg.tensor(scale * R.normal(size=(5, 2, 3)), dtype=dtype, requires_grad=True)
    with np.errstate(all="raise", under="ignore"):
        ys = tensors(module(x))
    grads = tg.autograd.grad(sum(y.sum() for y in ys), [x, *module.parameters()])
    for v in (*ys, *grads):
        assert np.isfinite(v.detach().numpy()).all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_shows_in_value_and_gradient_as_in_the_steps(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = layer(kind, 3, 4)
    for bad in (np.nan, np.inf):
        array = R.normal(size=(4, 2, 3))
        array[2, 1, 0] = bad
        x = tg.tensor(array, requires_grad=True)

        def run(x: tg.Tensor = x) -> list[np.ndarray]:
            with np.errstate(all="ignore"):
                y = module(x)[0]
                found = [y, *tg.autograd.grad(y.sum(), [x, *module.parameters()])]
            return [np.isnan(v.detach().numpy()) for v in found]

        for a, b in zip(*both(monkeypatch, run), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_rectifier_hides_what_lies_behind_it_as_its_steps_do(monkeypatch: pytest.MonkeyPatch) -> None:
    module: Any = layer("RNN relu", 1, 1)
    with tg.no_grad():
        for p in module.parameters():
            p.fill_(1.0)
    x = tg.tensor([0.0], dtype=tg.float64, requires_grad=True)

    def run() -> list[tg.Tensor]:
        with np.errstate(all="ignore"):
            y = module(x.log().reshape(1, 1, 1))[0]  # minus infinity, which the rectifier makes 0 of
            return [y, *tg.autograd.grad(y.sum(), x)]

    found, wanted = both(monkeypatch, run)
    assert [v.tolist() for v in found] == [v.tolist() for v in wanted] == [[[[0.0]]], [0.0]]


@pytest.mark.parametrize("index", range(7))
def test_a_wrong_cotangent_would_be_seen(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*args: Any) -> tuple[Any, ...]:
        right = [found() if callable(found) else found for found in sequences.lstm_adjoint(*args)]
        right[index] = right[index] * 1.001
        return tuple(right)

    mutant = fused_several("lstm", recurrence._lstm, sequences.lstm, wrong)
    monkeypatch.setattr(recurrence, "lstm", mutant)
    with pytest.raises(AssertionError):
        test_values_and_gradients_are_those_of_the_steps("LSTM", {}, tg.float64, monkeypatch)
