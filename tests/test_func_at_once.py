"""What `vmap` does by rule with whole functions: captured tensors, other transforms, draws, and what it gives up."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.errors import AutogradError
from tensorgrad.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, stack_module_state, vjp, vmap
from tests.batches import at_once, both, equal, looping
from tests.doubles import double, values
from tests.fuzz.generator import generated
from tests.fuzz.peers import PEERS

RNG = np.random.default_rng(3)
XS, W = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3))


def test_the_function_runs_once() -> None:
    calls: list[Any] = []
    with at_once():
        vmap(lambda x: calls.append(x.shape) or x * 2)(double(XS))
    assert calls == [(3,)]


def smooth(w: tg.Tensor, x: tg.Tensor) -> tg.Tensor:
    return ((w @ x).tanh() * x + w.sum(0)).sigmoid().sum() * w[0, 0]


PER_EXAMPLE: dict[str, Callable[..., Any]] = {
    "grad": lambda w, x: grad(smooth, (0, 1))(w, x),
    "grad of grad": lambda w, x: grad(lambda w: (grad(smooth)(w, x) ** 2).sum())(w),
    "jvp": lambda w, x: jvp(smooth, (w, x), (w * 2, x.sin())),
    "jvp of grad": lambda w, x: jvp(lambda w: grad(smooth)(w, x), (w,), (w.cos(),)),
    "vjp": lambda w, x: vjp(lambda w: (w @ x).exp(), w)[1](x)[0],
    "jacrev": lambda w, x: jacrev(lambda x: (w @ x).exp())(x),
    "jacfwd": lambda w, x: jacfwd(lambda w: (w @ x).exp())(w),
    "hessian": lambda w, x: hessian(smooth, 1)(w, x),
    "vmap": lambda w, x: vmap(lambda row: (row * x).sum().exp())(w),
    "grad of vmap": lambda w, x: grad(lambda w: vmap(lambda row: (row * x).sum().exp())(w).prod())(w),
    "autograd.grad": lambda w, x: tg.autograd.grad(smooth(w, x), w, create_graph=True)[0],
}


@pytest.mark.parametrize("name", PER_EXAMPLE)
@pytest.mark.parametrize("dims", [(None, 0), (0, None), (2, 1)])
def test_transforms_inside_and_around(name: str, dims: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """The transform of each example; of that the gradient and the tangent, with respect to what is shared, too."""
    f = PER_EXAMPLE[name]
    w, x = (double(np.stack([a, a * 0.9], d) if d is not None else a) for a, d in zip((W, XS[0]), dims, strict=True))
    if name == "autograd.grad":
        w.requires_grad = True

    def whole(w: tg.Tensor, x: tg.Tensor) -> tg.Tensor:
        found = vmap(f, dims)(w, x)
        parts = found if isinstance(found, tuple) else (found,)
        return sum((a * double(np.cos(np.arange(a.numel())).reshape(a.shape))).sum() for a in parts)

    def run() -> Any:
        values = vmap(f, dims)(w, x)
        first = grad(whole, (0, 1))(w, x)
        second = grad(lambda w: (grad(whole)(w, x) ** 2).sum())(w)
        return [a.detach() for a in tg.func.trees.leaves((values, first, second, jvp(whole, (w, x), (w, x))[1]))]

    found, wanted = both(monkeypatch, run)
    equal(found, wanted, 1e-8, 1e-10)


@pytest.mark.parametrize("kinds", list(itertools.product("fr", repeat=3)), ids="".join)
def test_third_derivatives_by_any_way(kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep may come back to a batch from a newer one, and their axes must not be taken for each other."""
    f: Any = lambda x: x[0] * x[1] * x + (x**3).exp().sum()  # noqa: E731
    for kind in kinds:
        f = (jacfwd if kind == "f" else jacrev)(f)
    equal(*both(monkeypatch, lambda: f(double([0.3, -0.5, 0.7]))))


