"""Attention: PyTorch's in value and two derivatives, its formula in plain NumPy, masks, invariants, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.nn import functional
from tensorgrad.testing import check_gradients, gradcheck, gradgradcheck
from tests.peer import close, same_call, same_module, torch_

RNG = np.random.default_rng


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return RNG(seed).normal(size=shape)


def operands(*lead: int) -> list[np.ndarray]:
    """Query (lead, 3, 4), key (lead, 5, 4) and value (lead, 5, 6)."""
    return [normal(*lead, *shape, seed=i) for i, shape in enumerate([(3, 4), (5, 4), (5, 6)])]


SEEN = RNG(4).random((3, 5)) < 0.6
SEEN[0, 0] = SEEN[1, 1] = True
SEEN[2] = False  # a query that may see nothing


# --- scaled_dot_product_attention: side by side -----------------------------------------------------------------------

CALLS: dict[str, tuple[tuple[int, ...], dict[str, Any], Any]] = {
    "matrices": ((), {}, None),
    "batches": ((2,), {}, None),
    "heads": ((2, 3), {"scale": 0.3}, None),
    "causal": ((2,), {"is_causal": True}, None),
    "boolean mask": ((2, 2), {}, SEEN),
    "mask of keys": ((2,), {}, np.array([True, False, True, True, False])),
    "mask of batches": ((2,), {}, RNG(3).random((2, 3, 5)) < 0.7),
    "additive mask": ((2,), {}, normal(3, 5, seed=9)),
    "additive mask with holes": ((2, 2), {}, np.where(SEEN, normal(3, 5, seed=9), -np.inf)),
    "nothing dropped": ((2,), {"dropout_p": 0.0}, None),
}


@pytest.mark.parametrize("name", CALLS)
def test_attention_is_pytorchs_in_value_and_two_derivatives(name: str) -> None:
    lead, options, mask = CALLS[name]

    def call(lib: Any, q: Any, k: Any, v: Any) -> Any:
        given = None if mask is None else lib.tensor(mask)
        return lib.nn.functional.scaled_dot_product_attention(q, k, v, given, **options)

    with_math_backend(lambda: same_call(call, *operands(*lead)))


def with_math_backend(check: Any) -> None:
    """The fused kernels of PyTorch have no second derivative: its formula written out has."""
    torch = torch_()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        check()


def test_an_additive_mask_has_pytorchs_derivatives() -> None:
    def call(lib: Any, q: Any, k: Any, v: Any, mask: Any) -> Any:
        return lib.nn.functional.scaled_dot_product_attention(q, k, v, mask)

    with_math_backend(lambda: same_call(call, *operands(2), normal(2, 3, 5, seed=9)))


@pytest.mark.parametrize("heads", [(6, 2), (4, 4), (3, 1)], ids=str)
def test_groups_of_heads_share_keys_as_in_pytorch(heads: tuple[int, int]) -> None:
    own, others = heads
    arrays = [normal(2, own, 3, 4), normal(2, others, 5, 4, seed=1), normal(2, others, 5, 6, seed=2)]

    def call(lib: Any, q: Any, k: Any, v: Any) -> Any:
        return lib.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)

    with_math_backend(lambda: same_call(call, *arrays))


def test_without_keys_the_output_is_zero() -> None:
    y = functional.scaled_dot_product_attention(tg.ones(1, 2, 4), tg.ones(1, 0, 4), tg.ones(1, 0, 3))
    assert y.tolist() == [[[0.0] * 3] * 2]


# --- scaled_dot_product_attention: without PyTorch --------------------------------------------------------------------


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@given(lead=st.sampled_from([(), (2,), (2, 3)]), sizes=st.tuples(*[st.integers(1, 4)] * 4), causal=st.booleans())
def test_attention_follows_its_formula(lead: tuple[int, ...], sizes: tuple[int, ...], causal: bool) -> None:
    length, keys, e, ev = sizes
    q, k, v = normal(*lead, length, e), normal(*lead, keys, e, seed=1), normal(*lead, keys, ev, seed=2)
    scores = q @ np.swapaxes(k, -1, -2) / np.sqrt(e)
    if causal:
        scores = np.where(np.tri(length, keys, dtype=bool), scores, -np.inf)
    close(functional.scaled_dot_product_attention(*map(tg.tensor, (q, k, v)), is_causal=causal), softmax(scores) @ v)


@pytest.mark.parametrize("name", ["heads", "causal", "boolean mask", "additive mask with holes"])
def test_the_derivatives_of_attention_are_right(name: str) -> None:
    _, options, mask = CALLS[name]
    xs = [tg.tensor(a, requires_grad=True) for a in operands()]

    def call(*xs: tg.Tensor) -> tg.Tensor:
        return functional.scaled_dot_product_attention(*xs, None if mask is None else tg.tensor(mask), **options)

    assert gradcheck(call, xs)
    assert gradgradcheck(call, xs)


@pytest.mark.parametrize("additive", [False, True])
def test_a_query_that_may_see_nothing_gets_zeros_and_sends_back_zeros(additive: bool) -> None:
    mask = tg.tensor(np.where(SEEN, 0.0, -np.inf) if additive else SEEN)
    q, k, v = (tg.tensor(a, requires_grad=True) for a in operands())
    y = functional.scaled_dot_product_attention(q, k, v, mask)
    assert (y[2] == 0).all()
    y.sum().backward()
    assert (q.grad[2] == 0).all()
    assert all(x.grad.isfinite().all() for x in (q, k, v))
    hidden = tg.tensor(np.zeros((3, 5), bool))
    for x in tg.autograd.grad(functional.scaled_dot_product_attention(q, k, v, hidden).sum(), (q, k, v)):
        assert (x == 0).all()


def test_large_scores_do_not_overflow() -> None:
    q, k, v = (tg.tensor(a.astype(np.float32) * f) for a, f in zip(operands(2), (1e18, 1e18, 1), strict=True))
    y = functional.scaled_dot_product_attention(q, k, v)
    best = (q.double() @ k.double().transpose(1, 2)).argmax(2)
    close(y, np.take_along_axis(v.numpy(), best.numpy()[..., None], 1))
    half = [tg.tensor(a).half() * 100 for a in operands(2)]
    assert functional.scaled_dot_product_attention(*half).isfinite().all()


def test_behind_a_causal_mask_nothing_depends_on_the_future() -> None:
    x = tg.randn(2, 6, 4, requires_grad=True)
    y = functional.scaled_dot_product_attention(x, x, x, is_causal=True)
    for i in range(6):
        (grad,) = tg.autograd.grad(y[:, i].sum(), x, retain_graph=True)
        assert (grad[:, i + 1 :] == 0).all()
        assert (grad[:, i] != 0).any()


@given(order=st.permutations(range(5)))
def test_the_order_of_keys_does_not_matter_and_that_of_queries_is_kept(order: list[int]) -> None:
    q, k, v = map(tg.tensor, operands(2))
    y = functional.scaled_dot_product_attention(q, k, v)
    close(functional.scaled_dot_product_attention(q, k[:, order], v[:, order]), y)
    x = tg.tensor(normal(2, 5, 4))
    once = functional.scaled_dot_product_attention(x, x, x)
    moved = x[:, order]
    close(functional.scaled_dot_product_attention(moved, moved, moved), once[:, order])


def test_dropout_zeroes_weights_and_keeps_their_mean() -> None:
    q, k, v = tg.zeros(1, 2000, 4), tg.zeros(1, 10, 4), tg.eye(10)[None]
    weights = functional.scaled_dot_product_attention(
        q, k, v, dropout_p=0.4, generator=tg.Generator().manual_seed(1)
    ).numpy()
    np.testing.assert_allclose(weights[weights != 0], 0.1 / 0.6, rtol=1e-6)
    assert abs((weights == 0).mean() - 0.4) < 0.015
    assert (functional.scaled_dot_product_attention(q, k, v, dropout_p=1.0) == 0).all()


# --- MultiheadAttention: side by side ---------------------------------------------------------------------------------


def attending(options: dict[str, Any], masks: dict[str, np.ndarray] | None = None, **call: Any) -> Any:
    """A maker of modules that are called with `call`, and with `masks` as tensors; their biases are not zero."""

    def make(lib: Any) -> Any:
        module = lib.MultiheadAttention(8, 2, **options)
        tensor = tg.tensor if lib is nn else torch_().tensor
        for i, (name, p) in enumerate(module.named_parameters()):
            if "bias" in name:
                p.data.copy_(tensor(normal(*p.shape, seed=20 + i)))
        forward = module.forward
        given = {k: tensor(v) for k, v in (masks or {}).items()}
        module.forward = lambda *xs: forward(*(xs if len(xs) == 3 else xs * 3), **given, **call)
        return module

    return make


X = normal(3, 2, 8)
MEMORY = normal(5, 2, 8, seed=1)
PADDING = np.array([[False, False, True, False, True], [False, True, False, False, False]])
AHEAD = ~np.tri(3, 5, dtype=bool)
PER_HEAD = RNG(8).random((4, 3, 5)) < 0.3
PER_HEAD[:, :, 0] = False

MODULES: dict[str, tuple[Any, list[np.ndarray]]] = {
    "self": (attending({}), [X]),
    "self, batch_first": (attending({"batch_first": True}), [X]),
    "self of one": (attending({}), [X[:, 0]]),
    "self of one, batch_first": (attending({"batch_first": True}), [X[:, 0]]),
    "memory": (attending({}), [X, MEMORY, MEMORY + 1]),
    "without bias": (attending({"bias": False}), [X, MEMORY, MEMORY]),
    "other features": (attending({"kdim": 3, "vdim": 5}), [X, normal(5, 2, 3), normal(5, 2, 5)]),
    "other features, no bias": (attending({"kdim": 3, "bias": False}), [X, normal(5, 2, 3), MEMORY]),
    "bias_kv": (attending({"add_bias_kv": True}), [X, MEMORY, MEMORY]),
    "zero_attn": (attending({"add_zero_attn": True}), [X, MEMORY, MEMORY]),
    "both, padded": (
        attending({"add_bias_kv": True, "add_zero_attn": True}, {"key_padding_mask": PADDING, "attn_mask": AHEAD}),
        [X, MEMORY, MEMORY],
    ),
    "padding": (attending({}, {"key_padding_mask": PADDING}), [X, MEMORY, MEMORY]),
    "padding of one": (attending({}, {"key_padding_mask": PADDING[0]}), [X[:, 0], MEMORY[:, 0], MEMORY[:, 1]]),
    "additive padding": (attending({}, {"key_padding_mask": normal(2, 5)}), [X, MEMORY, MEMORY]),
    "mask": (attending({}, {"attn_mask": AHEAD}), [X, MEMORY, MEMORY]),
    "additive mask": (attending({}, {"attn_mask": normal(3, 5)}), [X, MEMORY, MEMORY]),
    "mask of each head": (attending({}, {"attn_mask": PER_HEAD}), [X, MEMORY, MEMORY]),
    "additive masks": (
        attending({"batch_first": True}, {"attn_mask": normal(4, 3, 5), "key_padding_mask": normal(2, 5)}),
        [a.swapaxes(0, 1).copy() for a in (X, MEMORY, MEMORY)],
    ),
    "mask of each head of one": (
        attending({}, {"attn_mask": PER_HEAD[:2]}), [X[:, 0], MEMORY[:, 0], MEMORY[:, 1]],
    ),
    "weights of each head": (attending({}, average_attn_weights=False), [X, MEMORY, MEMORY]),
    "weights of each head of one": (attending({}, average_attn_weights=False), [X[:, 0]]),
    "no weights": (attending({}, {"key_padding_mask": PADDING}, need_weights=False), [X, MEMORY, MEMORY]),
    "causal": (attending({}, {"attn_mask": ~np.tri(3, dtype=bool)}, is_causal=True), [X]),
    "causal, no weights": (
        attending({}, {"attn_mask": ~np.tri(3, dtype=bool)}, is_causal=True, need_weights=False), [X],
    ),
}  # fmt: skip


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_pytorchs_in_text_state_weights_and_two_derivatives(name: str, training: bool) -> None:
    make, arrays = MODULES[name]
    with_math_backend(lambda: same_module(make, *arrays, training=training))


def test_the_function_takes_keys_and_values_that_are_projected_already() -> None:
    arrays = [X, normal(24, 8), normal(24, seed=3), normal(8, 8, seed=4), normal(8), normal(4, 5, 4), normal(4, 5, 4)]

    def call(lib: Any, x: Any, w: Any, b: Any, out: Any, out_bias: Any, k: Any, v: Any) -> Any:
        return lib.nn.functional.multi_head_attention_forward(
            x, x, x, 8, 2, w, b, None, None, False, 0.0, out, out_bias, static_k=k, static_v=v
        )

    with_math_backend(lambda: same_call(call, *arrays))


# --- MultiheadAttention: without PyTorch ------------------------------------------------------------------------------


def test_each_head_is_attention_of_its_own_projections() -> None:
    layer = nn.MultiheadAttention(8, 2).double()
    q, k, v = X, MEMORY, MEMORY + 1
    w, b = layer.in_proj_weight.detach().numpy(), normal(24)
    layer.in_proj_bias.data.copy_(tg.tensor(b))
    projected = [x @ w[i * 8 : i * 8 + 8].T + b[i * 8 : i * 8 + 8] for i, x in enumerate((q, k, v))]
    heads, weights = [], []
    for h in range(2):
        qh, kh, vh = (np.swapaxes(p[..., h * 4 : h * 4 + 4], 0, 1) for p in projected)
        weights.append(softmax(qh @ np.swapaxes(kh, 1, 2) / 2))
        heads.append(np.swapaxes(weights[-1] @ vh, 0, 1))
    y, found = layer(tg.tensor(q), tg.tensor(k), tg.tensor(v), average_attn_weights=False)
    close(y, np.concatenate(heads, -1) @ layer.out_proj.weight.detach().numpy().T, 1e-12)
    close(found, np.stack(weights, 1), 1e-12)


@pytest.mark.slow
def test_the_derivatives_of_a_module_are_right() -> None:
    layer = nn.MultiheadAttention(4, 2, add_bias_kv=True, add_zero_attn=True).double()
    x = tg.tensor(normal(3, 2, 4), requires_grad=True)
    mask = tg.tensor(np.triu(np.full((3, 3), -np.inf), 1))
    assert gradcheck(lambda x: layer(x, x, x, attn_mask=mask), x)
    assert gradgradcheck(lambda x: layer(x, x, x, attn_mask=mask)[0], x)
    report = check_gradients(
        lambda: (layer(x.detach(), x.detach(), x.detach())[0] ** 2).sum(), layer.named_parameters()
    )
    report.raise_if_not_passed()
    assert len(report.parameters) == 6


@given(order=st.permutations(range(5)))
def test_self_attention_does_not_know_the_order_of_a_sequence(order: list[int]) -> None:
    layer = nn.MultiheadAttention(8, 2).double()
    x = tg.tensor(MEMORY)
    y, weights = layer(x, x, x)
    moved, others = layer(x[order], x[order], x[order])
    close(moved, y[order])
    close(others, weights[:, order][:, :, order])


def test_batch_first_is_a_transpose() -> None:
    one, two = nn.MultiheadAttention(8, 2), nn.MultiheadAttention(8, 2, batch_first=True)
    two.load_state_dict(one.state_dict())
    q, k = tg.randn(3, 2, 8), tg.randn(5, 2, 8)
    (y, w), (turned, same) = one(q, k, k), two(*(x.transpose(0, 1) for x in (q, k, k)))
    assert tg.equal(y, turned.transpose(0, 1))
    assert tg.equal(w, same)


def test_padded_keys_do_not_matter() -> None:
    layer = nn.MultiheadAttention(8, 2).double()
    q, k = tg.tensor(X), tg.tensor(MEMORY, requires_grad=True)
    y, weights = layer(q, k, k, key_padding_mask=tg.tensor(PADDING))
    assert (weights.detach().numpy()[np.broadcast_to(PADDING[:, None], (2, 3, 5))] == 0).all()
    close(weights.sum(2), np.ones((2, 3)))
    (grad,) = tg.autograd.grad(y.sum(), k)
    assert (grad.numpy()[PADDING.T] == 0).all()
    assert (grad.numpy()[~PADDING.T] != 0).all()
    shorter, _ = layer(q[:, 1:], k[[0, 2, 3, 4], 1:], k[[0, 2, 3, 4], 1:])
    close(y[:, 1:], shorter.detach(), 1e-12)


def test_an_example_without_any_key_gets_the_output_bias_and_no_nan() -> None:
    layer = nn.MultiheadAttention(8, 2)
    layer.out_proj.bias.data.copy_(tg.arange(8))
    q, k = tg.randn(3, 2, 8, requires_grad=True), tg.randn(5, 2, 8)
    mask = tg.tensor([[True] * 5, [False] * 5])
    for need_weights in (True, False):
        y, weights = layer(q, k, k, key_padding_mask=mask, need_weights=need_weights)
        assert tg.equal(y[:, 0], layer.out_proj.bias.expand(3, 8))
        assert weights is None or (weights[0] == 0).all()
        (grad,) = tg.autograd.grad(y.sum(), q)
        assert (grad[:, 0] == 0).all()
        assert (grad[:, 1] != 0).any()


def test_dropout_of_weights_is_for_training_only_and_follows_the_generator() -> None:
    layers = [nn.MultiheadAttention(8, 2, dropout=0.5, generator=tg.Generator().manual_seed(3)) for _ in range(2)]
    x = tg.randn(20, 2, 8)
    (one, weights), (two, _) = (layer(x, x, x, average_attn_weights=False) for layer in layers)
    assert tg.equal(one, two)
    assert abs((weights == 0).float().mean().item() - 0.5) < 0.1
    assert not tg.equal(one, layers[0](x, x, x)[0])
    layers[0].eval()
    still, weights = layers[0](x, x, x)
    assert tg.equal(still, layers[0](x, x, x)[0])
    assert (weights > 0).all()


def test_initial_values_are_xaviers_and_the_biases_zero() -> None:
    layer = nn.MultiheadAttention(60, 3, add_bias_kv=True)
    values = layer.in_proj_weight.detach().numpy()
    bound = np.sqrt(6 / 240)
    assert 0.99 * bound < abs(values).max() <= bound
    assert abs(values.std() - bound / np.sqrt(3)) < 0.01 * bound
    assert (layer.in_proj_bias == 0).all()
    assert (layer.out_proj.bias == 0).all()
    assert 0.98 / np.sqrt(60) < abs(layer.out_proj.weight.detach().numpy()).max() <= 1 / np.sqrt(60)
    separate = nn.MultiheadAttention(60, 3, kdim=20, vdim=100)
    for name, fans in (("q_proj_weight", 120), ("k_proj_weight", 80), ("v_proj_weight", 160)):
        assert 0.98 < abs(getattr(separate, name).detach().numpy()).max() / np.sqrt(6 / fans) <= 1
    assert separate.in_proj_weight is None
    torch = torch_()
    for make in (
        lambda lib: lib.MultiheadAttention(8, 2, kdim=3, add_bias_kv=True),
        lambda lib: lib.MultiheadAttention(8, 2),
    ):
        assert list(make(nn).state_dict()) == list(make(torch.nn).state_dict())


# --- refusals ---------------------------------------------------------------------------------------------------------

Q, K, V = (2, 3, 4), (2, 5, 4), (2, 5, 6)
REFUSED_CALLS: list[tuple[list[tuple[int, ...]], dict[str, Any], str]] = [
    ([(4,), (4,), (4,)], {}, "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: 1"),
    ([Q, K, V], {"attn_mask": np.ones((3, 5), bool), "is_causal": True}, "Explicit attn_mask should not be set when"),
    ([Q, K, V], {"attn_mask": np.ones((3, 5), int)}, "Expected attn_mask dtype to be bool or float or to match query"),
    ([Q, K, V], {"attn_mask": np.ones((3, 4), bool)}, r"The size of tensor a \(\d\) must match the size of tensor b"),
    ([(2, 6, 3, 4), (2, 4, 5, 4), (2, 4, 5, 4)], {"enable_gqa": True}, "Number of heads in key and value must divide"),
]


@pytest.mark.parametrize(("shapes", "options", "text"), REFUSED_CALLS)
def test_what_does_not_fit_is_refused_as_by_pytorch(shapes: Any, options: dict[str, Any], text: str) -> None:
    for lib in (tg, torch_()):
        given = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        with pytest.raises(RuntimeError, match=text):
            lib.nn.functional.scaled_dot_product_attention(*(lib.zeros(*shape) for shape in shapes), **given)


def test_lengths_and_dtypes_that_do_not_fit_are_told() -> None:
    with pytest.raises(ValueError, match=r"expected query \(\.\.\., L, E\).*found \[2, 3, 4\], \[2, 5, 3\] and"):
        functional.scaled_dot_product_attention(tg.ones(2, 3, 4), tg.ones(2, 5, 3), tg.ones(2, 5, 6))
    with pytest.raises(ValueError, match="expected query"):
        functional.scaled_dot_product_attention(tg.ones(2, 3, 4), tg.ones(2, 5, 4), tg.ones(2, 4, 6))
    with pytest.raises(RuntimeError, match=r"to have the same dtype, but got query.dtype: float64"):
        functional.scaled_dot_product_attention(tg.ones(3, 4).double(), tg.ones(5, 4), tg.ones(5, 4))
    with pytest.raises(RuntimeError, match="expected scalar type Float but found int64"):
        functional.scaled_dot_product_attention(*[tg.ones(3, 4).long()] * 3)
    with pytest.raises(ValueError, match="dropout probability has to be between 0 and 1, but got 2"):
        functional.scaled_dot_product_attention(*[tg.ones(3, 4)] * 3, dropout_p=2.0)
    with pytest.raises(RuntimeError, match="whose axis -3 are the heads"):
        functional.scaled_dot_product_attention(*[tg.ones(3, 4)] * 3, enable_gqa=True)


REFUSED_MODULES: list[tuple[list[tuple[int, ...]], dict[str, Any], str]] = [
    ([(8,)] * 3, {}, "query should be unbatched 2D or batched 3D tensor but received 1-D query tensor"),
    ([(3, 2, 8), (5, 8), (5, 8)], {}, "expected `key` and `value` to be 3-D but found 2-D and 2-D tensors"),
    ([(3, 8), (5, 2, 8), (5, 2, 8)], {}, "expected `key` and `value` to be 2-D but found 3-D and 3-D tensors"),
    ([(3, 2, 7), (5, 2, 7), (5, 2, 7)], {}, "was expecting embedding dimension of 8, but got 7"),
    ([(3, 2, 8)] * 3, {"is_causal": True}, "Need attn_mask if specifying the is_causal hint"),
    ([(3, 2, 8)] * 3, {"attn_mask": np.zeros(3)}, "expected `attn_mask` to be `None`, 2-D or 3-D but found 1-D tensor"),
    ([(3, 2, 8)] * 3, {"attn_mask": np.zeros((3, 4))}, r"The shape of the 2D attn_mask is .*but should be \(3, 3\)"),
    ([(3, 2, 8)] * 3, {"attn_mask": np.zeros((2, 3, 3))}, r"The shape of the 3D attn_mask is .* be \(4, 3, 3\)"),
    ([(3, 2, 8)] * 3, {"attn_mask": np.zeros((3, 3), int)}, "only bool and floating types of attn_mask are supported"),
    ([(3, 8)] * 3, {"attn_mask": np.zeros((1, 3, 3))}, r"Expected `attn_mask` shape to be \(2, 3, 3\) but got"),
    ([(3, 2, 8)] * 3, {"key_padding_mask": np.zeros(3, bool)}, "`key_padding_mask` to be `None` or 2-D but found 1-D"),
    ([(3, 8)] * 3, {"key_padding_mask": np.zeros((1, 3), bool)}, "to be `None` or 1-D but found 2-D tensor instead"),
    ([(3, 2, 8)] * 3, {"key_padding_mask": np.zeros((2, 3), int)}, "only bool and floating types of key_padding_mask"),
]


@pytest.mark.parametrize(("shapes", "options", "text"), REFUSED_MODULES)
def test_what_does_not_fit_a_module_is_refused_as_by_pytorch(shapes: Any, options: dict[str, Any], text: str) -> None:
    for lib in (tg, torch_()):
        given = {k: lib.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
        with pytest.raises((RuntimeError, AssertionError), match=text):
            lib.nn.MultiheadAttention(8, 2)(*(lib.zeros(*shape) for shape in shapes), **given)


def test_other_refusals_tell_what_was_expected() -> None:
    layer, x = nn.MultiheadAttention(8, 2), tg.zeros(5, 2, 8)
    for k, v, text in (
        (x, tg.zeros(4, 2, 8), r"key's sequence and batch dims .* do not match value's"),
        (tg.zeros(5, 3, 8), tg.zeros(5, 3, 8), "the batch of the query is 2, that of key and value 3"),
        (tg.zeros(5, 2, 4), x, r"expecting key weights shape of \(8, 4\), but got \[8, 8\]"),
    ):
        with pytest.raises(ValueError, match=text):
            layer(x, k, v)
    with pytest.raises(ValueError, match=r"Expected key_padding_mask of shape \(2, 5\), but got \[2, 4\]"):
        layer(x, x, x, key_padding_mask=tg.zeros(2, 4))
    with pytest.raises(ValueError, match=r"expecting static_k of shape \(4, S, 4\), but got \[3, 5, 4\]"):
        functional.multi_head_attention_forward(
            x, x, x, 8, 2, layer.in_proj_weight, None, None, None, False, 0.0, tg.ones(8, 8), None,
            static_k=tg.ones(3, 5, 4),
        )  # fmt: skip
    with pytest.raises(ValueError, match="embed_dim must be divisible by num_heads"):
        nn.MultiheadAttention(8, 3)
    with pytest.raises(ValueError, match="embed_dim and num_heads must be greater than 0, got embed_dim=8 and"):
        nn.MultiheadAttention(8, 0)


def test_masks_of_different_kinds_are_warned_of_and_add_up() -> None:
    layer, x = nn.MultiheadAttention(8, 2), tg.randn(3, 2, 8)
    padding, mask = tg.tensor([[False, False, True]] * 2), tg.tensor(np.triu(np.full((3, 3), -np.inf, np.float32), 1))
    with pytest.warns(UserWarning, match="Support for mismatched key_padding_mask and attn_mask is deprecated"):
        y, _ = layer(x, x, x, key_padding_mask=padding, attn_mask=mask)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same, _ = layer(x, x, x, key_padding_mask=padding, attn_mask=mask < 0)
    assert tg.equal(y, same)
