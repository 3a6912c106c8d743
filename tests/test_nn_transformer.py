"""Transformer layers and stacks: PyTorch's in text, state and two derivatives, masks, generators, refusals."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.testing import check_gradients, gradcheck
from tests.peer import close, same_module, torch_

RNG = np.random.default_rng


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return RNG(seed).normal(size=shape)


SRC, TGT = normal(4, 2, 8), normal(3, 2, 8, seed=1)
PADDING = np.array([[False, False, True, False], [False, False, False, True]])


def future(n: int) -> np.ndarray:
    """The additive mask that hides what comes later."""
    return np.triu(np.full((n, n), -np.inf), 1)


def called(make: Any, **given: Any) -> Any:
    """`make`, its module with drawn parameters and called with `given`, arrays as tensors."""

    def made(lib: Any) -> Any:
        module = make(lib)
        tensor = tg.tensor if lib is nn else torch_().tensor
        for i, p in enumerate(module.parameters()):
            p.data.copy_(tensor(normal(*p.shape, seed=30 + i) * 0.3))
        forward = module.forward
        options = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
        module.forward = lambda *xs: forward(*xs, **options)
        return module

    return made


def encoder(**options: Any) -> Any:
    return lambda lib: lib.TransformerEncoderLayer(8, 2, 6, **{"dropout": 0.0, **options})


def decoder(**options: Any) -> Any:
    return lambda lib: lib.TransformerDecoderLayer(8, 2, 6, **{"dropout": 0.0, **options})


def encoders(norm: bool = False, **options: Any) -> Any:
    def make(lib: Any) -> Any:
        last = lib.LayerNorm(8) if norm else None
        return lib.TransformerEncoder(encoder(**options)(lib), 2, last, enable_nested_tensor=False)

    return make


def decoders(lib: Any) -> Any:
    return lib.TransformerDecoder(decoder()(lib), 2, lib.LayerNorm(8))


def whole(**options: Any) -> Any:
    """Both halves; PyTorch warns of a fast path that it cannot take."""

    def make(lib: Any) -> Any:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "enable_nested_tensor is True")
            return lib.Transformer(8, 2, 2, 1, 6, **{"dropout": 0.0, **options})

    return make


MODULES: dict[str, tuple[Any, list[np.ndarray]]] = {
    "encoder layer": (called(encoder()), [SRC]),
    "encoder layer, norm first": (called(encoder(norm_first=True)), [SRC]),
    "encoder layer, gelu": (called(encoder(activation="gelu")), [SRC]),
    "encoder layer, tanh": (called(lambda lib: encoder(activation=lib.Tanh())(lib)), [SRC]),
    "encoder layer, batch_first": (called(encoder(batch_first=True)), [SRC]),
    "encoder layer, no bias": (called(encoder(bias=False, layer_norm_eps=1e-3)), [SRC]),
    "encoder layer of one": (called(encoder()), [SRC[:, 0]]),
    "encoder layer, masks": (called(encoder(), src_mask=future(4), src_key_padding_mask=PADDING * -2.0), [SRC]),
    "encoder layer, causal": (called(encoder(), src_mask=future(4), is_causal=True), [SRC]),
    "decoder layer": (called(decoder()), [TGT, SRC]),
    "decoder layer, norm first": (called(decoder(norm_first=True, activation="gelu")), [TGT, SRC]),
    "decoder layer of one": (called(decoder(bias=False)), [TGT[:, 0], SRC[:, 0]]),
    "decoder layer, masks": (
        called(decoder(), tgt_mask=future(3), memory_mask=normal(3, 4), memory_key_padding_mask=PADDING * -2.0),
        [TGT, SRC],
    ),
    "decoder layer, batch_first": (
        called(decoder(batch_first=True), tgt_key_padding_mask=PADDING[:, :3], memory_key_padding_mask=PADDING),
        [TGT.swapaxes(0, 1).copy(), SRC.swapaxes(0, 1).copy()],
    ),
    "encoder": (called(encoders()), [SRC]),
    "encoder, norm": (called(encoders(norm=True, norm_first=True), mask=future(4)), [SRC]),
    "encoder, padding": (called(encoders(), src_key_padding_mask=PADDING), [SRC]),
    "decoder": (called(decoders, tgt_mask=future(3), tgt_is_causal=True), [TGT, SRC]),
    "transformer": (called(whole()), [SRC, TGT]),
    "transformer of one": (called(whole(norm_first=True)), [SRC[:, 0], TGT[:, 0]]),
    "transformer, masks": (
        called(
            whole(batch_first=True), src_mask=normal(4, 4), tgt_mask=future(3), memory_mask=normal(3, 4),
            src_key_padding_mask=PADDING * -2.0, memory_key_padding_mask=PADDING * -2.0,
        ),
        [SRC.swapaxes(0, 1).copy(), TGT.swapaxes(0, 1).copy()],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_pytorchs_in_text_state_and_two_derivatives(name: str) -> None:
    make, arrays = MODULES[name]
    torch = torch_()
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # the fused kernels have one derivative
        same_module(make, *arrays, rtol=1e-9, atol=1e-9)


def test_evaluation_is_pytorchs_without_dropout() -> None:
    same_module(called(encoder(dropout=0.5)), SRC, training=False, order=1)
    same_module(called(whole(dropout=0.5)), SRC, TGT, training=False, order=1)


def test_a_state_of_pytorch_loads() -> None:
    torch = torch_()
    theirs, ours = whole()(torch.nn), whole()(nn)
    state = {k: v.numpy() for k, v in theirs.state_dict().items()}
    assert str(ours.load_state_dict(state)) == "<All keys matched successfully>"
    x, y = SRC.astype(np.float32), TGT.astype(np.float32)
    close(ours(tg.tensor(x), tg.tensor(y)), theirs(torch.tensor(x), torch.tensor(y)), 1e-4, 1e-5)


# --- without PyTorch --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm_first", [False, True])
def test_an_encoder_layer_is_its_equation(norm_first: bool) -> None:
    layer = called(encoder(norm_first=norm_first))(nn).double()
    x = tg.tensor(SRC)

    def network(x: tg.Tensor) -> tg.Tensor:
        return layer.linear2(layer.linear1(x).relu())

    def attended(x: tg.Tensor) -> tg.Tensor:
        return layer.self_attn(x, x, x)[0]

    if norm_first:
        once = x + attended(layer.norm1(x))
        wanted = once + network(layer.norm2(once))
    else:
        once = layer.norm1(x + attended(x))
        wanted = layer.norm2(once + network(once))
    close(layer(x), wanted.detach(), 1e-12)


@pytest.mark.slow
def test_the_derivatives_of_a_decoder_layer_are_right() -> None:
    layer = nn.TransformerDecoderLayer(4, 2, 3, dropout=0.0, activation=tg.tanh).double()
    mask = tg.tensor(future(2))
    tgt, memory = (tg.tensor(normal(n, 2, 4, seed=n), requires_grad=True) for n in (2, 3))
    assert gradcheck(lambda a, b: layer(a, b, tgt_mask=mask), (tgt, memory))
    loss = lambda: (layer(tgt.detach(), memory.detach(), tgt_mask=mask) ** 2 * tg.tensor(normal(2, 2, 4))).sum()  # noqa: E731
    report = check_gradients(loss, layer.named_parameters())
    report.raise_if_not_passed()
    assert len(report.parameters) == 18


def test_behind_its_mask_a_decoder_does_not_see_the_future() -> None:
    model = whole()(nn)
    src, tgt = tg.randn(4, 2, 8), tg.randn(5, 2, 8, requires_grad=True)
    y = model(src, tgt, tgt_mask=model.generate_square_subsequent_mask(5), tgt_is_causal=True)
    for i in range(5):
        (grad,) = tg.autograd.grad((y[i] * tg.randn(2, 8)).sum(), tgt, retain_graph=True)
        assert (grad[i + 1 :] == 0).all()
        assert (grad[i] != 0).any()


def test_without_positions_an_encoder_does_not_know_the_order() -> None:
    model = encoders(norm=True)(nn).double()
    x, order = tg.tensor(SRC), [2, 0, 3, 1]
    close(model(x[order]), model(x)[order].detach(), 1e-12)


def test_the_mask_of_the_future_is_minus_infinity_above_the_diagonal() -> None:
    mask = nn.Transformer.generate_square_subsequent_mask(3)
    np.testing.assert_array_equal(mask.numpy(), future(3))
    assert mask.dtype == tg.float32
    assert nn.Transformer.generate_square_subsequent_mask(2, dtype=tg.float64).dtype == tg.float64


def test_copies_of_a_layer_start_alike_and_are_trained_apart() -> None:
    layer = encoder()(nn)
    model = nn.TransformerEncoder(layer, 2)
    first, second = (list(part.parameters()) for part in model.layers)
    assert len({id(p) for p in (*first, *second, *layer.parameters())}) == 3 * len(first)
    for a, b in zip(first, second, strict=True):
        assert tg.equal(a, b)
        assert not np.shares_memory(a.detach().numpy(), b.detach().numpy())
    deep = nn.Transformer(8, 2, 2, 2, 6)
    assert not tg.equal(deep.encoder.layers[0].linear1.weight, deep.encoder.layers[1].linear1.weight)


def test_copies_draw_their_dropout_from_one_generator_which_decides_on_all() -> None:
    one, two = (nn.Transformer(8, 2, 2, 1, 6, 0.5, generator=tg.Generator().manual_seed(4)) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert tg.equal(a, b)
    src, tgt = tg.randn(4, 2, 8), tg.randn(3, 2, 8)
    assert tg.equal(one(src, tgt), two(src, tgt))
    assert not tg.equal(one(src, tgt), one(src, tgt))
    layers = one.encoder.layers
    x = tg.ones(1000)
    assert not tg.equal(layers[0].dropout1(x), layers[1].dropout1(x))


def test_all_matrices_start_by_xaviers_rule() -> None:
    model = nn.Transformer(40, 2, 1, 1, 60)
    for name, p in model.named_parameters():
        if p.ndim > 1:
            bound = np.sqrt(6 / sum(p.shape))
            assert 0.98 * bound < abs(p.detach().numpy()).max() <= bound * (1 + 1e-6), name


REFUSED: list[tuple[Any, list[tuple[int, ...]], dict[str, Any], str]] = [
    (encoder(), [(3, 2, 8)], {"is_causal": True}, "Need attn_mask if specifying the is_causal hint"),
    (whole(), [(3, 2, 8), (4, 3, 8)], {}, "the batch number of src and tgt must be equal"),
    (whole(), [(3, 2, 8), (4, 8)], {}, "the batch number of src and tgt must be equal"),
    (whole(batch_first=True), [(3, 2, 8), (4, 2, 8)], {}, "the batch number of src and tgt must be equal"),
    (whole(), [(3, 2, 7), (4, 2, 7)], {}, "the feature number of src and tgt must be equal to d_model"),
]


@pytest.mark.parametrize(("make", "shapes", "options", "text"), REFUSED)
def test_what_does_not_fit_is_refused_as_by_pytorch(make: Any, shapes: Any, options: dict[str, Any], text: str) -> None:
    for lib in (tg, torch_()):
        with pytest.raises(RuntimeError, match=text):
            make(lib.nn)(*(lib.zeros(*shape) for shape in shapes), **options)


def test_an_unknown_activation_is_refused_as_by_pytorch() -> None:
    for lib in (tg, torch_()):
        with pytest.raises(RuntimeError, match="activation should be relu/gelu, not x"):
            encoder(activation="x")(lib.nn)