def captured(x: tg.Tensor, w: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    wide = w @ w + b[0]  # of what is shared alone
    return (wide @ x + b) * w[0] + (w * w).sum()


@pytest.mark.parametrize("order", [1, 2])
def test_the_gradient_of_what_is_shared_is_the_sum_over_the_examples(
    order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> Any:
        w, b = double(W, requires_grad=True), nn.Parameter(double(XS[0]))
        y = vmap(lambda x: (captured(x, w, b), w.sum()))(double(XS))
        total = (y[0] ** 3).sum() + (y[1] * double([1.0, 2.0, 3.0, 4.0])).sum()
        if order == 1:
            total.backward()
            return w.grad, b.grad
        first = tg.autograd.grad(total, (w, b), create_graph=True)
        return tg.autograd.grad((first[0] ** 2).sum() + (first[1] ** 2).sum(), (w, b))

    found, wanted = both(monkeypatch, run)
    equal(found, wanted)


def test_a_parameter_of_the_inner_gradient_may_be_shared_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gradient by `w` of the gradients that the examples have by the same `w`."""

    def run() -> Any:
        w = double(W, requires_grad=True)
        g = vmap(grad(smooth), (None, 0))(w, double(XS))
        (g**2).sum().backward()
        return g.detach(), w.grad

    equal(*both(monkeypatch, run))


def test_per_example_gradients_of_a_module_and_an_ensemble(monkeypatch: pytest.MonkeyPatch) -> None:
    tg.manual_seed(0)
    nets = [nn.Sequential(nn.Linear(3, 5), nn.LayerNorm(5), nn.GELU(), nn.Linear(5, 4)).double() for _ in range(3)]
    weights = {name: p.detach() for name, p in nets[0].named_parameters()}
    x, y = double(XS), tg.tensor([0, 3, 1, 1])

    def loss(w: Any, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return nn.functional.cross_entropy(functional_call(nets[0], w, (x[None],)), y[None])

    def run() -> Any:
        params, buffers = stack_module_state(nets)
        out = vmap(lambda p, b, x: functional_call(nets[0], (p, b), (x,)), (0, 0, None))(params, buffers, x)
        (out**2).sum().backward()
        each = vmap(grad(loss), (None, 0, 0))(weights, x, y)
        return each, out.detach(), {name: p.grad for name, p in params.items()}

    equal(*both(monkeypatch, run))
    each = vmap(grad(loss), (None, 0, 0), chunk_size=3)(weights, x, y)
    equal(each, run()[0])


def test_a_choice_hides_what_is_not_finite_of_each_example(monkeypatch: pytest.MonkeyPatch) -> None:
    x = double([[1.0, 0.0], [0.0, 4.0], [2.0, 3.0]])

    def run() -> Any:
        root = lambda x: tg.where(x > 0, x.sqrt(), 0.0).sum()  # noqa: E731
        z = double(x.array, requires_grad=True)
        vmap(root)(z).sum().backward()
        return vmap(grad(root))(x), vmap(hessian(lambda x: root(x) ** 2))(x + 0.5), z.grad

    found, wanted = both(monkeypatch, run)
    equal(found, wanted)
    assert np.isfinite(values(found[0])).all()


DRAWS: dict[str, Callable[..., Any]] = {
    "randn": lambda x: x + tg.randn(3),
    "rand_like": lambda x: x * tg.rand_like(x),
    "randint": lambda x: tg.randint(0, 10, (2, 2)),
    "randperm": lambda x: x[tg.randperm(3)],
    "dropout": lambda x: nn.functional.dropout(x, 0.5),
    "bernoulli": lambda x: tg.bernoulli(x.sigmoid()),
    "normal": lambda x: tg.normal(x, x.exp()),
    "multinomial": lambda x: tg.multinomial(x.exp(), 2),
    "gumbel": lambda x: nn.functional.gumbel_softmax(x),
    "own generator": lambda x: x + tg.randn(3, generator=tg.Generator().manual_seed(1)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_random_numbers_are_those_of_the_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as an example draws once: else they are in another order."""
    for randomness in ("same", "different") if name != "own generator" else ("same",):

        def run(randomness: str = randomness) -> Any:
            tg.manual_seed(5)
            return vmap(DRAWS[name], randomness=randomness)(double(XS)), tg.randn(2)

        equal(*both(monkeypatch, run))
    with pytest.raises(AutogradError, match="called random operation while in randomness error mode"):
        vmap(DRAWS[name])(double(XS))


def test_each_run_around_says_what_random_numbers_do() -> None:
    x = tg.zeros(3, 2)

    def drawn(outer: str, inner: str) -> np.ndarray:
        with at_once():
            return values(vmap(vmap(lambda x: x + tg.rand(()), randomness=inner), randomness=outer)(x))

    assert len(np.unique(drawn("different", "different"))) == 6
    rows = drawn("different", "same")
    assert len(np.unique(rows)) == 3
    assert (rows[:, 0] == rows[:, 1]).all()
    columns = drawn("same", "different")
    assert len(np.unique(columns)) == 2
    assert (columns[0] == columns[1]).all()
    with pytest.raises(AutogradError, match="randomness error mode"):
        drawn("error", "same")


def nothing(x: tg.Tensor) -> tg.Tensor:
    return x * 1


def branching(x: tg.Tensor) -> tg.Tensor:
    return x.exp() if x.sum() > 0 else x


def reading(x: tg.Tensor) -> tg.Tensor:
    return x * x[0].item()


def writing(x: tg.Tensor) -> tg.Tensor:
    return x.mul_(2)


def writing_into(x: tg.Tensor) -> tg.Tensor:
    y = tg.zeros(3, dtype=tg.float64)
    y[0] = x[1]
    return y


def plain(x: tg.Tensor) -> tg.Tensor:
    return tg.tensor(np.tanh(x.numpy()))


def masked(x: tg.Tensor) -> tg.Tensor:
    return x[x > 0].sum()


def swallowing(x: tg.Tensor) -> tg.Tensor:
    try:
        return x * float(x[0])
    except RuntimeError:
        return x * 0


def counting(x: tg.Tensor) -> tg.Tensor:
    return x * x.unique().numel()


def filling(x: tg.Tensor) -> tg.Tensor:
    w = tg.ones(3, dtype=tg.float64, requires_grad=True)
    (w * x).sum().backward()
    assert w.grad is not None
    return w.grad


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (branching, "truth value of a batched tensor"),
        (reading, r"\.item\(\) of a batched tensor"),
        (writing, "mul_, a write in place"),
        (writing_into, "__setitem__, a write in place"),
        (plain, "a plain array"),
        (masked, "a mask takes another number of elements"),
        (swallowing, r"\.item\(\) of a batched tensor"),
        (counting, r"numpy\.unique"),
        (filling, r"backward\(\)"),
    ],
)
def test_what_has_no_rule_is_run_by_the_loop_and_says_so(
    function: Any, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    xs = double(XS)
    with pytest.warns(
        UserWarning, match=rf"vmap\({function.__name__}\) ran the examples one after the other.*{reason}"
    ):
        found = vmap(function)(xs)
    with looping(monkeypatch):
        equal(found, vmap(function)(xs))
    assert (xs.array == XS).all()


def test_a_place_warns_once() -> None:
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")
        for _ in range(3):
            vmap(branching)(double(XS))
    assert len(told) == 1
    assert told[0].filename == __file__


def test_a_branch_that_all_examples_take_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    equal(*both(monkeypatch, lambda: vmap(branching)(double(np.abs(XS)))))
    equal(*both(monkeypatch, lambda: vmap(lambda x: x * int(x.argmax() * 0 + 2))(double(XS))))


def test_an_index_of_one_element_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    table, places = double(W), tg.tensor([[1], [1], [1], [1]])
    equal(*both(monkeypatch, lambda: vmap(lambda i: (table[i], table[:, i], table[i[0]]))(places)))
    assert vmap(lambda i: table[i])(places).shape == (4, 1, 3)


def test_what_was_drawn_and_written_before_giving_up_is_undone() -> None:
    count, norm = tg.zeros(()), nn.BatchNorm1d(3)
    other = nn.BatchNorm1d(3)

    def f(x: tg.Tensor) -> tg.Tensor:
        count.add_(1)
        return norm(x[None] * tg.ones(2, 1) + tg.randn(2, 3)) + branching(x)

    xs = tg.tensor(XS, dtype=tg.float32)
    tg.manual_seed(1)
    with pytest.warns(UserWarning, match="one after the other"):
        found = vmap(f, randomness="different")(xs)
    tg.manual_seed(1)
    wanted = [other(x[None] * tg.ones(2, 1) + tg.randn(2, 3)) + branching(x) for x in xs]
    equal(found.detach(), tg.stack(wanted).detach())
    assert count.item() == 4
    equal(norm.running_mean, other.running_mean)
    assert norm.num_batches_tracked.item() == 4


def test_errors_are_those_of_an_example() -> None:
    with pytest.raises(tg.errors.ShapeError, match="must match"):
        vmap(lambda x: x + tg.ones(2))(double(XS))
    with pytest.raises(ValueError, match="differs between the examples when out_dim is None"):
        vmap(nothing, out_dims=None)(double(XS))


def test_results_share_no_memory_with_arguments_or_each_other() -> None:
    xs, shared = double(XS), double(XS[0])
    with at_once():
        a, b, c, d = vmap(lambda x: (x, x[0], (y := x * 1), y))(xs)
        e = vmap(lambda x: shared)(xs)
    for y in (a, b, c, e):
        y.zero_()
    assert (xs.array == XS).all()
    assert (shared.array == XS[0]).all()
    assert (d.array == XS).all()
    assert e.shape == (4, 3)


def test_an_argument_written_afterwards_is_refused_by_the_sweep() -> None:
    w = double(XS, requires_grad=True)
    inner = w * 1
    y = vmap(lambda x: x * x)(inner)
    with tg.no_grad():
        inner.zero_()
    with pytest.raises(tg.errors.InPlaceError, match="modified by an inplace operation"):
        y.sum().backward()


def test_a_tensor_that_escapes_gives_no_number() -> None:
    kept: list[tg.Tensor] = []
    vmap(lambda x: kept.append(x * 2) or x)(double(XS))
    assert kept[0].shape == (3,)
    assert repr(kept[0]).startswith("BatchedTensor(bdims=1, value=\ntensor([[")
    with pytest.raises(AutogradError, match="plain array"):
        kept[0].numpy()
    with pytest.raises(AutogradError, match="differs between the examples"):
        bool((kept[0] > 0)[0])


def test_rows_of_a_jacobian_may_be_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    f = lambda x: (x[:, None] * x).tanh()  # noqa: E731
    equal(jacrev(f, chunk_size=4)(double(XS[0])), jacrev(f)(double(XS[0])))
    equal(*both(monkeypatch, lambda: (jacrev(f)(double(XS[0])), jacfwd(f)(double(XS[0])), hessian(f)(double(XS[0])))))


def test_compiled_functions_hold_batches_in_their_plans() -> None:
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4))
    weights = {name: p.detach() for name, p in net.named_parameters()}

    def loss(w: Any, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        return nn.functional.cross_entropy(functional_call(net, w, (x[None],)), y[None])

    def each(x: tg.Tensor, y: tg.Tensor) -> Any:
        return vmap(grad(loss), (None, 0, 0))(weights, x, y), vmap(lambda x, i: x[i], (0, 0))(x, y % 3)

    def noisy(x: tg.Tensor) -> Any:
        return vmap(lambda x: x + tg.rand(3), randomness="different")(x)

    planned, drawing = tg.compile(each, backend="numpy"), tg.compile(noisy, backend="numpy")
    for seed in range(4):
        tg.manual_seed(seed)
        x, y = tg.randn(5, 3), tg.randint(0, 4, (5,))
        equal(planned(x, y), each(x, y))
        tg.manual_seed(seed)
        found = drawing(x)
        tg.manual_seed(seed)
        equal(found, noisy(x))
    assert len(planned.plans) == len(drawing.plans) == 1


class Sine(tg.autograd.Function):
    """A function with a derivative of its own."""

    generate_vmap_rule = True

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, w: tg.Tensor) -> Any:
        ctx.save_for_backward(x, w)
        return x.sin() * w, x.cos()

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor, h: tg.Tensor) -> Any:
        x, w = ctx.saved_tensors
        return g * x.cos() * w - h * x.sin(), (g * x.sin()).sum()


