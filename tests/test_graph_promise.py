"""What a traced function may do behind the back of a trace: it is followed, or a break says what was not."""

from __future__ import annotations

import copy
import random
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.create.random import generator_of
from tensorgrad.errors import ArgumentError, AutogradError
from tensorgrad.graph import Graph
from tensorgrad.utils.checkpoint import checkpoint
from tests.test_graph_traced import forward_of


def started(seed: int) -> tg.Tensor:
    return tg.tensor(np.random.default_rng(seed).standard_normal((4, 4)).astype(np.float32))


def told_or_followed(function) -> str:
    """Return "told" where a break is noted, "followed" where the file is right on other inputs, or fail."""
    graph = Graph.trace(function, started(0))
    if graph.breaks:
        assert "# Read while tracing" in graph.to_python()
        return "told"
    found, wanted = forward_of(graph)(started(1).array), function(started(1)).array
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    return "followed"


def of_copy(write):
    """Return a traced function that lets `write` change a copy of its input, which it returns doubled."""

    def function(x):
        a = x.numpy().copy()
        write(a)
        return tg.tensor(a * 2)

    return function


def zero(view) -> None:
    view[...] = 0


VIEWS = {
    "reshape with a number": lambda a: a.reshape(-1),
    "reshape with numbers": lambda a: a.reshape(2, 8),
    "np.reshape": lambda a: np.reshape(a, -1),
    "transpose": lambda a: a.transpose(1, 0)[0],
    "swapaxes": lambda a: a.swapaxes(0, 1)[0],
    "np.swapaxes": lambda a: np.swapaxes(a, 0, 1)[1],
    "np.moveaxis": lambda a: np.moveaxis(a, 0, 1)[1],
    "np.split": lambda a: np.split(a, 2)[0],
    "np.hsplit": lambda a: np.hsplit(a, 2)[1],
    "np.array_split": lambda a: np.array_split(a, 3)[1],
    "np.expand_dims": lambda a: np.expand_dims(a, 0)[0, 0],
    "np.flip": lambda a: np.flip(a, 0)[0],
    "squeeze": lambda a: a[:1].squeeze(0),
    "np.einsum": lambda a: np.einsum("ii->i", a),
    "a diagonal": lambda a: a.reshape(-1)[:: a.shape[0] + 1],
    "the base": lambda a: a[1:].base,
    "T": lambda a: a.T[0],
    "a slice": lambda a: a[1:, ::2],
    "ravel": lambda a: a.ravel()[:3],
    "a view of a view": lambda a: a.reshape(2, 8).T.reshape(8, 2)[:, 0],
    "astype without a copy": lambda a: a.astype(np.float32, copy=False)[0],
    "asarray": lambda a: np.asarray(a)[0],
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_write_through_a_view_is_followed_or_told(name) -> None:
    told_or_followed(of_copy(lambda a: zero(VIEWS[name](a))))


@pytest.mark.parametrize("name", [n for n in VIEWS if n not in ("np.einsum", "the base", "asarray")])
def test_a_write_through_a_view_is_followed(name) -> None:
    assert told_or_followed(of_copy(lambda a: zero(VIEWS[name](a)))) == "followed"


def _swapped(a) -> None:
    np.random.default_rng(0).shuffle(a)


def _row_of(a) -> None:
    np.random.default_rng(0).shuffle(a[0])


WRITES = {
    "clip with out=": lambda a: a.clip(0, 1, out=a),
    "np.clip with out=": lambda a: np.clip(a, 0, 1, out=a),
    "byteswap": lambda a: a.byteswap(True),
    "cumsum with out=": lambda a: a.cumsum(0, out=a),
    "shuffle": _swapped,
    "shuffle of a row": _row_of,
    "out= with where=": lambda a: np.multiply(a, 2, out=a, where=a > 0),
    "out= of a row with where=": lambda a: np.multiply(a[0], 2, out=a[0], where=a[0] > 0),
    "a shape that is set": lambda a: setattr(a, "shape", (4, 4)),
    "sort": lambda a: a.sort(0),
    "in place": lambda a: a.__imul__(3),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_writes_is_followed_or_told(name) -> None:
    def write(a) -> None:
        with suppress(TypeError, AttributeError):  # what is refused is not silent
            WRITES[name](a)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told_or_followed(of_copy(write))


def _outside_buffer():
    buffer = tg.zeros(4, 4)
    row = buffer[0]

    def function(x):
        buffer.copy_(x)
        return row * 2

    return function


def _outside_array():
    array = np.zeros((4, 4), np.float32)

    def function(x):
        tg.from_numpy(array).copy_(x)
        return tg.tensor(array * 2)

    return function


def _inside_array(x):
    y = tg.zeros(4, 4)
    a = y.numpy()
    y += x
    return tg.tensor(a * 2)


def _in_threads(x):
    with ThreadPoolExecutor(2) as pool:
        a, b = pool.map(lambda part: part * 2, (x[:2], x[2:]))
    return tg.cat([a, b])


def _in_a_thread(x):
    found = []
    thread = threading.Thread(target=lambda: found.append(tg.tensor(x.numpy() * 2)))
    thread.start()
    thread.join()
    return found[0] * 1


def _caught(x):
    try:
        if x.sum() > 1e3:
            raise ValueError("large")
    except ValueError:
        return x * 0
    return x * 2


def _caught_when_raised(x):
    with suppress(ValueError):
        if x.sum() < 1e3:
            raise ValueError("small")
        return x * 2
    return x * 3


def _caught_outside_its_line(x):
    def check(y) -> None:
        if y.sum() > 1e3:
            raise ValueError("large")

    try:
        check(x)
    except ValueError:
        return x * 0
    return x * 2


def _caught_of_numpy(x):
    try:
        return tg.linalg.cholesky(x)
    except Exception:  # noqa: BLE001 - what the user wrote
        return x * 2


def _seeded(x):
    tg.manual_seed(0)
    return x * tg.rand(4, 4)


def _forked(x):
    with tg.random.fork_rng():
        y = tg.rand(4, 4)
    return x * y + tg.rand(4, 4)


ELSEWHERE = {
    "forward mode": lambda x: tg.func.jvp(lambda y: y * y * y, (x,), (tg.ones(4, 4),))[1],
    "jacfwd": lambda x: tg.func.jacfwd(lambda y: (y * y).sum(0))(x),
    "hessian": lambda x: tg.func.hessian(lambda y: (y**3).sum())(x),
    "autograd.functional.jvp": lambda x: tg.autograd.functional.jvp(lambda y: y**3, x, tg.ones(4, 4))[1],
    "autograd.functional.hvp": lambda x: tg.autograd.functional.hvp(lambda y: (y**3).sum(), x, tg.ones(4, 4))[1],
    "a buffer outside": _outside_buffer(),
    "an array outside": _outside_array(),
    "an array of a tensor made inside": _inside_array,
    "threads": _in_threads,
    "a thread": _in_a_thread,
    "an error that is caught": _caught,
    "an error that was caught": _caught_when_raised,
    "an error that a caller catches": _caught_outside_its_line,
    "an error of NumPy that was caught": _caught_of_numpy,
    "np.from_dlpack": lambda x: tg.tensor(np.from_dlpack(x.detach()) * 2),
    "from_dlpack": lambda x: tg.from_dlpack(x) * 2,
    "random": lambda x: x * random.random(),
    "np.random": lambda x: x * tg.tensor(np.random.rand(4, 4)),  # noqa: NPY002 - what users call
    "a seed": _seeded,
    "a state of the generator": _forked,
    "the type of a number": lambda x: x * (2 if isinstance(x.numpy().max(), np.floating) else 3),
    "the class of a number": lambda x: x * (2 if isinstance(x.numpy().max(), np.float32) else 3),
    "float64 is a float": lambda x: x * (2 if isinstance(x.double().numpy().max(), float) else 3),
    "a NumPy number": lambda x: x * np.float64(0.1),
    "a NumPy number without axes": lambda x: (x.sum() + np.float64(0.1)) * x,
    "a hash": lambda x: x * len({x.numpy()[0, 0], x.numpy()[0, 1]}),
    "a sum of numbers": lambda x: x * sum(x.numpy()[0]),
    "a power": lambda x: x.abs() ** x.numpy().max(),
    "statistics": lambda x: (x - x.detach().numpy().mean()) / (x.detach().numpy().std() + 1e-5),
    "inv": lambda x: tg.linalg.inv(x),
    "svdvals": lambda x: tg.linalg.svdvals(x),
    "qr": lambda x: tg.linalg.qr(x)[1],
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_runs_elsewhere_is_followed_or_told(name) -> None:
    told_or_followed(ELSEWHERE[name])


# --- gradients of what is followed


def _cloned(x):
    leaf = x.detach().clone().requires_grad_()
    return tg.autograd.grad((leaf**3).sum(), leaf)[0] * x


def _summed(x):
    total = 0.0
    for value in x.detach().numpy()[0]:
        total += value
    return x * total


def _fitted(x):
    w = nn.Parameter(x.detach()[0].clone())
    optimiser = tg.optim.SGD([w], lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        (w**2).sum().backward()
        optimiser.step()
    return x * w


NUMBERS_AND_LEAVES = {
    "a quotient by a number": lambda x: (x - x.detach().numpy().mean()) / (x.detach().numpy().std() + 1e-5),
    "a sum in a loop": _summed,
    "a copy that requires a gradient": _cloned,
    "a parameter that is fitted inside": _fitted,
    "an address": lambda x: x * (x.data_ptr() != 0),
}


@pytest.mark.parametrize("name", NUMBERS_AND_LEAVES)
def test_the_gradients_of_the_file_are_those_of_the_engine(name) -> None:
    function = NUMBERS_AND_LEAVES[name]
    graph = Graph.trace(function, started(0).requires_grad_())
    assert graph.breaks == ()
    names: dict = {}
    exec(graph.to_python(), names)
    x = started(1).requires_grad_()
    y = function(x)
    (wanted,) = tg.autograd.grad(y.sum(), x)
    out, cache = names["forward"](x.detach().numpy())
    np.testing.assert_allclose(out, y.detach().numpy(), rtol=1e-4)
    np.testing.assert_allclose(names["backward"](np.ones_like(out), cache), wanted.array, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("layer", [lambda: nn.Linear(4, 3), lambda: nn.LazyLinear(3)])
def test_a_layer_that_is_made_inside_is_drawn_by_the_file(layer) -> None:
    graph = Graph.trace(lambda x: layer()(x), started(0))
    names: dict = {}
    exec(graph.to_python(), names)
    assert "backward" not in names
    tg.manual_seed(0)
    stream = copy.deepcopy(generator_of(None))
    wanted = layer()(started(1))
    found = names["forward"](started(1).array, stream)
    np.testing.assert_allclose(found, wanted.detach().numpy(), rtol=1e-5)


def test_a_tensor_that_a_module_keeps_of_a_trace_can_be_copied() -> None:
    module = nn.Identity()

    def function(x):
        module.last = x.detach() * 2
        return module(x)

    Graph.trace(function, started(0))
    assert module.last.is_leaf
    assert copy.deepcopy(module).last.tolist() == (started(0) * 2).tolist()


def test_a_function_of_the_users_is_refused_as_what_it_is() -> None:
    class Doubled(tg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0].shape[0] * 0.5

    graph = Graph.trace(lambda x: Doubled.apply(x) + 1, started(0).requires_grad_())
    with pytest.raises(AutogradError, match="the Function Doubled cannot be written"):
        graph.to_python()


def test_a_checkpoint_is_what_it_runs() -> None:
    def function(x):
        return checkpoint(nn.Sequential(nn.Softmax(1), nn.Tanh()), x) + 1

    x = started(0).requires_grad_()
    graph = Graph.trace(function, x)
    assert [node.op for node in graph.nodes][-2:] == ["tanh", "add"]
    assert told_or_followed(function) == "followed"
    function(x).sum().backward()
    slope = Graph.trace(lambda x: tg.autograd.grad(function(x).sum(), x)[0], started(0).requires_grad_())
    for found in (graph.gradients().nodes[0], slope.nodes[slope.outputs[0]].value):
        np.testing.assert_allclose(found, x.grad.array, rtol=1e-4, atol=1e-7, equal_nan=False)  # by a fused form


def test_what_is_read_for_the_backward_pass_is_a_break_of_the_graph() -> None:
    x = tg.tensor([1.0, 0.0, 4.0], requires_grad=True)
    with np.errstate(all="ignore"):
        graph = Graph.trace(lambda x: tg.where(x > 0, x.sqrt(), 0.0), x)
        assert graph.breaks
        source = graph.to_python()
    told = [line.partition("): ")[2] for line in source.splitlines() if line.startswith("#") and " gave " in line]
    assert told == [found.text.partition("): ")[2] for found in graph.breaks]
    assert all("test_graph_promise.py" in found.text for found in graph.breaks)
    assert Graph.trace(lambda x: tg.where(x > 0, x.sqrt(), 0.0), x.detach()).breaks == ()


def test_threads_that_trace_take_turns_and_do_not_wait_for_ever(monkeypatch) -> None:
    w = started(1).requires_grad_()

    def work(_):
        return tuple(
            node.op for node in Graph.trace(lambda x: (x @ w).softmax(1), started(0)).nodes if not node.is_leaf
        )

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(work, range(12)))) == 1
    monkeypatch.setattr("tensorgrad.graph.tracing._PATIENCE", 0.05)

    def waiting(x):
        with ThreadPoolExecutor(1) as pool:
            pool.submit(work, 0).result()
        return x * 2

    with pytest.raises(ArgumentError, match="another thread has been tracing"):
        Graph.trace(waiting, started(0))
    assert Graph.trace(lambda x: x * 2, started(0)).nodes


def test_the_breaks_of_a_graph_that_has_been_freed_are_those_of_its_function() -> None:
    x = started(0).requires_grad_()
    graph = Graph.trace(lambda x: (x * x).sum() * x.max().item(), x)
    graph._outputs[0].backward()
    assert [found.what for found in graph.breaks] == [".item"]
