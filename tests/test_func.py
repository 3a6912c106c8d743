"""tensorgrad.func: against closed forms and PyTorch, nested in every order, and what may never go wrong."""

from __future__ import annotations

import gc
import itertools
import math
import weakref
from collections import OrderedDict, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

import tensorgrad as tg
from tensorgrad import func, nn
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.func import jvp, linearize, trees, vmap
from tensorgrad.func.jacobians import hessian, hvp, jacfwd, jacrev
from tensorgrad.func.modules import functional_call, stack_module_state
from tensorgrad.func.reverse import grad, grad_and_value, value_and_grad, vjp
from tests.doubles import close, double, values

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"


RNG = np.random.default_rng


def close_trees(found: Any, wanted: Any) -> None:
    assert trees.structure(found) == trees.structure(wanted)
    for a, b in zip(trees.leaves(found), trees.leaves(wanted), strict=True):
        close(a, b)


# --- trees ------------------------------------------------------------------------------------------------------------


Point = namedtuple("Point", "x y")  # noqa: PYI024 - without types it is as small as it can be


LEAVES = st.integers()


TREES = st.recursive(
    st.one_of(LEAVES, st.none()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text(max_size=2), inner, max_size=3),
        st.tuples(inner, inner).map(lambda pair: Point(*pair)),
    ),
    max_leaves=12,
)


@given(TREES)
def test_a_tree_is_its_structure_filled_with_its_leaves(tree):
    again = trees.filled(trees.structure(tree), trees.leaves(tree))
    assert again == tree
    assert trees.structure(again) == trees.structure(tree)
    assert trees.leaves_like(trees.structure(tree), tree) == trees.leaves(tree)


@given(TREES)
def test_a_single_value_spreads_over_every_leaf(tree):
    assert trees.spread("all", tree) == ["all"] * len(trees.leaves(tree))


def test_the_classes_of_containers_are_kept():
    tree = OrderedDict(b=Point(1, [2]), a=(3,))
    again = trees.mapped(lambda leaf: leaf + 1, tree)
    assert again == OrderedDict(b=Point(2, [3]), a=(4,))
    assert type(again) is OrderedDict
    assert type(again["b"]) is Point


@pytest.mark.parametrize(
    ("prefix", "tree"),
    [((0,), (1, 2)), ((0, 0), [1, 2]), ({"a": 0}, {"b": 1}), ({"a": 0}, (1,)), (((0,), 0), (1, 2)), ((0, 0), 1)],
)
def test_a_prefix_that_does_not_fit_is_told(prefix, tree):
    assert trees.spread(prefix, tree) is None


# --- closed forms and nesting -----------------------------------------------------------------------------------------


A, POWER = 0.7, 3


def f(x: tg.Tensor) -> tg.Tensor:
    """x**3 * exp(0.7 x): its derivatives of every order are known and none vanishes."""
    return x**POWER * (A * x).exp()


def derivative(order: int, x: float) -> float:
    """Leibniz: the sum of binomials times derivatives of x**3 times those of the exponential."""
    return sum(
        math.comb(order, k) * math.perm(POWER, k) * x ** (POWER - k) * A ** (order - k) * math.exp(A * x)
        for k in range(min(order, POWER) + 1)
    )


ONE = double(1.0)


