"""Files of ONNX: checked by its checker, run by its reference evaluator on other inputs, to the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import MissingDependencyError, TensorgradError
from tensorgrad.nn import functional

onnx = pytest.importorskip("onnx", reason="onnx is not installed")


def run(model: Any, *arrays: Any) -> list[Any]:
    from onnx.reference import ReferenceEvaluator

    names = [entry.name for entry in model.graph.input]
    found: list[Any] = ReferenceEvaluator(model).run(None, dict(zip(names, arrays, strict=True)))
    return found


def tensors(result: Any) -> list[tg.Tensor]:
    if isinstance(result, tuple | list):
        return [x for part in result for x in tensors(part)]
    return [] if result is None else [result]


def same_on_others(function: Callable[..., Any], *args: tg.Tensor, atol: float = 1e-6) -> Any:
    """Assert that the file computes what the function does, of the traced inputs and of others; return the model."""
    model = tg.onnx.export(function, args)
    rng = np.random.default_rng(1)
    others = [a if a.array.dtype.kind != "f" else tg.tensor(rng.normal(size=a.shape), dtype=a.dtype) for a in args]
    for given in (args, others):
        expected = tensors(function(*given))
        found = run(model, *[x.detach().numpy() for x in given])
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            assert a.shape == b.shape
            assert a.dtype == b.array.dtype
            np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-5, atol=atol, equal_nan=False)
    return model


def image() -> tg.Tensor:
    tg.manual_seed(0)
    return tg.randn(2, 4, 9, 9)


def rows() -> tg.Tensor:
    tg.manual_seed(0)
    return tg.randn(5, 6)


def series() -> tg.Tensor:
    tg.manual_seed(0)
    return tg.randn(5, 2, 3)


LAYERS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tg.Tensor]]] = {
    "Linear": (lambda: nn.Linear(6, 4), rows),
    "BatchNorm1d in training": (lambda: nn.BatchNorm1d(6), rows),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(6).eval(), rows),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(4).eval(), image),
    "Dropout": (lambda: nn.Dropout().eval(), rows),
    "network of the chapter": (
        lambda: nn.Sequential(
            nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3), nn.Softmax(1)
        ).eval(),
        rows,
    ),
    "Conv1d": (lambda: nn.Conv1d(2, 5, 2, dilation=2), lambda: series()),
    "Conv2d": (lambda: nn.Conv2d(4, 5, 3, padding=1, stride=2), image),
    "Conv2d of groups": (lambda: nn.Conv2d(4, 6, (3, 2), groups=2, bias=False), image),
    "Conv2d padded to the same": (lambda: nn.Conv2d(4, 2, 3, padding="same"), image),
    "Conv2d of one image": (lambda: nn.Conv2d(4, 2, 3), lambda: image()[0]),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1), image),
    "MaxPool2d": (lambda: nn.MaxPool2d(3, 2, padding=1), image),
    "MaxPool2d with a ceiling": (lambda: nn.MaxPool2d(2, ceil_mode=True), image),
    "AvgPool2d": (lambda: nn.AvgPool2d(3, 2), image),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(2), image),
    "LSTM": (lambda: nn.LSTM(3, 4, num_layers=2, bidirectional=True), series),
    "GRU": (lambda: nn.GRU(3, 4), series),
    "RNN": (lambda: nn.RNN(3, 4, batch_first=True), series),
    "TransformerEncoderLayer": (
        lambda: nn.TransformerEncoderLayer(3, 1, 8, activation="gelu", batch_first=True).eval(), series),
    "LayerNorm": (lambda: nn.LayerNorm(6), rows),
    "GroupNorm": (lambda: nn.GroupNorm(2, 4), image),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(4), image),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), image),
    "ReflectionPad2d": (lambda: nn.ReflectionPad2d(1), image),
    "PixelShuffle": (lambda: nn.PixelShuffle(2), image),
    "Flatten": (nn.Flatten, image),
    "MaxPool2d of one image": (lambda: nn.MaxPool2d(2), lambda: image()[0]),
    "MaxPool2d with places": (lambda: nn.MaxPool2d(3, 2, 1, return_indices=True), image),
    "AdaptiveMaxPool2d": (lambda: nn.AdaptiveMaxPool2d(2), image),
    "AdaptiveMaxPool1d of one row": (lambda: nn.AdaptiveMaxPool1d(4), lambda: series()[0]),
    "TransformerEncoder of what came before": (lambda: Causal(), series),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_gives_the_same_numbers(name: str) -> None:
    make, data = LAYERS[name]
    tg.manual_seed(1)
    same_on_others(make(), data())


class Causal(nn.Module):
    """A language model's body: each place sees those before it."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(3, 1, 8, batch_first=True)
        self.body = nn.TransformerEncoder(layer, 2).eval()

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        return tensor_of(self.body(x, mask=mask, is_causal=True))