def test_functions_of_the_users_are_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> Any:
        w = double(2.0, requires_grad=True)
        y = vmap(lambda x: sum(Sine.apply(x, w)))(double(XS))
        (y**2).sum().backward()
        each = vmap(grad(lambda x, w: sum(part.sum() for part in Sine.apply(x, w)), (0, 1)), (0, None))
        return y.detach(), w.grad, each(double(XS), double(3.0)), jacrev(lambda x: Sine.apply(x, w)[0])(double(XS[0]))

    equal(*both(monkeypatch, run))


class NumPys(Sine):
    """One whose derivative leaves the tensors."""

    generate_vmap_rule = False

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor, h: tg.Tensor) -> Any:
        return tg.tensor(Sine.backward(ctx, g, h)[0].numpy()), None


def test_functions_that_do_not_say_so_are_run_by_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    xs = double(XS, requires_grad=True)
    with pytest.warns(UserWarning, match="NumPys, a Function whose backward is written for one example"):
        y = vmap(lambda x: NumPys.apply(x, double(2.0))[0])(xs)
    y.sum().backward()
    np.testing.assert_allclose(values(xs.grad), np.cos(XS) * 2)
    with pytest.warns(UserWarning, match="vmap.rows of jacrev. ran the examples one after the other"):
        found = jacrev(lambda x: NumPys.apply(x, double(2.0))[0])(double(XS[0]))
    np.testing.assert_allclose(values(found), np.diag(np.cos(XS[0]) * 2))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("first", range(0, 120, 40))