def along_one(g: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x: jvp(g, (x,), (tg.ones_like(x),))[1]


# Each makes of a function of one number another one; beside it, how many orders of differentiation that is.
TRANSFORMS: dict[str, tuple[Callable[[Callable[..., Any]], Callable[..., Any]], int]] = {
    "grad": (grad, 1),
    "value_and_grad": (lambda g: lambda x: value_and_grad(g)(x)[1], 1),
    "vjp": (lambda g: lambda x: vjp(g, x)[1](ONE)[0], 1),
    "jvp": (along_one, 1),
    "linearize": (lambda g: lambda x: linearize(g, x)[1](ONE), 1),
    "jacrev": (jacrev, 1),
    "jacfwd": (jacfwd, 1),
    "hessian": (hessian, 2),
    "hvp": (lambda g: lambda x: hvp(g, x, ONE), 2),
    "vmap": (lambda g: lambda x: vmap(g)(tg.stack([x, 2 * x]))[0], 0),
}


NESTINGS = [
    *itertools.product(TRANSFORMS, repeat=1),
    *itertools.product(TRANSFORMS, repeat=2),
    *list(itertools.product(TRANSFORMS, repeat=3))[::7],
]


@pytest.mark.parametrize("names", NESTINGS, ids="-".join)
def test_transforms_nested_in_any_order_give_the_closed_form(names):
    g, order = f, 0
    for name in names:
        transform, more = TRANSFORMS[name]
        g, order = transform(g), order + more
    found = g(double(1.3))
    close(found, derivative(order, 1.3), rtol=1e-11)
    assert not found.requires_grad, "nothing outside requires a gradient"


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_transform_is_differentiable_from_outside(name):
    transform, order = TRANSFORMS[name]
    x = double(1.3, requires_grad=True)
    y = transform(f)(x)
    y.backward()
    close(x.grad, derivative(order + 1, 1.3), rtol=1e-11)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_what_a_function_captures_is_differentiable_from_outside(name):
    transform, order = TRANSFORMS[name]
    p = double(2.0, requires_grad=True)
    y = transform(lambda x: p * p * f(x))(double(1.3))
    y.backward()
    close(p.grad, 4.0 * derivative(order, 1.3), rtol=1e-11)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_no_grad_outside_is_ignored_inside_and_honoured_outside(name):
    transform, order = TRANSFORMS[name]
    x, p = double(1.3, requires_grad=True), double(2.0, requires_grad=True)
    with tg.no_grad():
        y = transform(lambda x: p * f(x))(x)
    close(y, 2.0 * derivative(order, 1.3), rtol=1e-11)
    assert not y.requires_grad
    assert tg.is_grad_enabled()


def test_no_grad_inside_stops_the_outer_transform():
    def held(x: tg.Tensor) -> tg.Tensor:
        with tg.no_grad():
            slope = grad(f)(x)
        return slope * x

    close(grad(held)(double(1.3)), derivative(1, 1.3))


FIRST_ORDER = [name for name, (_, order) in TRANSFORMS.items() if order == 1]


@pytest.mark.parametrize("inner", FIRST_ORDER)
@pytest.mark.parametrize("outer", FIRST_ORDER)
def test_perturbations_are_not_confused(outer, inner):
    d_outer, d_inner = TRANSFORMS[outer][0], TRANSFORMS[inner][0]
    # Siskind and Pearlmutter 2005: a sweep that cannot tell the two perturbations apart answers 2
    close(d_outer(lambda x: x * d_inner(lambda y: x + y)(ONE))(ONE), 1.0)
    close(d_outer(lambda x: x * d_inner(lambda y: x + y)(x))(ONE), 1.0)
    # d/dx x * (d/dy x*y at y = 2) = d/dx x**2
    close(d_outer(lambda x: x * d_inner(lambda y: x * y)(double(2.0)))(double(3.0)), 6.0)
    # the same tensor as argument and captured: only the argument counts
    close(d_outer(lambda x: d_inner(lambda y: y * y * x * x)(x))(double(3.0)), 6 * 9.0)


def test_the_same_tensor_in_two_places_is_two_inputs():
    x = double(3.0, requires_grad=True)
    first, second = grad(lambda a, b: a * a * b + x, argnums=(0, 1))(x, x)
    close(first, 18.0)
    close(second, 9.0)
    (first + second).backward()
    close(x.grad, 4 * 3.0 + 2 * 3.0)


def test_a_hessian_in_a_loss_trains_the_parameters_that_it_captures():
    w = double([[0.3, -0.2], [0.5, 0.1]], requires_grad=True)
    x = double([1.0, 2.0])
    h = hessian(lambda x: ((w @ x) ** 2).sum() + (w[0, 0] * x[0]) ** 3)(x)
    W = values(w)
    wanted = 2 * W.T @ W
    wanted[0, 0] += 6 * W[0, 0] ** 3 * 1.0
    close(h, wanted)
    (h**2).sum().backward()
    G = 2 * wanted
    gradient = 2 * W @ (G + G.T)
    gradient[0, 0] += G[0, 0] * 18 * W[0, 0] ** 2
    close(w.grad, gradient)


def test_a_gradient_through_a_loop_of_gradients_is_the_closed_form():
    x = double(1.0, requires_grad=True)
    y = x
    for _ in range(20):
        y = y - 0.1 * grad(lambda z: z * z)(y)
    y.backward()
    close(x.grad, 0.8**20)


class Behind:
    """What stands in the place of a node's inputs where nobody may look."""

    def __iter__(self) -> Any:
        raise AssertionError("a walk went behind the inputs of its transform")


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "vmap"])
def test_a_loop_of_n_derivatives_costs_n_times_one(name):
    transform, order = TRANSFORMS[name]
    x = double(1.3, requires_grad=True) * 1.0
    x.node.inputs = Behind()
    found = transform(lambda y: f(y) * (y / x))(x)
    assert found.requires_grad
    product_rule = derivative(order, 1.3) + order * derivative(order - 1, 1.3) / 1.3
    close(found, product_rule)