def tensor_of(result: Any) -> tg.Tensor:
    assert isinstance(result, tg.Tensor)
    return result


ACTIVATIONS = (
    "CELU", "ELU", "GELU", "GLU", "Hardshrink", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "LogSigmoid",
    "Mish", "PReLU", "ReLU", "ReLU6", "SELU", "SiLU", "Sigmoid", "Softplus", "Softshrink", "Softsign", "Tanh",
    "Tanhshrink",
)  # fmt: skip


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_gives_the_same_numbers(name: str) -> None:
    same_on_others(getattr(nn, name)(), rows() * 3)


FUNCTIONS: dict[str, Callable[[tg.Tensor], Any]] = {
    "arithmetic": lambda x: (x + 1) * 2 - x / 3 + (-x) ** 2 + x.abs().sqrt() + 2**x,
    "whole parts": lambda x: (
        x // 0.3 + x % 0.3 + x.fmod(0.7) + x.floor() + x.ceil() + x.round() + x.trunc()
        + x.sign()),
    "logarithms": lambda x: (
        x.abs().log1p() + x.expm1() + x.exp2() + (x.abs() + 1).log2() + (x.abs() + 1).log10()
        + x.exp()),
    "angles": lambda x: (
        x.sin() + x.cos() + x.tan() + x.atan() + tg.atan2(x, x.flip(0)) + x.tanh().asin()
        + x.tanh().acos()),
    "hyperbolic": lambda x: x.sinh() + x.cosh() + x.asinh() + (x.abs() + 1).acosh() + (x / 9).tanh().atanh(),
    "errors": lambda x: x.erf() + x.erfc() + tg.logaddexp(x, -x) + tg.hypot(x, x + 1) + x.sigmoid(),
    "reductions": lambda x: (x.sum(), x.sum(0), x.mean((0, 1), keepdim=True), x.amax(1), x.amin(0), x.cumsum(1)),
    "positions": lambda x: (x.argmax(), x.argmax(1), x.argmin(0, keepdim=True)),
    "norms": lambda x: (x.norm(), x.norm(1), tg.linalg.vector_norm(x, dim=1), x.var(0), x.std()),
    "indices": lambda x: (x[1], x[-1], x[1:4, ::2], x[:, [0, 2, 0]], x[[0, 1], [2, 3]], x[None, ..., 0], x.flip(1),
        x[::2]),
    "shapes": lambda x: (x.T, x.reshape(3, -1), x[:, None].expand(5, 2, 6), x.unsqueeze(1).permute(2, 1, 0),
        x.roll(1, 0)),
    "joins": lambda x: (tg.cat([x, x[:2]]), tg.stack([x, x + 1], -1), x.repeat(2, 1), x.chunk(2, 1)[1]),
    "choices": lambda x: (tg.where(x > 0, x, 0.5), x.clamp(-0.5, 0.5), x.clamp(min=0), tg.maximum(x, x.flip(0)),
        x.tril()),
    "truths": lambda x: ((x > 0) & (x < 1), (x > 0) | ~(x < 1), x <= x[0], x != 0, (x > 0) ^ (x < 1),
        (x > 0).sum(), x.bool()),
    "diagonals": lambda x: (x.diagonal(), tg.diag(x[0]), x[:5, :5].trace()),
    "windows": lambda x: (x.unfold(1, 3, 2), functional.unfold(x[None, None], 2),
        functional.fold(functional.unfold(x[None, None], 2), (5, 6), 2)),
    "places that are computed": lambda x: (x[:, x.argmax(1)], x.gather(1, x.argmax(1, keepdim=True)),
        x[x.argmax(1) % 5, x.argmax(1)]),
    "products": lambda x: (x @ x.T, x @ x[0], tg.einsum("ij,kj->ik", x, x), tg.outer(x[0], x[1]),
        tg.linalg.det(x[:4, :4])),
    "dtypes": lambda x: (x.double() + 1, (x > 0).float() * x, x.long() // 2, x.long() % 3, x.int() + 1, x.long() / 2),
    "any and all": lambda x: ((x > 0).any(), (x > 0).any(1), (x > 0).all(0, keepdim=True), x.count_nonzero(1)),
    "orders": lambda x: (*x.sort(1), *x.sort(0, descending=True), x.argsort(), *x.topk(2, 1), *x.topk(2, 0, False),
        *x.median(1), *x.kthvalue(2, 1)),
    "norms of other powers": lambda x: (x.norm(3), x.norm(0.5, dim=1), functional.normalize(x, dim=1)),
    "of no axes": lambda x: (tg.einsum("ii", x[:5, :5]), x[0, 0].permute(), x.sum().reshape(()), x[0, 0].norm()),
    "of arrays": lambda x: tuple(map(tg.from_numpy, (x.numpy().argmax(1), x.numpy().sum(0), x.numpy().max(1),
        x.numpy().swapaxes(0, 1), x.numpy().ravel(), np.flip(x.numpy(), 1), np.sort(x.numpy(), 0)))),
    "softmax": lambda x: (x.softmax(1), x.log_softmax(0), x.logsumexp(1)),
    "written in place": lambda x: _written(x),
    "unused": lambda x: (x.exp(), x * 2)[1],
}  # fmt: skip


def _written(x: tg.Tensor) -> tg.Tensor:
    y = x * 1
    y[1] = 0.5
    y[:, 2] += x[:, 0]
    return y


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_the_same_numbers(name: str) -> None:
    same_on_others(FUNCTIONS[name], rows())


def test_attention_over_three_inputs() -> None:
    tg.manual_seed(0)
    same_on_others(nn.MultiheadAttention(8, 2, batch_first=True), *[tg.randn(2, n, 8) for n in (5, 4, 4)])


def masked(*, boolean: bool) -> list[tg.Tensor]:
    """Return masks (2, 5) of keys, as truths and as numbers: none hidden, some, all of one row."""
    hidden = [tg.zeros(2, 5) > 0, tg.tensor([[0, 0, 0, 1, 1], [0, 1, 0, 0, 0]]) > 0, tg.tensor([[1] * 5, [0] * 5]) > 0]
    return hidden if boolean else [tg.zeros(2, 5).masked_fill(mask, -tg.inf) for mask in hidden]


@pytest.mark.parametrize("boolean", [True, False])
@pytest.mark.parametrize("traced", range(3))
def test_a_mask_of_attention_is_an_input(boolean: bool, traced: int) -> None:
    tg.manual_seed(0)
    attention, x = nn.MultiheadAttention(8, 2, batch_first=True), tg.randn(2, 5, 8)
    masks = masked(boolean=boolean)
    for function in (
        lambda x, mask: attention(x, x, x, key_padding_mask=mask),
        lambda x, mask: attention(x, x, x, attn_mask=mask[:1].repeat(5, 1)),
        lambda x, mask: attention(x, x, x, key_padding_mask=mask, attn_mask=mask[:1].repeat(5, 1)),
        lambda x, mask: functional.scaled_dot_product_attention(x, x, x, attn_mask=mask[:, None]),
    ):
        model = tg.onnx.export(function, (x, masks[traced]))
        for mask in masks:
            expected = tensors(function(x, mask))
            for a, b in zip(run(model, x.numpy(), mask.numpy()), expected, strict=True):
                np.testing.assert_allclose(a, b.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_attention_sees_what_came_before() -> None:
    x = tg.randn(1, 2, 3, 4, generator=tg.Generator().manual_seed(0))
    same_on_others(lambda q: functional.scaled_dot_product_attention(q, q, q, is_causal=True), x)


WITH_PLACES: dict[str, Callable[..., Any]] = {
    "Embedding of padded texts": lambda x, i: functional.embedding(i, x, padding_idx=0),
    "EmbeddingBag of sums": lambda x, i: functional.embedding_bag(i, x, mode="sum"),
    "EmbeddingBag of means": lambda x, i: functional.embedding_bag(i, x, mode="mean", padding_idx=0),
    "EmbeddingBag of maxima": lambda x, i: functional.embedding_bag(i, x, mode="max"),
    "one_hot": lambda x, i: functional.one_hot(i, 7) * x[0, 0],
    "index_add": lambda x, i: x.index_add(0, i[0], x[:3]),
    "index_copy": lambda x, i: x.index_copy(1, i[0], x[:, :3]),
    "index_fill": lambda x, i: x.index_fill(0, i[1], 2.0),
    "index_put": lambda x, i: x.index_put((i[0], i[1]), x[0, :3], accumulate=True),
    "scatter": lambda x, i: x.scatter(0, i, x),
    "scatter_add": lambda x, i: x.scatter_add(0, i, x),
}


@pytest.mark.parametrize("name", WITH_PLACES)
def test_places_that_are_inputs_give_the_same_numbers(name: str) -> None:
    function, x = WITH_PLACES[name], rows()
    model = tg.onnx.export(function, (x, tg.tensor([[1, 2, 0], [0, 4, 3]])))
    for i in ([[1, 2, 0], [0, 4, 3]], [[4, 0, 1], [2, 2, 1]]):
        places = tg.tensor(i)
        (found,) = run(model, x.numpy(), places.numpy())
        np.testing.assert_allclose(found, function(x, places).numpy(), rtol=1e-5, equal_nan=False)


EXTREMES = [1e30, -1e30, 1e-40, 0.0, -0.0, float("inf"), -float("inf"), float("nan"), 3.0, 1e38, 1e-45]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # what the evaluator divides by 0, and float16 cannot hold
@pytest.mark.parametrize("dtype", [tg.float16, tg.float32, tg.float64])
def test_lengths_and_angles_are_right_at_extremes(dtype: tg.dtype) -> None:
    y, x = (tg.tensor(v.ravel()).to(dtype) for v in np.meshgrid(EXTREMES, EXTREMES))
    close = {"rtol": 2e-3 if dtype is tg.float16 else 1e-6, "atol": 0.0}
    for function in (tg.atan2, tg.hypot):
        (found,) = run(tg.onnx.export(function, (y, x)), y.numpy(), x.numpy())
        expected = function(y, x).numpy()
        np.testing.assert_allclose(found, expected, **close)  # NaN where NaN is, as the trace gives it
        there = ~np.isnan(expected)
        assert (np.signbit(found) == np.signbit(expected))[there].all()
    table = tg.tensor([[1e30, -1e30], [1e-30, 2e-30], [3, 4], [0, 0], [tg.inf, 1], [1e38, 1e38]], dtype=dtype)
    for norm in (lambda x: x.norm(dim=1), lambda x: x.norm(3, dim=1), lambda x: x.std(1)):
        (found,) = run(tg.onnx.export(norm, table), table.numpy())
        np.testing.assert_allclose(found, norm(table).numpy(), **close)


def test_what_depends_on_nothing_given_is_written_as_its_value() -> None:
    mask = tg.ones(5, 6).tril()
    model = same_on_others(lambda x: x.masked_fill(mask == 0, -1.0), rows())
    assert [node.op_type for node in model.graph.node] == ["Where", "Identity"]


def test_ids_of_words_and_classes_are_inputs() -> None:
    tg.manual_seed(0)
    ids = tg.tensor([[1, 2], [0, 4]])
    embedding = nn.Embedding(5, 3)
    model = same_on_others(embedding, ids)
    assert run(model, np.array([[4, 4], [3, 0]]))[0].tolist() == embedding(tg.tensor([[4, 4], [3, 0]])).tolist()
    loss = tg.onnx.export(nn.CrossEntropyLoss(), (tg.randn(3, 4), tg.tensor([1, 2, 0])))
    scores, classes = tg.randn(3, 4), tg.tensor([3, 3, 1])
    expected = functional.cross_entropy(scores, classes).item()
    assert run(loss, scores.numpy(), classes.numpy())[0] == pytest.approx(expected, rel=1e-5)


def test_convolutions_and_pools_are_onnxs_own() -> None:
    tg.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(4, 3, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(27, 2))
    model = same_on_others(network, image())
    assert [node.op_type for node in model.graph.node] == ["Conv", "Relu", "MaxPool", "Reshape", "Gemm", "Identity"]
    assert {"0.weight", "0.bias", "4.weight", "4.bias"} <= {entry.name for entry in model.graph.initializer}


def test_names_the_file_and_the_opset(tmp_path: Path) -> None:
    model = nn.Linear(6, 2)
    path = tmp_path / "linear.onnx"
    made = tg.onnx.export(model, rows(), path, input_names=["pixels"], output_names=["scores"], opset_version=20)
    read = onnx.load(path)
    assert read == made
    assert [x.name for x in read.graph.input] == ["pixels"]
    assert [x.name for x in read.graph.output] == ["scores"]
    assert read.opset_import[0].version == 20
    assert read.producer_name == "tensorgrad"
    two = tg.onnx.export(lambda a, b: (a, a + b), (rows(), rows()))
    assert [x.name for x in two.graph.output] == ["output_0", "output_1"]


class Reading(nn.Module):
    """Goes a way that a value chooses."""

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return x if x.sum() > 0 else -x


@pytest.mark.filterwarnings("ignore:'where' used without 'out'")
@pytest.mark.parametrize(
    ("function", "told"),
    [
        (nn.Dropout(), r"draws random numbers: call model\.eval\(\) first"),
        (nn.Sequential(nn.ReLU(), nn.Dropout()), r"'dropout' .* in 1: Dropout at .*test_onnx\.py:\d+"),
        (lambda x: x.cummax(0), r"'cummax' .*accumulate.* at .*test_onnx\.py:\d+"),
        (lambda x: tg.searchsorted(x[0], x), r"'searchsorted' .* at .*test_onnx\.py:\d+"),
        (Reading(), r"reads a value in Reading at .*test_onnx\.py:\d+ \(return x if"),
        (lambda x: tg.from_numpy(x.numpy().ravel("F")), r"another order"),
        (lambda x: tg.from_numpy(np.add(x.numpy(), 1, where=x.numpy() > 0)), r"where= a mask"),
        (lambda x: tg.from_numpy(np.sum(x.numpy(), 1, where=x.numpy() > 0)), r"where= a mask"),
        (lambda x: tg.from_numpy(x.numpy().reshape(6, 5, order="F")), r"another order"),
        (lambda x: x * 2 if x.sum() > 0 else x, r"reads a value at .*test_onnx\.py:\d+"),
        (lambda x: x * x.max().item(), r"reads a value at .*test_onnx\.py:\d+"),
        (lambda x: tg.linalg.inv(x[:5, :5]), r"'inv' at .*test_onnx\.py:\d+.* has no counterpart in ONNX"),
        (lambda x: x[x > 0], "mask has a shape that is not known|reads a value"),
        (lambda x: tg.complex(x, x).abs(), "is complex"),
        (lambda x: x + tg.randn(5, 6), "draws random numbers"),
        (lambda x: tg.from_numpy(np.median(x.numpy(), 0)), "counterpart|reads a value"),
    ],
)
def test_what_a_file_cannot_hold_is_refused_with_its_place(function: Any, told: str, tmp_path: Path) -> None:
    assert issubclass(tg.onnx.ExportError, TensorgradError)
    with pytest.raises(tg.onnx.ExportError, match=told):
        tg.onnx.export(function, rows(), tmp_path / "none.onnx")
    assert not list(tmp_path.iterdir())


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(TensorgradError, match="input_names has 2 names, expected 1"):
        tg.onnx.export(nn.ReLU(), rows(), input_names=["a", "b"])
    with pytest.raises(TensorgradError, match="opset_version=9: expected one from 18 to 22"):
        tg.onnx.export(nn.ReLU(), rows(), opset_version=9)
    with pytest.raises(TensorgradError, match="must differ: x, x"):
        tg.onnx.export(nn.ReLU(), rows(), input_names=["x"], output_names=["x"])


def test_without_onnx_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingDependencyError, match=r"pip install onnx"):
        tg.onnx.export(nn.ReLU(), rows())


@pytest.mark.parametrize("seed", range(8))
def test_numbers_are_those_of_other_float_dtypes(seed: int) -> None:
    tg.manual_seed(seed)
    dtype = [tg.float32, tg.float64][seed % 2]
    network = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.LayerNorm(5), nn.Linear(5, 2), nn.Softplus()).to(dtype)
    same_on_others(network, tg.randn(3, 6, dtype=dtype), atol=1e-6 if dtype is tg.float32 else 1e-12)


