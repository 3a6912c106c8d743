"""Depth, lifetime and the size of the record: no recursion, no cycles, and nothing kept that no rule reads."""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd import grad, jvp
from tensorgrad.compiled.toolchain import compiler
from tensorgrad.engine.tensor import Node
from tensorgrad.graph import Graph

nn = tg.nn


@contextmanager
def no_collector() -> Iterator[None]:
    """The cyclic collector is off inside: only reference counts free anything."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def living() -> dict[str, int]:
    """How many Tensors and Nodes there are."""
    counts = {"Tensor": 0, "Node": 0}
    for thing in gc.get_objects():
        if issubclass(type(thing), tg.Tensor):  # isinstance would wake the lazy objects of other libraries
            counts["Tensor"] += 1
        elif type(thing) is Node:
            counts["Node"] += 1
    return counts


def chain(x: tg.Tensor, length: int) -> tg.Tensor:
    y = x
    for _ in range(length // 2):
        y = (y + 1.0) * 1.0
    return y


# --- depth ------------------------------------------------------------------------------------------------------------


def _normalized(x: tg.Tensor) -> tg.Tensor:
    return tg.nn.functional.layer_norm(x, (4,), tg.ones(4).double(), tg.zeros(4).double()).pow(3).sum()


def _classified(x: tg.Tensor) -> tg.Tensor:
    return tg.nn.functional.cross_entropy(x, tg.tensor([0, 3, 1, 1, 2]))


def test_a_chain_of_a_hundred_thousand_operations_goes_both_ways() -> None:
    limit = sys.getrecursionlimit()
    x = tg.ones(2, dtype=tg.float64, requires_grad=True)
    y = chain(x, 100_000)
    (tangent,) = jvp(y, x, tg.ones(2, dtype=tg.float64))
    np.testing.assert_allclose(tangent.numpy(), [1.0, 1.0], equal_nan=False)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1.0, 1.0], equal_nan=False)
    assert np.isfinite(x.grad.numpy()).all()
    assert y.detach().tolist() == [50_001.0, 50_001.0]
    assert sys.getrecursionlimit() == limit


@pytest.mark.slow
def test_a_million_operations_or_as_many_as_this_machine_does_in_seconds() -> None:
    x = tg.ones(1, requires_grad=True)
    start = time.perf_counter()
    chain(x, 30_000).sum().backward()
    fast = time.perf_counter() - start < 0.2  # then a million take less than 7 s
    x.grad = None
    y = chain(x, 1_000_000 if fast else 300_000)
    y.sum().backward()
    assert x.grad.tolist() == [1.0]
    node = weakref.ref(y.grad_fn)
    del y
    assert node() is None


@pytest.mark.slow
def test_a_deep_graph_is_traced_walked_and_destroyed_without_recursion() -> None:
    x = tg.ones(1, requires_grad=True)
    y = chain(x, 50_000)
    graph = Graph.of(y)
    assert len(graph.nodes) == 50_001
    assert len(graph.edges()) == 50_000
    assert graph.gradients().nodes[0].tolist() == [1.0]
    assert graph.text().count("\n") == 50_001
    traced = Graph.trace(lambda v: chain(v, 20_000), x)
    assert len(traced.nodes) == 20_001
    del graph, y, traced


def test_a_deep_second_derivative_needs_no_recursion() -> None:
    x = tg.tensor([1.0], dtype=tg.float64, requires_grad=True)
    y = x * x
    for _ in range(10_000):
        y = y * 1.0
    (first,) = grad(y.sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    assert second.tolist() == [2.0]


@pytest.mark.slow
def test_a_deep_graph_that_nobody_differentiates_is_destroyed_without_recursion() -> None:
    with no_collector():
        before = living()
        y = chain(tg.ones(1, requires_grad=True), 200_000)
        assert living()["Node"] >= before["Node"] + 200_000
        del y
        assert living() == before


# --- everything is freed without the collector ------------------------------------------------------------------------


def model() -> Any:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))


def train_once() -> None:
    net = model()
    optimizer = tg.optim.Adam(net.parameters())
    loss = nn.CrossEntropyLoss()(net(tg.randn(6, 4)), tg.tensor([0, 1, 2, 0, 1, 2]))
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()


def never_differentiated() -> None:
    x = tg.ones(3, requires_grad=True)
    _ = (x.exp() * x).sum()


def twice_differentiated() -> None:
    x = tg.ones(3, requires_grad=True)
    (first,) = grad((x**3).sum(), x, create_graph=True)
    (first * first).sum().backward()


def differentiated_into_itself() -> None:
    x = tg.ones(3, requires_grad=True)
    (x**3).sum().backward(create_graph=True)  # x.grad has a graph that leads back to x


def retained() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x.exp()
    y.retain_grad()
    for _ in range(2):
        y.sum().backward(retain_graph=True)


def pushed_forward() -> None:
    x = tg.ones(3, requires_grad=True)
    jvp(x.sin() * x, x, tg.ones(3), create_graph=True)


def failed() -> None:
    x = tg.ones(3, requires_grad=True)
    for call in (lambda: x + tg.ones(4), lambda: x.exp().backward(), lambda: x.add_(1), lambda: x @ tg.ones(2, 2)):
        try:
            call()
        except (RuntimeError, ValueError):
            pass
        else:
            raise AssertionError("the call should have failed")


def drawn_from() -> None:
    net = model()
    graph = Graph.trace(net, tg.randn(6, 4))
    graph.gradients(np.ones((6, 3), np.float32))


def written_to() -> None:
    x = tg.ones(3)
    for _ in range(3):
        x[0] = 5.0
        x += 1
    x.detach().zero_()


@pytest.mark.parametrize(
    "work",
    [
        train_once, never_differentiated, twice_differentiated, differentiated_into_itself, retained, pushed_forward,
        failed, drawn_from, written_to,
    ],
)  # fmt: skip
def test_without_the_collector_everything_is_freed(work: Callable[[], None]) -> None:
    work()  # what is cached on the first call is no leak
    with no_collector():
        before = living()
        for _ in range(3):
            work()
        assert living() == before


def test_tensors_and_arrays_die_with_their_last_name() -> None:
    with no_collector():
        x = tg.ones(3, requires_grad=True)
        h = x.exp()
        loss = (h * h).sum()
        tensor, array, node = weakref.ref(h), weakref.ref(h.array), weakref.ref(h.grad_fn)
        del h
        assert tensor() is None  # the record refers to nodes, never to tensors
        assert array() is not None  # mul reads it
        loss.backward()
        assert array() is None  # freed as soon as its rules have run
        del loss
        assert node() is None


def test_backward_frees_what_was_saved_and_retain_graph_keeps_it() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x.exp()
    loss = y.sum()
    array = weakref.ref(y.array)
    del y
    loss.backward(retain_graph=True)
    assert array() is not None
    loss.backward()
    assert array() is None


@pytest.mark.parametrize("hooked", [False, True])
def test_what_lies_before_the_first_choice_is_freed_on_the_way(hooked: bool) -> None:
    seen = []

    class Look(tg.autograd.Function):  # of which nothing is known: it may hide something, as a choice does
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:  # noqa: ARG004
            seen.append(array() is None)
            return g

    h = Look.apply(tg.ones(3, requires_grad=True))
    if hooked:
        h.register_hook(lambda g: None)
    y = h.exp()
    array = weakref.ref(y.array)
    loss = (y * y).sum()
    del y
    with no_collector():
        loss.backward()
    assert seen == [True]


def test_the_table_of_writes_forgets_memory_that_is_gone() -> None:
    from tensorgrad.engine import writes

    gc.collect()
    before = len(writes._written)
    for _ in range(100):
        tg.zeros(3).add_(1.0)
    assert len(writes._written) == before


def test_a_write_is_not_noted_for_relatives_that_have_died() -> None:
    from tensorgrad.engine import writes

    net = nn.BatchNorm1d(3)
    gc.collect()
    net.state_dict()
    before = len(writes._written)
    writes.note_all([*net.parameters(), *net.buffers()])
    assert len(writes._written) == before
    kept = net.state_dict()
    writes.note_all([*net.parameters(), *net.buffers()])
    assert len(writes._written) == before + len(kept)


def test_a_view_that_outlives_its_base_stays_one() -> None:
    from tensorgrad.engine import writes

    x = tg.ones(4, requires_grad=True)
    with tg.no_grad():
        y = x.view(2, 2)
        del x
        y.mul_(2.0)
    writes.note_all([y])
    with pytest.raises(tg.errors.InPlaceError, match="A view was created in no_grad mode"):
        y.mul_(2.0)


def test_four_hundred_training_steps_leave_memory_flat() -> None:
    net = model()
    optimizer = tg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    x, target = tg.randn(64, 4), tg.tensor([0, 1] * 32)

    def steps(n: int) -> None:
        for _ in range(n):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(x), target).backward()
            optimizer.step()

    steps(20)
    gc.collect()
    with no_collector():
        tracemalloc.start()
        try:
            steps(20)
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            steps(400)
            after, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert after - before < 50_000
    assert peak - before < 1_000_000


# --- the record keeps what its rules read, and no more ----------------------------------------------------------------

N = 1000


def kept_after(build: Callable[[tg.Tensor], tuple[tg.Tensor, dict[str, tg.Tensor]]]) -> set[str]:
    """The names of the arrays that the record of `build` keeps alive by itself."""
    x = tg.ones(N, requires_grad=True)
    y, parts = build(x)
    arrays = {name: weakref.ref(part.array) for name, part in parts.items()}
    del parts
    kept = {name for name, array in arrays.items() if array() is not None}
    y.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    return kept


@pytest.mark.parametrize(
    ("build", "wanted"),
    [
        (lambda a: a + 1.0, set()),
        (lambda a: a - tg.ones(N), set()),
        (lambda a: -a, set()),
        (lambda a: a.reshape(10, -1).T.sum(0), set()),
        (lambda a: a.mean() + a.sum(), set()),
        (lambda a: a[::2], set()),
        (lambda a: a * 3.0, set()),
        (lambda a: a * tg.ones(N), set()),
        (lambda a: a / 3.0, set()),
        (lambda a: a.double(), set()),
        (lambda a: tg.cat([a, a]), set()),
        (lambda a: a.expand(4, N), set()),
        (lambda a: a.exp(), {"output"}),
        (lambda a: a.tanh(), {"output"}),
        (lambda a: a.sigmoid(), {"input"}),  # and its slope
        (lambda a: a.sqrt(), {"output"}),
        (lambda a: a.relu(), {"output"}),
        (lambda a: a.sin(), {"input"}),
        (lambda a: a.log(), {"input"}),
        (lambda a: a**2, {"input"}),
        (lambda a: a * a, {"input"}),
        (lambda a: 3.0 / a, {"input", "output"}),
    ],
)
def test_the_record_keeps_only_what_a_rule_reads(build: Callable[[tg.Tensor], tg.Tensor], wanted: set[str]) -> None:
    def parts(x: tg.Tensor) -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
        inner = x + 1.0
        outer = build(inner)
        # a last + reads nothing, so that only the operation itself can keep its output
        return outer + 0.0, {"input": inner, "output": outer}

    assert kept_after(parts) == wanted


def test_a_product_keeps_the_operands_that_the_other_one_needs() -> None:
    def both(x: tg.Tensor) -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
        a, b = x + 1.0, x + 2.0
        y = a * b
        return y + 0.0, {"a": a, "b": b, "y": y}

    def with_a_constant(x: tg.Tensor) -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
        a, c = x + 1.0, tg.ones(N)
        y = a * c
        return y + 0.0, {"a": a, "c": c, "y": y}

    def matrices(x: tg.Tensor) -> tuple[tg.Tensor, dict[str, tg.Tensor]]:
        a, w = x.reshape(10, -1) + 0.0, tg.ones(N // 10, 5)
        y = a @ w
        return y + 0.0, {"a": a, "w": w, "y": y}

    assert kept_after(both) == {"a", "b"}
    assert kept_after(with_a_constant) == {"c"}
    assert kept_after(matrices) == {"w"}


def test_under_no_grad_nothing_is_kept() -> None:
    x = tg.ones(N, requires_grad=True)
    with tg.no_grad():
        a = x.exp()
        y = a * a
    array = weakref.ref(a.array)
    del a
    assert array() is None
    assert y.grad_fn is None


def test_a_chain_of_additions_keeps_no_intermediate_array() -> None:
    x = tg.ones(100_000, requires_grad=True)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        y = x
        for _ in range(50):
            y = y + 1.0
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 2 * x.array.nbytes  # of fifty results one is alive
    y.sum().backward()
    assert (x.grad.numpy() == 1).all()


def test_a_log_of_arrays_that_were_handed_out_does_not_grow() -> None:
    weight = tg.nn.Parameter(tg.ones(2))

    def log(times: int) -> int:
        for _ in range(times):
            with tg.no_grad():
                weight.add_(0.1)
            weight.detach().numpy()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first = log(100)
        assert log(1000) - first < 10_000
    finally:
        tracemalloc.stop()


def test_a_change_from_outside_is_noticed_however_many_arrays_were_handed_out_since() -> None:
    x = tg.ones(2, requires_grad=True)
    y = x * x
    for i in range(100):
        x.detach().numpy()[0] = float(i)
    x.detach().numpy()[0] = 1.0
    with pytest.raises(RuntimeError, match="NumPy code, through the array handed out"):
        y.sum().backward()
    z = x * x
    for _ in range(100):
        x.detach().numpy()
    z.sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("function", [_normalized, _classified], ids=lambda f: f.__name__.strip("_"))
def test_a_fused_form_has_a_copy_of_what_others_may_write(function: Callable[[tg.Tensor], tg.Tensor]) -> None:
    numbers = np.random.default_rng(0).standard_normal((5, 4))
    plain = tg.tensor(numbers, requires_grad=True)
    function(plain).backward()
    array = numbers.copy()
    lent = tg.from_numpy(array).requires_grad_()
    loss = function(lent)
    assert loss.item() == function(plain).item()  # the same form: the same bits
    array[:] = np.nan
    loss.backward()
    assert plain.grad is not None
    assert lent.grad is not None
    np.testing.assert_array_equal(lent.grad.numpy(), plain.grad.numpy())
    assert np.isfinite(plain.grad.numpy()).all()


@pytest.mark.parametrize(("name", "value"), [("shape", (3, 2)), ("dtype", np.int32), ("strides", (4, 8))])
@pytest.mark.filterwarnings("ignore:Setting the:DeprecationWarning")
def test_an_array_that_is_laid_out_anew_is_another_one_than_the_tensor(name: str, value: Any) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    x = tg.from_numpy(array)
    setattr(array, name, value)
    assert (x * 2).tolist() == x.clone().mul(2).tolist() == [[0.0, 2.0, 4.0], [6.0, 8.0, 10.0]]


@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_a_compiled_step_makes_no_arrays(backend: str) -> None:
    if backend == "c" and compiler() is None:
        pytest.skip("no C compiler here")
    net = tg.nn.Sequential(tg.nn.Linear(300, 300), tg.nn.BatchNorm1d(300), tg.nn.ReLU(), tg.nn.Linear(300, 300))
    optimizer = tg.optim.Adam(net.parameters())

    @tg.compile(backend=backend, fullgraph=True)
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = tg.nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    x, y = tg.randn(200, 300), tg.randn(200, 300)
    for _ in range(8):
        step(x, y)
    tracemalloc.start()
    try:
        for _ in range(3):
            step(x, y)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        step(x, y)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert step.runs == 10, step.reasons  # type: ignore[attr-defined]
    assert peak - before < 100_000  # a gradient takes 360,000 bytes; NumPy's buffers of conversion some 10,000