# --- what a result is -------------------------------------------------------------------------------------------------


def test_values_gradients_and_aux_have_no_history_where_nothing_outside_has_one():
    gradient, (value, aux) = grad_and_value(lambda x: ((x * x).sum(), {"twice": 2 * x, "n": 3}), has_aux=True)(
        double([1.0, 2.0])
    )
    close(gradient, [2.0, 4.0])
    close(value, 5.0)
    close(aux["twice"], [2.0, 4.0])
    assert aux["n"] == 3
    assert [x.grad_fn for x in (gradient, value, aux["twice"])] == [None] * 3


def test_only_the_results_that_depend_on_something_outside_keep_their_history():
    p = double(2.0, requires_grad=True)
    first, second = grad(lambda a, b: p * a + b * b, argnums=(0, 1))(double(1.0), double(3.0))
    assert first.requires_grad
    assert not second.requires_grad
    constant = grad(lambda x: x * grad(lambda y: x * y * y)(double(2.0)))(double(3.0))
    close(constant, 24.0)
    assert not constant.requires_grad, "the leaf of the inner transform is nobody's any more"


def test_no_grad_is_filled_and_no_input_changes():
    x, p = double([1.0, 2.0], requires_grad=True), double([3.0, 4.0], requires_grad=True)
    before = x.array.copy()
    for transform in (grad, hessian, jacrev, jacfwd):
        transform(lambda x: (p * x**3).sum())(x)
    jvp(lambda x: p * x, (x,), (x,))
    vjp(lambda x: p * x, x)[1](x)
    assert x.grad is None
    assert p.grad is None
    assert (x.array == before).all()
    assert x.is_leaf
    assert x.requires_grad


def test_writing_to_a_result_does_not_write_to_an_input():
    x = double([1.0, 2.0])
    (g,) = vjp(lambda x: x, x)[1](x)
    y, t = jvp(lambda x: x, (x,), (x,))
    for result in (g, y, t, jacrev(lambda x: x)(x)):
        result.zero_()
    close(x, [1.0, 2.0])


def writing(x: tg.Tensor) -> tg.Tensor:
    y = x.mul_(x)
    y[0] = 3 * y[1]
    return (y * x).sum() * x[0]


def not_writing(x: tg.Tensor) -> tg.Tensor:
    y = x * x
    z = tg.stack([3 * y[1], y[1]])
    return (z * z).sum() * z[0]


@pytest.mark.filterwarnings("ignore:.*one after the other")
@pytest.mark.parametrize("name", [*TRANSFORMS, "nested", "grad of vmap"])
def test_a_function_may_write_to_its_inputs_which_are_copies(name):
    def nested(g: Callable[..., Any]) -> Callable[..., Any]:
        return jacfwd(jacrev(hessian(g)))

    x = double([1.2, 0.7], requires_grad=True)
    transform = {
        "vjp": lambda g: lambda x: vjp(g, x)[1](ONE)[0],
        "linearize": lambda g: lambda x: linearize(g, x)[1](x),
        "hvp": lambda g: lambda x: hvp(g, x, x),
        "vmap": lambda g: lambda x: vmap(g)(tg.stack([x, 2 * x])),
        "grad of vmap": lambda g: grad(lambda x: vmap(g)(tg.stack([x, 2 * x])).sum()),
        "nested": nested,
    }.get(name, TRANSFORMS.get(name, [None])[0])
    found, wanted = transform(writing)(x), transform(not_writing)(x)
    close(found, values(wanted))
    close(x, [1.2, 0.7])
    (slope,) = tg.autograd.grad(found.sum(), x)
    close(slope, values(tg.autograd.grad(wanted.sum(), x)[0]))