@pytest.mark.parametrize(
    ("size", "stride", "padding", "dilation"),
    [(3, 3, 1, 1), ((2, 3), (2, 1), (1, 0), 1), ((3, 2), (3, 3), (1, 1), (1, 2)), (2, 3, 0, 1), (3, 2, 1, 1)],
)
def test_windows_that_begin_behind_the_end_are_left_out_with_ceil_mode(
    size: Any, stride: Any, padding: Any, dilation: Any
) -> None:
    same_on_others(nn.MaxPool2d(size, stride, padding, dilation, ceil_mode=True), tg.randn(2, 3, 7, 8))


class Clashing(nn.Module):
    """Parameters that are called as inputs, outputs and what is computed are."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("x", "output", "output_0", "mul_1", "constant_0", "add_2"):
            setattr(self, name, nn.Parameter(tg.randn(4)))

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return (x * self.x + self.mul_1 * 2.5) * self.output + self.output_0 * self.constant_0 + self.add_2


def test_names_of_parameters_clash_with_no_other() -> None:
    model = same_on_others(Clashing(), tg.randn(3, 4))
    assert [entry.name for entry in model.graph.input] == ["x"]
    assert [entry.name for entry in model.graph.output] == ["output"]
    with pytest.raises(TensorgradError, match="must differ"):
        tg.onnx.export(Clashing(), tg.randn(3, 4), output_names=[""])


def test_what_remains_of_a_division_is_exact() -> None:
    x = tg.tensor([3.0, -7.0, 2.1, 1e5, -0.3, 0.0], dtype=tg.float32)
    same_on_others(lambda x: (x % 0.7, x // 0.3, x % -0.7), x)


def test_sums_products_and_order_of_truths_are_written() -> None:
    x, y = tg.tensor([True, True, False]), tg.tensor([True, False, False])
    same_on_others(lambda x, y: (x + y, x * y, tg.maximum(x, y), x < y, x >= y), x, y)


def test_extremes_along_an_axis_and_where_they_stand_are_written() -> None:
    x = tg.tensor([[1.0, 3.0, 3.0], [2.0, 1.0, 2.0]])
    same_on_others(lambda x: (*x.max(1), *x.min(0), x.max(-1, keepdim=True).values), x)
