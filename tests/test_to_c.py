"""The C file that a graph writes: it gives what the NumPy file does, on other inputs than those of the trace."""

from __future__ import annotations

import ctypes
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import CompileError
from tensorgrad.graph import Graph
from tensorgrad.graph.writing import python_file

from .cfiles import COMPILER, STRICT, Answered, compare, compiled, main_of, near, run_python, same, with_draws

F = nn.functional
RTOL, ATOL = 1e-5, 1e-6  # of the largest number of a result: sums and products add up in another order
compiles = pytest.mark.skipif(COMPILER is None, reason="no C compiler here")


def classifier(*layers):
    net = nn.Sequential(*layers)
    return lambda x, t: F.cross_entropy(net(x), t)


def grown(*shape: int) -> tg.Tensor:
    return tg.randn(*shape, requires_grad=True)


NETWORKS = {
    "a classifier": lambda: (
        classifier(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)), grown(5, 4), tg.tensor([0, 1, 2, 1, 0])
    ),
    "BatchNorm": lambda: (nn.BatchNorm1d(4), grown(6, 4)),
    "BatchNorm, evaluating": lambda: (nn.BatchNorm1d(4).eval(), grown(6, 4)),
    "BatchNorm2d": lambda: (nn.BatchNorm2d(2), grown(3, 2, 4, 5)),
    "convolution": lambda: (
        nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)),
        grown(2, 2, 4, 4),
    ),
    "convolution with a stride": lambda: (nn.Conv2d(2, 4, 3, stride=2, groups=2), grown(2, 2, 7, 6)),
    "average pooling": lambda: (nn.AvgPool2d(3, 2, 1), grown(1, 2, 5, 6)),
    "LSTM cell": lambda: (nn.LSTMCell(3, 4), grown(2, 3)),
    "LSTM": lambda: (nn.LSTM(3, 4), grown(5, 2, 3)),
    "GRU": lambda: (nn.GRU(3, 4), grown(4, 2, 3)),
    "attention": lambda: (nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0, activation="gelu"), grown(3, 2, 4)),
    "LayerNorm and GELU": lambda: (nn.Sequential(nn.LayerNorm(4), nn.GELU()), grown(3, 4)),
    "embedding": lambda: (nn.Embedding(7, 3), tg.tensor([[1, 2, 1], [0, 6, 1]])),
    "activations": lambda: (
        nn.Sequential(nn.ELU(), nn.SELU(), nn.Softplus(), nn.SiLU(), nn.LeakyReLU(), nn.Hardtanh(), nn.LogSoftmax(1)),
        grown(3, 5),
    ),
    "losses": lambda: (
        lambda x, y: F.mse_loss(x, y) + F.smooth_l1_loss(x, y) + F.binary_cross_entropy_with_logits(x, y.sigmoid()),
        grown(3, 5), tg.randn(3, 5),
    ),
}  # fmt: skip
FUNCTIONS = {
    "logsumexp": lambda: (lambda x: x.logsumexp(1), grown(3, 4)),
    "var and std": lambda: (lambda x: x.var(0).sum() + x.std(), grown(3, 4)),
    "cumsum and cumprod": lambda: (lambda x: x.cumsum(1).cumprod(0), grown(3, 4)),
    "computed indices": lambda: (lambda x: x[x.argmax(1) % 3, x.argmin(1)], grown(3, 4)),
    "indices beside slices": lambda: (lambda x: x[:, [0, 2, 2], 1:], grown(3, 4, 5)),
    "gather": lambda: (lambda x, i: x.gather(1, i), grown(3, 4), tg.tensor([[0, 1], [3, 3], [2, 0]])),
    "a boolean where": lambda: (lambda x, m: tg.where(m, x, x * x), grown(3, 4), tg.tensor([True, False, True, False])),
    "integers": lambda: (
        lambda n: (n * 3 - n // 2, n % 3, n.sum(), n.float().mean(), -n.abs()), tg.tensor([[1, 2, 1], [0, 6, -1]])
    ),
    "scalars": lambda: (lambda x, y: x * y + x, tg.tensor(2.0, requires_grad=True), tg.tensor(3.0)),
    "unused arguments": lambda: (lambda x, y, z: x * 2, grown(3), tg.ones(2), tg.ones(1, dtype=tg.int64)),
    "a gradient that several uses share": lambda: (lambda x: (x * x + x.exp()) * x.sum() / (x + 9), grown(4, 3)),
    "several results": lambda: (lambda x: (x.tanh(), x > 0, x, x.T, x.tanh()), grown(3, 4)),
    "a constant": lambda: (lambda x: (x @ tg.eye(3), tg.ones(2)), grown(2, 3)),
    "long sums": lambda: (lambda x: (x.sum(), x.sum(0), x.sum(1), x.mean()), grown(1500, 40)),
    "batches of matrices": lambda: (lambda x, y: tg.bmm(x, y.transpose(1, 2)), grown(3, 4, 2), grown(3, 5, 2)),
    "outer and trace": lambda: (lambda x: x.trace() + tg.outer(x[0], x[1]).sum() + x.diagonal().prod(), grown(3, 3)),
    "joined": lambda: (lambda x, y: tg.stack([tg.cat([x, y]), tg.cat([y, x])]), grown(3, 4), grown(2, 4)),
    "turned": lambda: (lambda x: F.pad(x.flip(0).roll(1, 1).T, (1, 2)).tril(), grown(3, 4)),
    "clamped": lambda: (lambda x: x.clamp(-0.5, 0.5) * x.abs() ** 1.5 + x.clamp(min=0), grown(3, 5)),
    "a norm": lambda: (lambda x: x.norm(dim=1) + F.normalize(x).sum(), grown(3, 4)),
    "extrema": lambda: (lambda x: x.max(1)[0] + x.amin(1), grown(3, 5)),
    "put at indices": lambda: (lambda x, i, y: x.index_put((i,), y), grown(5), tg.tensor([3, 0, 3]), grown(3)),
    "functions of a number": lambda: (lambda x: x.sigmoid() + F.silu(x) * x.erf(), tg.tensor(0.5, requires_grad=True)),
    "nearly equal": lambda: (lambda x, n: (tg.isclose(x, x + 1e-6), tg.isclose(n > 1, n > 2)), grown(3), tg.arange(4)),
    "windows": lambda: (lambda x: x.unfold(0, 3, 1).mean(1), grown(6, 2)),
}  # fmt: skip
CASES = NETWORKS | FUNCTIONS


def others(graph: Graph, rng: np.random.Generator) -> list:
    """Return other arguments for the file: floats are moved, whole numbers stand in another order."""
    found = []
    for node in python_file(graph).arguments.values():
        value = getattr(node, "value", np.zeros(node.shape, node.dtype))
        moved = value + rng.normal(size=value.shape) * 0.5 if value.dtype.kind == "f" else rng.permuted(value)
        found.append(np.asarray(moved, value.dtype))
    return found


@compiles
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("name", CASES)
def test_it_gives_what_the_numpy_file_does(name, dtype, tmp_path) -> None:
    tg.manual_seed(0)
    function, *inputs = CASES[name]()
    if dtype is tg.float64:
        function = function.double() if isinstance(function, nn.Module) else function
        inputs = [x.detach().double().requires_grad_() if x.is_floating_point() else x for x in inputs]
        if name == "a classifier":
            inputs = CASES[name]()[1:]
    graph, rng = Graph.trace(function, *inputs), np.random.default_rng(1)
    source = same(graph, [others(graph, rng) for _ in range(3)], tmp_path, RTOL, ATOL)
    assert "malloc" not in source
    assert not re.search(r"^(static )?(?!static const|struct)\w+ \w+( =|;|\[)", source, re.MULTILINE)  # nothing global


@compiles
@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
def test_what_is_drawn_is_an_argument(dtype, tmp_path) -> None:
    net = nn.Sequential(nn.Linear(4, 5), nn.Dropout(0.4), nn.TransformerEncoderLayer(5, 1, 8, dropout=0.2)).to(dtype)
    graph = Graph.trace(lambda x: net(x) + tg.rand(3, 2, 5, dtype=dtype), tg.randn(3, 2, 4, dtype=dtype))
    python, source = graph.to_python(), graph.to_c()
    assert ", drawn by generator.random((3, 2, 5)" in source
    made = compiled(source, tmp_path)
    for seed in range(3):
        rng = np.random.default_rng(seed)
        arrays = [
            rng.normal(size=n.shape).astype(n.dtype) if n is not None else np.random.default_rng(seed)
            for n in python_file(graph).arguments.values()
        ]
        wanted = run_python(python, [*arrays[:-1], np.random.default_rng(seed)])
        found = made.call("forward", with_draws(source, python, arrays[:-1], np.random.default_rng(seed)))
        near(found[0], wanted.outputs[0], RTOL, ATOL)
        for a, b in zip(made.call("backward", [np.ones_like(found[0])]), wanted.gradients, strict=True):
            near(a, b, RTOL, ATOL)


@compiles
def test_the_backward_pass_of_the_backward_pass(tmp_path) -> None:
    graph = Graph.trace(lambda x: (x**3).sum() + x.exp().sum(), grown(4)).backward()
    same(graph, [others(graph, np.random.default_rng(0))], tmp_path, RTOL, ATOL)


HOSTILE = ["int", "exp", "cache", "np", "double", "i", "j", "whole0", "part0", "t1", "s1", "α̂", "名", "_Bool", "__x",
           "x__y", "NAN", "matmul_f4", "work", "from", "a */ b", "c /* d", "e ??/ f", "g\\", "lambda", "add_f4", "1st",
           "out", "forward", "x_i", "isnan", "INT64_MIN", "gamma", "y1", "x\u202e",
           "lanes0", "lanes_f4", "sum_of_lanes"]  # fmt: skip


@compiles
@pytest.mark.parametrize("batch", range(0, len(HOSTILE), 7))
def test_hostile_names(batch, tmp_path) -> None:
    xs = [grown(3, 4) for _ in HOSTILE[batch : batch + 7]]
    for x, name in zip(xs, HOSTILE[batch:], strict=False):
        x.name = name

    def function(*xs):
        found = 0
        for x, name in zip(xs, HOSTILE[batch + 1 :] + HOSTILE[:7], strict=False):
            y = (x * 2).tanh()
            y.name = name
            z = y.exp().sum(1, keepdim=True) + y
            z.name = f"d{name}"
            found = found + z * z
        return found

    net = nn.Sequential()
    net._modules["a */ \n #include <x> ??/"] = nn.Tanh()
    graph = Graph.trace(lambda *xs: net(function(*xs)), *xs)
    source = same(graph, [others(graph, np.random.default_rng(0))], tmp_path, RTOL, ATOL)
    assert source.isascii() or batch in (7, 14, 28)  # the lines of the NumPy file stand in comments as they are


@compiles
def test_numbers_that_are_none_or_infinite_flow_through(tmp_path) -> None:
    x = grown(4, 3)
    graph = Graph.trace(lambda x: (x.relu() / x.clamp(-1, 1)).softmax(1) + x.abs().sqrt() + x.max(0)[0], x)
    special = np.array([[np.nan, 1, 2], [np.inf, 0, -1], [-np.inf, -0.0, 1e30], [1e-40, 3, -3]], np.float32)
    same(graph, [[special], [special[::-1]], [np.zeros_like(special)]], tmp_path, RTOL, ATOL)


@compiles
def test_an_index_out_of_range_is_answered_and_nothing_is_written(tmp_path) -> None:
    graph = Graph.trace(lambda x, i: x[i] * x[:2], grown(4, 2), tg.tensor([1, -1]))
    made = compiled(graph.to_c(), tmp_path)
    x = np.ones((4, 2), np.float32)
    compare(made, graph.to_python(), [x, np.array([0, -4])], RTOL, ATOL)
    for bad in ([4, 0], [0, -5], [2**62, 0], [-(2**63), 0]):
        with pytest.raises(Answered):
            made.call("forward", [x, np.array(bad)])


@compiles
def test_an_assumption_that_does_not_hold_is_answered(tmp_path) -> None:
    graph = Graph.trace(nn.BatchNorm1d(3), grown(4, 3))
    made, (x, *others_) = compiled(graph.to_c(), tmp_path), others(graph, np.random.default_rng(0))
    assert len(made.call("forward", [x, *others_])) == 1
    with pytest.raises(Answered):
        made.call("forward", [np.full_like(x, np.inf), *others_])


@compiles
def test_threads_with_a_struct_each_do_not_meet(tmp_path) -> None:
    net = classifier(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 3))
    graph = Graph.trace(net, grown(6, 8), tg.tensor([0, 1, 2, 2, 1, 0]))
    source, rng = graph.to_c(), np.random.default_rng(0)
    made = compiled(source, tmp_path)
    inputs = [others(graph, rng) for _ in range(4)]
    alone = [(made.call("forward", x), made.call("backward", [np.ones((), np.float32)])) for x in inputs]

    def work(number: int) -> bool:
        mine = made.another()
        for _ in range(50):
            found = mine.call("forward", inputs[number]), mine.call("backward", [np.ones((), np.float32)])
            if any(
                (a != b).any() for x, y in zip(found, alone[number], strict=True) for a, b in zip(x, y, strict=True)
            ):
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))