def test_a_graph_outside_is_neither_freed_nor_needed():
    p = double([2.0], requires_grad=True)
    w = (p * p).exp()
    last = (w * w)[0]
    with tg.no_grad():
        close(grad(lambda x: (x * w).sum())(double([1.0])), np.exp([4.0]))
        close(grad(lambda x: last)(double([1.0])), [0.0])
    last.backward()
    close(p.grad, 8 * np.exp([8.0]))  # not freed by the gradients above
    x = double([1.0])
    close(grad(lambda x: (x * w).sum())(x), np.exp([4.0]))  # although freed by backward: it is a constant here
    close(jvp(lambda x: x * w, (x,), (x,))[1], np.exp([4.0]))


def test_an_exception_inside_leaves_the_mode_as_it_was():
    def broken(x: tg.Tensor) -> tg.Tensor:
        raise KeyError("mine")

    with tg.no_grad():
        with pytest.raises(KeyError, match="mine"):
            grad(broken)(double(1.0))
        assert not tg.is_grad_enabled()


def test_a_function_that_ignores_its_input_has_derivative_zero():
    x = double([1.0, 2.0])
    close(grad(lambda x: double(3.0))(x), [0.0, 0.0])
    close(grad(lambda x: tg.tensor(3))(x), [0.0, 0.0])
    close(jacrev(lambda x: double([1.0, 1.0, 1.0]))(x), np.zeros((3, 2)))
    close(jacfwd(lambda x: double([1.0, 1.0, 1.0]))(x), np.zeros((3, 2)))
    close(hessian(lambda x: x.sum())(x), np.zeros((2, 2)))
    close(hvp(lambda x: x.sum(), x, x), [0.0, 0.0])


@pytest.mark.parametrize("transform", [jacrev, jacfwd])
def test_jacobians_of_empty_tensors_are_empty(transform):
    assert transform(lambda x: x[:0] * 2)(double([1.0, 2.0])).shape == (0, 2)
    assert transform(lambda x: tg.ones(3, dtype=tg.float64) * x.sum())(double([])).shape == (3, 0)


def test_a_gradient_has_the_dtype_of_its_input_and_a_tangent_that_of_its_output():
    x = tg.tensor([1.0, 2.0])
    assert jacrev(lambda x: x.double() ** 2)(x).dtype == tg.float32
    assert jacfwd(lambda x: x.double() ** 2)(x).dtype == tg.float64
    y, pull = vjp(lambda x: x.double() ** 2, x)
    (g,) = pull(tg.tensor([1.0, 1.0]))
    assert (y.dtype, g.dtype) == (tg.float64, tg.float32)
    assert jvp(lambda x: x**2, (x,), (double([1.0, 1.0]),))[1].dtype == tg.float32


def test_a_cotangent_of_another_dtype_keeps_its_history():
    c = tg.tensor([1.0, 2.0], requires_grad=True)  # float32, the output is float64
    vjp(lambda x: x * x, double([3.0, 4.0]))[1](c)[0].sum().backward()
    close(c.grad, [6.0, 8.0])


def test_vjp_and_linearize_run_the_function_once_and_serve_any_number_of_calls():
    calls = []

    def counted(x: tg.Tensor) -> tg.Tensor:
        calls.append(1)
        return x**3

    x = double([1.0, 2.0])
    _, pull = vjp(counted, x)
    _, push = linearize(counted, x)
    for k in (1.0, 2.0):
        close(pull(double([k, 0.0]))[0], [3 * k, 0.0])
        close(push(double([0.0, k])), [0.0, 12 * k])
    assert len(calls) == 2


def test_the_pulled_back_function_is_differentiable_in_its_cotangent():
    _, pull = vjp(lambda x: x * x, double([1.0, 2.0]))
    close(jacrev(lambda c: pull(c)[0])(double([5.0, 6.0])), np.diag([2.0, 4.0]))
    close(jvp(lambda c: pull(c)[0], (double([5.0, 6.0]),), (double([1.0, 1.0]),))[1], [2.0, 4.0])


