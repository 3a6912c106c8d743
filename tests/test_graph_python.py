"""The file that a graph writes: NumPy alone, and equal to the last bit, forward and backward, at every order."""

from __future__ import annotations

import ast
import copy
import gc
import inspect
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.create.random import generator_of
from tensorgrad.engine.dispatch import apply
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.errors import AutogradError
from tensorgrad.graph import Graph
from tensorgrad.ops.processes import EXCHANGES
from tensorgrad.testing.programs import programs
from tests.cases import OF_REALS, Rolled, case

few = settings(
    max_examples=max(settings.default.max_examples // 2, 8), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)

WRITTEN = "had been written without a record"


def executed(source: str) -> dict:
    namespace: dict = {}
    exec(compile(source, "generated.py", "exec"), namespace)
    return namespace


def same(found, wanted) -> None:
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert np.asarray(found).tobytes() == np.asarray(wanted).tobytes()


def check(graph: Graph, leaves: list, seed=None, **others) -> str:
    """Assert that the file of `graph` gives the bits of the engine; `leaves` carry names, `others` come besides."""
    source = graph.to_python()
    names = executed(source)
    arrays = {x.name: x.array for x in leaves} | others
    wanted = graph._outputs
    result = names["forward"](*[arrays[name] for name in inspect.signature(names["forward"]).parameters])
    if not wanted[0].tracked:
        outputs = result if len(wanted) > 1 else (result,)
    else:
        outputs, cache = result
        outputs = outputs if len(wanted) > 1 else (outputs,)
        seed = np.ones_like(wanted[0].array) if seed is None else seed
        gradients = names["backward"](seed, cache)
        named = {x.name: x for x in leaves}
        taken = [named[name] for name in inspect.signature(names["forward"]).parameters if name in named]
        asked = [x for x in taken if x.requires_grad]
        expected = [g for g in tg.autograd.grad(
            wanted[0], asked, tg.tensor(seed), retain_graph=True, allow_unused=True) if g is not None]  # fmt: skip
        gradients = gradients if isinstance(gradients, tuple) else (gradients,)
        assert len(gradients) == len(expected)
        for found, g in zip(gradients, expected, strict=True):
            same(found, g.array)
    for found, y in zip(outputs, wanted, strict=True):
        same(found, y.array)
    return source


@few
@given(programs())
def test_a_generated_program_gives_the_same_bits(program) -> None:
    leaves = [tg.tensor(x, requires_grad=True) for x in program.leaves]
    for i, x in enumerate(leaves):
        x.name = f"leaf{i}"
    graph = Graph.trace(lambda *leaves: sum((y.sum() for y in program.run(tg, *leaves)), start=tg.zeros(())), *leaves)
    try:
        check(graph, leaves)
    except AutogradError as error:
        assert WRITTEN in str(error)  # noqa: PT017 - any other one is a failure
        reject()


@pytest.mark.parametrize("name", sorted({*OF_REALS} - EXCHANGES))
def test_every_primitive_is_written_to_the_bit(name) -> None:
    for seed in range(4):
        arrays, params = case(PRIMITIVES[name], Rolled(seed))
        leaves = [tg.tensor(a.copy(order="K"), requires_grad=a.dtype.kind == "f") for a in arrays]
        for i, x in enumerate(leaves):
            x.array = arrays[i].copy(order="K")
            x.name = f"a{i}"
        graph = Graph.trace(lambda *xs, params=params: apply(PRIMITIVES[name], xs, params), *leaves)
        seed_ = np.random.default_rng(seed).normal(size=graph.nodes[graph.outputs[0]].shape)
        source = check(graph, leaves, seed_)
        assert "tensorgrad" not in source


LAYERS = {
    "linear": (lambda: nn.Linear(4, 3), (5, 4)),
    "batchnorm": (lambda: nn.BatchNorm1d(4), (6, 4)),
    "batchnorm evaluating": (lambda: nn.BatchNorm1d(4).eval(), (6, 4)),
    "dropout": (lambda: nn.Dropout(0.5), (6, 8)),
    "layernorm": (lambda: nn.LayerNorm(4), (6, 4)),
    "gelu": (lambda: nn.GELU(), (3, 4)),
    "network": (
        lambda: nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3)),
        (7, 4),
    ),
    "convolutions": (
        lambda: nn.Sequential(
            nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(12, 2)
        ),
        (2, 2, 4, 4),
    ),
    "lstm": (lambda: nn.LSTM(3, 4), (5, 2, 3)),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.2), (3, 2, 4)),
}


@pytest.mark.parametrize("dtype", [tg.float32, tg.float64])
@pytest.mark.parametrize("layer", LAYERS)
def test_every_layer_too_in_both_precisions(layer, dtype) -> None:
    tg.manual_seed(0)
    make, shape = LAYERS[layer]
    module = make().to(dtype)
    x = tg.randn(*shape, dtype=dtype, requires_grad=True)
    x.name = "x"

    def first(x):
        y = module(x)
        return y if isinstance(y, tg.Tensor) else y[0]

    for name, p in module.named_parameters():
        p.name = f"p_{name.replace('.', '_')}"
    buffers = {name: b.array.copy() for name, b in module.named_buffers()}
    stream = copy.deepcopy(generator_of(None))
    graph = Graph.trace(first, x)
    seed = np.random.default_rng(1).normal(size=graph._outputs[0].shape).astype(dtype)
    check(graph, [x, *module.parameters()], seed, generator=stream, **buffers)