@compiles
@pytest.mark.parametrize("name", ["convolution", "LSTM cell", "attention", "computed indices", "integers", "joined"])
def test_sanitizers_find_nothing(name, tmp_path) -> None:
    tg.manual_seed(0)
    function, *inputs = CASES[name]()
    graph = Graph.trace(function, *inputs)
    source = graph.to_c()
    (tmp_path / "main.c").write_text(
        source + main_of(source, next(iter(python_file(graph).arguments.values())).value), "utf-8"
    )
    assert COMPILER is not None
    flags = [*STRICT, "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-o", "main", "main.c", "-lm"]
    made = subprocess.run([*COMPILER.command, *flags], cwd=tmp_path, capture_output=True, text=True, check=False)
    if made.returncode and "cannot find" in made.stderr:
        pytest.skip("no sanitizers here")
    assert made.returncode == 0, made.stderr
    done = subprocess.run([tmp_path / "main"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "0\n"), done.stderr


@compiles
def test_products_can_be_those_of_a_blas(tmp_path) -> None:
    (tmp_path / "cblas.h").write_text(_CBLAS, "utf-8")
    graph = Graph.trace(
        classifier(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)), grown(5, 4), tg.tensor([0, 1, 2, 1, 0])
    )
    made = compiled(graph.to_c(), tmp_path, (*STRICT, "-DUSE_CBLAS", f"-I{tmp_path}"))
    compare(made, graph.to_python(), others(graph, np.random.default_rng(0)), RTOL, ATOL)
    assert ctypes.c_int.in_dll(made.library, "calls").value == 2 + 2 * 4