def test_the_linear_map_is_differentiable_in_its_tangent():
    _, push = linearize(lambda x: x * x, double([1.0, 2.0]))
    close(jacrev(push)(double([5.0, 6.0])), np.diag([2.0, 4.0]))
    t = double([5.0, 6.0], requires_grad=True)
    jvp(lambda x: x * x, (double([1.0, 2.0]),), (t,))[1].sum().backward()
    close(t.grad, [2.0, 4.0])


def test_an_input_is_a_constant_to_the_outside_where_nothing_was_recorded():
    x = double(3.0, requires_grad=True)
    with tg.no_grad():
        _, pull = vjp(f, x)
        _, push = linearize(f, x)
    assert not pull(ONE)[0].requires_grad
    assert not push(ONE).requires_grad


@pytest.mark.parametrize("name", [name for name in TRANSFORMS if name != "vmap"])
def test_sweeps_run_on_arrays_unless_their_result_is_differentiated(name, monkeypatch):
    transform, order = TRANSFORMS[name]
    recorded: list[bool] = []
    for sweep in ("grad", "jvp"):
        original = getattr(tg.autograd, sweep)

        def noted(*args: Any, create_graph: bool, original: Any = original, **options: Any) -> Any:
            recorded.append(create_graph)
            return original(*args, create_graph=create_graph, **options)

        monkeypatch.setattr(tg.autograd, sweep, noted)
    x = double(1.3, requires_grad=True)
    with tg.no_grad():
        transform(f)(x)
        transform(lambda y: x * f(y))(x)
    transform(f)(x.detach())
    assert sum(recorded) == 3 * (order - 1), "the inner of two sweeps is differentiated"
    recorded.clear()
    transform(f)(x)
    assert all(recorded)


def test_a_gradient_frees_its_graph_as_it_goes():
    inside = []

    def kept(x: tg.Tensor) -> tg.Tensor:
        inside.append(x * x)
        return inside[-1].sum()

    grad(kept)(double([1.0, 2.0]))
    assert inside[0].node.saved is None


def test_nothing_is_left_behind():
    x = double([1.0, 2.0])
    alive: list[weakref.ref[Any]] = []

    def watched(x: tg.Tensor) -> tg.Tensor:
        y = (x * x).exp()
        alive.append(weakref.ref(y.node))
        return y.sum()

    gc.disable()  # reference counting alone must do
    try:
        for transform in (grad, hessian, jacrev, jacfwd):
            transform(watched)(x)
        vjp(watched, x)[1](ONE)
        linearize(watched, x)[1](x)
        assert all(ref() is None for ref in alive)
    finally:
        gc.enable()


def test_argnums_and_keyword_arguments():
    g = grad(lambda a, b, *, scale: scale * a * b * b, argnums=(-1, 0))
    close_trees(g(double(2.0), double(3.0), scale=10.0), (np.array(120.0), np.array(90.0)))
    assert grad(lambda a, n: a**n)(double(2.0), 3).item() == 12.0


def test_trees_go_in_and_come_out():
    def loss(params: dict[str, Any], point: Point) -> tg.Tensor:
        return (params["w"] * point.x).sum() + params["rest"][0] ** 2 * point.y

    params = {"w": double([1.0, 2.0]), "rest": [double(3.0), None]}
    found = grad(loss, argnums=(0, 1))(params, Point(double([4.0, 5.0]), double(6.0)))
    wanted = {"w": np.array([4.0, 5.0]), "rest": [np.array(36.0), None]}, Point(np.array([1.0, 2.0]), np.array(9.0))
    close_trees(found, wanted)
    assert type(found[1]) is Point
    jacobian = jacrev(lambda p: {"out": (p["a"] * p["b"], None)})({"a": double([1.0, 2.0]), "b": double(3.0)})
    close_trees(jacobian, {"out": ({"a": np.diag([3.0, 3.0]), "b": np.array([1.0, 2.0])}, None)})
    cotangents = {"z": double(1.0), "a": double(10.0)}  # in another order than the output's
    (g,) = vjp(lambda x: {"a": x, "z": x * x}, double(3.0))[1](cotangents)
    close(g, 16.0)


def test_a_module_is_a_function_too():
    layer = nn.Linear(2, 1).double()
    close(jacrev(layer)(double([1.0, 2.0])), values(layer.weight))
    close(vmap(layer)(double([[1.0, 2.0]])), values(layer(double([[1.0, 2.0]]))))