def test_random_programs_give_what_the_loop_gives(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of the fuzz as functions of their first tensor, a batch; what they refuse proves nothing."""
    answered = 0
    for number in range(first, first + 40):
        program = generated(11, number, PEERS["torch"].style)
        leaf, *_ = [x for x in program.leaves if x.array.dtype.kind == "f"] or [None]
        if leaf is None or not leaf.array.size or "_(" in str(program):
            continue
        batch = tg.tensor(np.stack([leaf.array * scale for scale in (1, 0.9, 0.8)]).astype(leaf.array.dtype))

        def f(x: tg.Tensor, program: Any = program, leaf: Any = leaf) -> Any:
            names: dict[str, Any] = {"xp": tg, "np": np}
            for other in program.leaves:
                names[other.name] = tg.tensor(other.array)
            names[leaf.name] = x
            for line in program.lines:
                exec(str(line), names)
            found = [names[name] for name in program.outputs]
            return [y for y in found if isinstance(y, tg.Tensor)]

        try:
            with looping(monkeypatch):
                wanted = vmap(f)(batch)
        except Exception:  # noqa: BLE001 - refused
            continue
        equal(vmap(f)(batch), wanted, 1e-4, 1e-5)
        answered += 1
    assert answered > 8


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_results_are_those_of_pytorch() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is asked where it is installed")
    theirs, x = torch.func, torch.from_numpy(XS)

    def f(w: Any, x: Any) -> Any:
        return ((w @ x).tanh() * x).sum()

    pairs = [
        (lambda t, w, x: t.vmap(t.grad(f, (0, 1)), (None, 0))(w, x)),
        (lambda t, w, x: t.vmap(t.hessian(f, 1), (None, 0), 2)(w, x)),
        (lambda t, w, x: t.vmap(t.jacrev(f), (None, 0))(w, x)),
        (lambda t, w, x: t.vmap(t.vmap(f, (0, None)), (None, 0), 1)(w[None] * x[0, 0], x)),
        (lambda t, w, x: t.jacfwd(lambda w: t.vmap(f, (None, 0))(w, x))(w)),
        (lambda t, w, x: t.vmap(lambda x: t.jvp(lambda w: f(w, x), (w,), (w,)))(x)),
    ]
    for run in pairs:
        found, wanted = run(tg.func, double(W), double(XS)), run(theirs, torch.from_numpy(W), x)
        found, wanted = (part if isinstance(part, tuple) else (part,) for part in (found, wanted))
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a.array, b.detach().numpy(), rtol=1e-9, atol=1e-11)