_CBLAS = """
enum { CblasRowMajor = 101, CblasNoTrans = 111, CblasTrans = 112 };
int calls;
static void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda,
                        const float *b, int ldb, float beta, float *c, int ldc) {
  calls += order == CblasRowMajor;
  for (int i = 0; i < m; i++)
    for (int j = 0; j < n; j++) {
      float sum = beta != 0 ? c[i * ldc + j] * beta : 0;
      for (int l = 0; l < k; l++) {
        const int p = ta == CblasTrans ? l * lda + i : i * lda + l, q = tb == CblasTrans ? j * ldb + l : l * ldb + j;
        sum += alpha * a[p] * b[q];
      }
      c[i * ldc + j] = sum;
    }
}
"""


def test_names_of_modules_and_greek_letters() -> None:
    source = Graph.trace(nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)), tg.randn(4, 3)).to_c()
    for text in (
        "/* x̂ = xμ * ivar\n     γx̂ = x̂ * γ",
        "float x_hat[12];  /* x̂: float32 (4, 3) */",
        "/* linear */",
        "*dgamma",
    ):
        assert text in source


def test_breaks_are_told_at_the_head() -> None:
    graph = Graph.trace(lambda x: x * x.max().item(), tg.tensor([1.0, 2.5]))
    assert "gave 2.5" in graph.to_c().partition("*/")[0]


REFUSED = {
    "argsort": (lambda x: x.sort()[0], tg.ones(3)),
    "inv": (lambda x: tg.linalg.inv(x), tg.eye(3)),
    "einsum": (lambda x: tg.tensor(np.einsum("ij,jk", x.numpy(), x.numpy())), tg.eye(3)),
    "float16": (lambda x: x + 1, tg.ones(3, dtype=tg.float16)),
    "complex64": (lambda x: x * 2, tg.ones(3, dtype=tg.complex64)),
    "bool": (lambda x: x[x > 0], tg.ones(3)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_c_has_no_form_for_is_refused_with_its_name_and_line(name) -> None:
    function, x = REFUSED[name]
    with pytest.raises(CompileError, match=rf"(?s)to_c\(\).*{name}") as error:
        Graph.trace(function, x).to_c()
    assert "test_to_c.py" in str(error.value) or name in ("float16", "complex64")