# --- properties -------------------------------------------------------------------------------------------------------


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "polynomial": lambda x: x**3 - 2 * x * x.sum(),
    "transcendental": lambda x: (x.sin() * (x / 2).exp()).tanh(),
    "product": lambda x: x.reshape(-1, 1) * (x * x).reshape(1, -1),
    "matrix": lambda x: (x.reshape(1, -1) @ x.reshape(-1, 1)).squeeze() * x,
    "softmax": lambda x: x.softmax(0) * x,
    "mean": lambda x: (x - x.mean()) / (x * x).mean().sqrt(),
    "indexed": lambda x: x[0] * x[-1] + x[1:].exp(),
    "where": lambda x: x.abs() * x + x.sigmoid(),
}


POINTS = st.lists(st.floats(0.3, 1.5).map(lambda v: round(v, 3)), min_size=2, max_size=4)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(data=st.data())
def test_both_jacobians_agree_and_are_adjoint(name, data):
    g = FUNCTIONS[name]
    x = double(data.draw(POINTS))
    rng = RNG(data.draw(st.integers(0, 1000)))
    v = double(rng.standard_normal(x.shape))
    reverse, forward = jacrev(g)(x), jacfwd(g)(x)
    close(reverse, values(forward))
    y, t = jvp(g, (x,), (v,))
    _, pull = vjp(g, x)
    c = double(rng.standard_normal(y.shape))
    close((t * c).sum(), values((v * pull(c)[0]).sum()), atol=1e-10)
    close(t, np.tensordot(values(reverse), values(v), axes=1), atol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(point=POINTS, seed=st.integers(0, 1000))
def test_the_hessian_is_symmetric_and_is_what_hvp_multiplies_with(name, point, seed):
    x = double(point)
    g = lambda x: (FUNCTIONS[name](x) ** 2).sum()  # noqa: E731 - one expression, used below as a value
    v = double(RNG(seed).standard_normal(x.shape))
    H = values(hessian(g)(x))
    close(H, H.T, atol=1e-10)
    close(hvp(g, x, v), H @ values(v), atol=1e-10)
    for outer, inner in itertools.product((jacrev, jacfwd), repeat=2):
        close(outer(inner(g))(x), H, atol=1e-10)


@pytest.mark.parametrize("name", FUNCTIONS)
@given(n=st.integers(1, 5), seed=st.integers(0, 1000))
def test_vmap_is_the_stack_of_the_examples(name, n, seed):
    xs = double(RNG(seed).integers(3, 13, (n, 3)) / 8)  # products and sums of these are exact, in any order
    rtol = 0 if name in {"polynomial", "product", "matrix"} else 1e-14  # memory that lies otherwise may round otherwise
    for g in (FUNCTIONS[name], jacrev(FUNCTIONS[name])):
        close(vmap(g)(xs), values(tg.stack([g(x) for x in xs])), rtol=rtol, atol=rtol)


# --- beside PyTorch ---------------------------------------------------------------------------------------------------


PEER_TRANSFORMS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "grad": lambda F, f, x: F.grad(lambda x: f(x).sum())(x),
    "grad_and_value": lambda F, f, x: F.grad_and_value(lambda x: (f(x).sum(), {"aux": x * 2}), has_aux=True)(x),
    "vjp": lambda F, f, x: F.vjp(f, x)[1](f(x)),
    "jvp": lambda F, f, x: F.jvp(f, (x,), (x * x,)),
    "linearize": lambda F, f, x: F.jvp(f, (x,), (x,))[1],
    "jacrev": lambda F, f, x: F.jacrev(lambda a, b: {"y": f(a * b)}, argnums=(0, 1))(x, x),
    "jacfwd": lambda F, f, x: F.jacfwd(lambda p: f(p["x"]))({"x": x}),
    "hessian": lambda F, f, x: F.hessian(lambda a, b: f(a + b * b).sum(), argnums=(0, 1))(x, x),
    "third": lambda F, f, x: F.jacfwd(F.jacrev(F.jacrev(f)))(x),
    "vmap grad": lambda F, f, x: F.vmap(F.grad(lambda a, b: f(a * b).sum()), (1, None), 1)(_outer(x), x),
    "vmap vmap": lambda F, f, x: F.vmap(F.vmap(lambda a: f(a * x)), in_dims=1, out_dims=-1)(_outer(x)),
    "vmap jacrev": lambda F, f, x: F.vmap(F.jacrev(f))(_outer(x)),
    "grad vmap": lambda F, f, x: F.grad(lambda x: F.vmap(lambda a: f(a * x))(_outer(x)).sum())(x),
    "vmap trees": lambda F, f, x: F.vmap(
        lambda p, y: (f(p["w"] * y), {"b": p["b"] + y.sum()}), ({"w": 1, "b": None}, 0), (1, {"b": 0})
    )({"w": _outer(x), "b": x}, _outer(x)),
}