def test_the_backward_pass_of_the_backward_pass_is_written_as_well() -> None:
    x = tg.tensor([0.5, 1.5], requires_grad=True, dtype=tg.float64)
    x.name = "x"
    names = executed(Graph.trace(lambda x: (x**3).sum(), x).backward().to_python())
    gradient, cache = names["forward"](x.array, np.ones(()))[0], names["forward"](x.array, np.ones(()))[1]
    np.testing.assert_allclose(gradient, 3 * x.array**2, rtol=1e-15)
    second = names["backward"](np.ones(2), cache)
    np.testing.assert_allclose(second[0], 6 * x.array, rtol=1e-15)


def test_the_file_of_batch_normalisation_is_the_staircase() -> None:
    x = tg.randn(7, 3, dtype=tg.float64, requires_grad=True)
    source = Graph.trace(nn.BatchNorm1d(3).double(), x).to_python()
    tree = ast.parse(source)
    functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
    steps = [ast.unparse(s.targets[0]) for f in ("forward", "backward") for s in functions[f].body
             if isinstance(s, ast.Assign) and isinstance(s.targets[0], ast.Name)]  # fmt: skip
    assert steps == [
        "μ", "xμ", "sq", "var", "sqrtvar", "ivar", "x̂", "γx̂", "out",
        "dβ", "dx̂", "dγ", "dxμ1", "divar", "dsqrtvar", "dvar", "dsq", "dxμ2", "dx1", "dμ", "dx2", "dx",
    ]  # fmt: skip
    assert {a.name for i in tree.body if isinstance(i, ast.Import) for a in i.names} == {"numpy"}


def test_the_file_runs_where_this_library_is_not(tmp_path) -> None:
    x = tg.randn(4, 3, requires_grad=True)
    source = Graph.trace(nn.Sequential(nn.Linear(3, 2), nn.Dropout(0.5), nn.Sigmoid()), x).to_python()
    script = tmp_path / "generated.py"
    script.write_text(
        source + "\nimport sys\nassert 'tensorgrad' not in sys.modules\nprint(forward.__doc__)\n", "utf-8"
    )
    done = subprocess.run([sys.executable, "-I", str(script)], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Return the result and what the backward pass reads" in done.stdout


def test_large_constants_and_indices_stand_at_the_end_in_their_memory_order() -> None:
    rng = np.random.default_rng(0)
    table = tg.tensor(np.asfortranarray(rng.normal(size=(20, 30))))
    table.array = np.asfortranarray(table.array)
    rows = tg.tensor(rng.integers(0, 20, 50))
    x = tg.randn(20, 30, dtype=tg.float64, requires_grad=True)
    x.name = "x"
    source = check(Graph.trace(lambda x: (x * table)[rows].sum(1), x), [x], rng.normal(size=50))
    assert source.count("unpacked(") == 3  # its definition, the table, the index
    assert max(map(len, source.splitlines())) < 140


def test_names_that_are_no_identifiers_and_names_of_the_file_are_changed() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    x.name = "np"

    def function(x):
        y = (x * 2).tanh()
        y.name = "lambda"
        z = y.exp()
        z.name = "forward"
        w = z + y
        w.name = "2 + 2; import os"
        return w * w

    source = Graph.trace(function, x).to_python()
    names = executed(source)
    assert list(inspect.signature(names["forward"]).parameters) == ["np_2"]
    same(names["forward"](x.array)[0], function(x).array)
    assert "import os" not in source


@pytest.mark.parametrize("path", ["a\nraise SystemExit", "a\rb", "a\x00b", "\ud800", "\u2028", ""])
def test_no_name_of_a_module_ends_its_comment(path) -> None:
    net = nn.Sequential()
    net._modules[path] = nn.Linear(2, 2)
    graph = Graph.trace(net, tg.randn(3, 2))
    executed(graph.to_python())["forward"](*(np.ones(s, np.float32) for s in ((3, 2), (2, 2), (2,))))
    assert len(graph.text().splitlines()) == 7


def test_what_cannot_be_written_is_refused_and_says_why() -> None:
    class Double(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):  # noqa: ARG004 - what a Function is given
            return x * 2

        @staticmethod
        def backward(ctx, g):  # noqa: ARG004 - what a Function is given
            return g * 2

    x = tg.ones(2, requires_grad=True)
    with pytest.raises(AutogradError, match="Function Double cannot be written as NumPy source"):
        Graph.trace(Double.apply, x).to_python()

    def stale(x):
        y = x * 2
        y.detach().mul_(3)
        return y * y

    with pytest.raises(AutogradError, match=f"mul at test_graph_python.py.*{WRITTEN}"):
        Graph.trace(stale, x).to_python()


def test_without_a_gradient_there_is_a_forward_function_alone() -> None:
    names = executed(Graph.trace(lambda x: (x > 1, x * 2), tg.tensor([1.0, 2.0])).to_python())
    found = names["forward"](np.array([1.0, 2.0], np.float32))
    assert [v.tolist() for v in found] == [[False, True], [2.0, 4.0]]
    assert "backward" not in names


def test_every_operation_is_placed_in_the_users_script() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    graph = Graph.trace(lambda x: (x.relu() * x).sum() + tg.tensor(~(x.detach().numpy() > 1)).sum(), x)
    places = {node.place[0].co_filename for node in graph.nodes if node.place is not None}
    assert places == {__file__}


def test_writing_a_program_leaves_no_cycles() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    write = Graph.of((x * x).sum()).to_python
    write()  # sources that are read once are kept
    gc.collect()
    gc.disable()
    try:
        write()
        assert gc.collect() < 50  # of whatever else runs in the process
    finally:
        gc.enable()


def test_what_ranks_exchange_is_refused() -> None:
    tg.distributed.init_process_group()
    graph = Graph.trace(lambda x: tg.distributed.nn.functional.all_reduce(x).sum(), tg.ones(3, requires_grad=True))
    tg.distributed.destroy_process_group()
    with pytest.raises(AutogradError, match="all_reduce needs the other processes"):
        graph.to_python()