def _outer(x: Any) -> Any:
    return x.reshape(-1, 1) * (1 + x).reshape(1, -1) / 2


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # PyTorch warns of itself
@pytest.mark.parametrize("transform", PEER_TRANSFORMS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_results_and_their_structure_are_pytorchs(name, transform):
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    point = RNG(7).uniform(0.4, 1.2, 3)
    run, g = PEER_TRANSFORMS[transform], FUNCTIONS[name]
    wanted = run(torch.func, g, torch.tensor(point))
    close_trees(run(func, g, double(point)), wanted)


def test_an_inner_step_of_learning_is_differentiated_as_in_pytorch():
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    rng = RNG(3)
    arrays = {"0.weight": (4, 2), "0.bias": (4,), "2.weight": (1, 4), "2.bias": (1,)}
    start = {name: rng.standard_normal(shape) for name, shape in arrays.items()}
    x, y = rng.standard_normal((5, 2)), rng.standard_normal((5, 1))

    def meta_gradient(lib: Any, make: Callable[[Any], Any]) -> dict[str, Any]:
        net = lib.nn.Sequential(lib.nn.Linear(2, 4), lib.nn.Tanh(), lib.nn.Linear(4, 1)).double()
        call = lib.func.functional_call

        def loss(params: dict[str, Any]) -> Any:
            return ((call(net, params, make(x)) - make(y)) ** 2).mean()

        def after_a_step(params: dict[str, Any]) -> Any:
            g = lib.func.grad(loss)(params)
            return loss({name: p - 0.1 * g[name] for name, p in params.items()})

        return lib.func.grad(after_a_step)({name: make(v) for name, v in start.items()})

    close_trees(meta_gradient(tg, double), meta_gradient(torch, torch.tensor))


# --- errors -----------------------------------------------------------------------------------------------------------


X = double([1.0, 2.0])


ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: grad(lambda x: x)(X), AutogradError, "Expected f.*scalar Tensor, got tensor with 1 dims. .*vjp or jacrev"),
    (lambda: grad(lambda x: x[:1])(X), AutogradError, "scalar Tensor, got tensor with 1 dims"),
    (lambda: grad(lambda x: (x.sum(),))(X), AutogradError, "return a Tensor, got <class 'tuple'>"),
    (lambda: grad(lambda x: 1.0)(X), AutogradError, "only tensors, got unsupported type <class 'float'>"),
    (lambda: grad(lambda x: x.sum(), argnums=1)(X), AutogradError, "Got argnum=1, but only 1 positional inputs"),
    (lambda: grad(lambda x: x.sum(), argnums=(0, -1))(X), AutogradError, "argnums elements must be unique"),
    (lambda: grad(lambda x: x.sum(), argnums=())(X), AutogradError, "argnums must be non-empty"),
    (lambda: grad(lambda x: x.sum(), argnums=0.5)(X), TypeError, "argument .argnums. must be int or tuple of int"),
    (lambda: grad(lambda x: x.sum(), argnums=("a",))(X), TypeError, "argument .argnums. must be int or tuple of int"),
    (lambda: grad(lambda x: x)(2.0), TypeError, "must be Tensor, got <class 'float'>"),
    (lambda: grad(lambda x: x.sum())(tg.tensor([1, 2])), DTypeError, "floating point"),
    (lambda: grad(lambda x: x.sum(), has_aux=True)(X), AutogradError, "should be a tuple: .output, aux. if has_aux"),
    (lambda: vjp(lambda x: (x, x), X)[1](X), AutogradError, "structure of cotangents to be the same"),
    (lambda: vjp(lambda x: x, X)[1](double([1.0])), ShapeError, "Mismatch in shape"),
    (lambda: vjp(lambda x: x, X)[1](1.0), TypeError, "only Tensors, got <class 'float'>"),
    (lambda: vjp(lambda x: (), X), AutogradError, "non-empty output"),
    (lambda: vjp(lambda: X), AutogradError, "argnums must be non-empty"),
    (lambda: jvp(lambda x: x, X, X), AutogradError, "Expected primals to be a tuple"),
    (lambda: jvp(lambda x: x, (X,), (X, X)), AutogradError, "structure of tangents to be the same"),
    (lambda: jvp(lambda x: x, (X,), (double([1.0]),)), ShapeError, "Mismatch in shape"),
    (lambda: jvp(lambda x: 1.0, (X,), (X,)), AutogradError, "only tensors, got unsupported type"),
    (lambda: jvp(lambda x: (x, X), (X,), (X,), strict=True), AutogradError, "independent of the inputs"),
    (lambda: jacrev(lambda x: x > 1)(X), DTypeError, "must be floating-point or complex Tensors"),
    (lambda: jacfwd(lambda x: x.argmax())(X), DTypeError, "must be floating-point or complex Tensors"),
    (lambda: jacrev(lambda x: x, chunk_size=0), ValueError, "chunk_size. should be greater than 0"),
    (lambda: vmap(lambda x: x, randomness="none"), AutogradError, "Only allowed values for randomness"),
    (lambda: vmap(lambda x: x, chunk_size=-1), ValueError, "chunk_size should be None or greater than 0"),
    (lambda: vmap(lambda x: x, in_dims="0")(X), TypeError, "expected `in_dims` to be int or a"),
    (lambda: vmap(lambda x: x, in_dims=("0",))(X), TypeError, "in_dim must be either an integer dimension or None"),
    (lambda: vmap(lambda x: x)(), ValueError, "got no inputs"),
    (lambda: vmap(lambda x: x, in_dims=(0, 0))(X), ValueError, "in_dims is not compatible with the structure"),
    (lambda: vmap(lambda x: x)(3.0), TypeError, "cannot vmap over non-Tensor arguments"),
    (lambda: vmap(lambda x: x, in_dims=1)(X), ShapeError, "expected in_dim to satisfy -1 <= in_dim < 1"),
    (lambda: vmap(lambda x: x, in_dims=(None,))(X), ValueError, "Expected at least one Tensor to vmap over"),
    (lambda: vmap(lambda x, y: x)(X, double([1.0])), ShapeError, "same size in the mapped dimension"),
    (lambda: vmap(lambda x, y: x)(double([]), X), ShapeError, "the same size in the mapped dimension"),
    (lambda: vmap(lambda x: 1.0)(X), TypeError, "must only return Tensors, got type <class 'float'>"),
    (lambda: vmap(lambda x: x, out_dims=(0, 0))(X), ValueError, "out_dims is not compatible with the structure"),
    (lambda: vmap(lambda x: x, out_dims="0")(X), TypeError, "`out_dims` must be an int"),
    (lambda: vmap(lambda x: (x,) if x > 1 else x)(X), ValueError, "different structure for different examples"),
    (lambda: functional_call(nn.Linear(1, 1), {"wieght": X}, X), AutogradError, r"Unexpected key\(s\): \['wieght'\]"),
    (lambda: functional_call(nn.Linear(1, 1), {"bias": X}, X, strict=True), AutogradError, r"Missing.*\['weight'\]"),
    (lambda: functional_call(nn.Linear(1, 1), [{"bias": X}, {"bias": X}], X), AutogradError, "multiple dictionaries"),
    (lambda: stack_module_state([]), AutogradError, "at least one model"),
    (lambda: stack_module_state([nn.Linear(1, 1), nn.ReLU()]), AutogradError, "of the same class"),
    (lambda: stack_module_state([nn.ReLU(), nn.ReLU().eval()]), AutogradError, "same training/eval mode"),
    (
        lambda: stack_module_state([nn.Linear(1, 1), nn.Linear(1, 1).requires_grad_(False)]),
        AutogradError,
        "to have the same .requires_grad",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_calls_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call()
