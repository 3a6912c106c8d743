"""tensorgrad.autograd.functional: the results and the refusals of torch.autograd.functional."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp
from tensorgrad.errors import AutogradError, DTypeError, ShapeError
from tensorgrad.func.trees import leaves, structure

WITHOUT_TORCH = "PyTorch is not installed: a comparison with it, side by side, is left out"
A, B = np.array([0.5, -1.5]), np.array([[2.0, 0.3], [-0.7, 1.1]])


def double(data: Any, requires_grad: bool = False) -> tg.Tensor:
    return tg.tensor(np.asarray(data, np.float64), requires_grad=requires_grad)


def close_trees(found: Any, wanted: Any) -> None:
    assert structure(found) == structure(wanted)
    for a, b in zip(leaves(found), leaves(wanted), strict=True):
        x, y = np.asarray(a.detach()), np.asarray(b.detach())
        assert x.shape == y.shape
        assert np.isfinite(y).all()
        np.testing.assert_allclose(x, y, rtol=1e-10, atol=1e-12, equal_nan=False)


def scalar(a: Any, b: Any) -> Any:
    return (a.exp() * (b @ a) ** 3).sum() + (b * b * b).sum()


def pair(a: Any, b: Any) -> Any:
    return b @ a * a[0], (b * b).sum()


def single(a: Any) -> Any:
    return (a**3).sum() * a[0]


CALLS: dict[str, Callable[[Any, Any, Any], Any]] = {
    "jacobian": lambda F, a, b: F.jacobian(pair, (a, b)),
    "jacobian of one": lambda F, a, b: F.jacobian(lambda a: a.exp() * a[0], a),
    "jacobian of a tuple of one": lambda F, a, b: F.jacobian(lambda a: (a.exp(),), (a,)),
    "jacobian vectorized": lambda F, a, b: F.jacobian(pair, (a, b), vectorize=True),
    "jacobian forward": lambda F, a, b: tuple(
        F.jacobian(scalar, (a, b), vectorize=True, strategy="forward-mode")  # PyTorch gives a list here
    ),
    "jacobian strict": lambda F, a, b: F.jacobian(scalar, (a, b), strict=True),
    "hessian": lambda F, a, b: F.hessian(scalar, (a, b)),
    "hessian of one": lambda F, a, b: F.hessian(single, a),
    "hessian forward": lambda F, a, b: F.hessian(single, a, vectorize=True, outer_jacobian_strategy="forward-mode"),
    "hessian strict": lambda F, a, b: F.hessian(scalar, (a, b), strict=True),
    "hessian of one element": lambda F, a, b: F.hessian(lambda a: single(a).reshape(1), a),
    "vjp": lambda F, a, b: F.vjp(pair, (a, b), (a * a, b[0, 0])),
    "vjp of one": lambda F, a, b: F.vjp(single, a),
    "vjp strict": lambda F, a, b: F.vjp(pair, (a, b), (a * a, b[0, 0]), strict=True),
    "jvp": lambda F, a, b: F.jvp(pair, (a, b), (a * a, b * 2)),
    "jvp of one": lambda F, a, b: F.jvp(lambda x: (x * a, x.exp()), a[0]),
    "jvp strict": lambda F, a, b: F.jvp(scalar, (a, b), (a, b), strict=True),
    "hvp": lambda F, a, b: F.hvp(scalar, (a, b), (b[0], b @ b)),
    "hvp of one element": lambda F, a, b: F.hvp(lambda x: x**3, a[:1]),
    "hvp strict": lambda F, a, b: F.hvp(scalar, (a, b), (a, b), strict=True),
    "vhp": lambda F, a, b: F.vhp(scalar, (a, b), (b[0], b @ b)),
    "vhp of one": lambda F, a, b: F.vhp(single, a, b[1]),
    "vhp strict": lambda F, a, b: F.vhp(scalar, (a, b), (a, b), strict=True),
}


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")  # PyTorch warns of itself
@pytest.mark.parametrize("call", CALLS)
def test_results_are_pytorchs(call):
    torch = pytest.importorskip("torch", reason=WITHOUT_TORCH)
    wanted = CALLS[call](torch.autograd.functional, torch.tensor(A), torch.tensor(B))
    found = CALLS[call](tg.autograd.functional, double(A), double(B))
    close_trees(found, wanted)
    assert not any(x.requires_grad for x in leaves(found))


@pytest.mark.parametrize("call", CALLS)
def test_results_have_a_history_only_on_request(call):
    a, b = double(A, requires_grad=True), double(B, requires_grad=True)
    found = leaves(CALLS[call](tg.autograd.functional, a, b))
    assert not any(x.requires_grad for x in found)
    assert a.grad is None
    assert a.is_leaf


def test_create_graph_makes_the_result_differentiable():
    a, p = double(A, requires_grad=True), double(2.0, requires_grad=True)
    J = jacobian(lambda a: p * a**3, a, create_graph=True)
    J.sum().backward()
    close_trees((a.grad, p.grad), (double(12 * A), double((3 * A**2).sum())))
    for second in (hvp, vhp):
        a.grad = None
        y, v = second(lambda a: (a**3).sum(), a, double([1.0, 1.0]), create_graph=True)
        (y + v.sum()).backward()
        close_trees(a.grad, double(3 * A**2 + 6))
    a.grad = None
    hessian(lambda a: (a**3).sum(), a, create_graph=True).sum().backward()
    close_trees(a.grad, double([6.0, 6.0]))


def test_hvp_and_vhp_are_products_with_the_hessian():
    a, v = double(A), double([0.3, -2.0])
    H = hessian(single, a)
    for second in (hvp, vhp):
        y, product = second(single, a, v)
        close_trees((y, product), (single(a), H @ v))


def test_strict_knows_the_inputs_that_a_function_writes_to():
    def writing(a: tg.Tensor) -> tg.Tensor:
        y = a * 3
        a.zero_()
        return y

    close_trees(jacobian(writing, double(A), strict=True), double(np.diag([3.0, 3.0])))


def test_the_module_is_loaded_by_its_name_alone():
    script = "import tensorgrad as tg; print(tg.autograd.functional.jacobian(lambda x: x * x, tg.ones(1)))"
    root = Path(__file__).resolve().parent.parent
    answer = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert answer.stdout == "tensor([[2.]])\n", answer.stderr
    with pytest.raises(AttributeError, match="has no attribute 'functionals'"):
        _ = tg.autograd.functionals


X, Y = double(A), double([1.0])
ERRORS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: jacobian(lambda x: x, 1.0), TypeError, "inputs given to jacobian must be .* given inputs has type <class"),
    (lambda: jacobian(lambda x, y: x, (X, 1.0)), TypeError, "value at index 1 has type <class 'float'>"),
    (lambda: jacobian(lambda x: [x], X), TypeError, "outputs of the user-provided function given to jacobian"),
    (lambda: jacobian(lambda x: x, tg.tensor([1])), DTypeError, "floating point"),
    (lambda: jacobian(lambda x: x, X, strategy="both"), ValueError, "Expected strategy to be either"),
    (lambda: jacobian(lambda x: X, X, strict=True), AutogradError, "Output 0 .* does not require gradients"),
    (
        lambda: jacobian(lambda x, y: (x * y, x), (X, X), strict=True),
        AutogradError,
        "Output 1 of the user-provided function is independent of input 1",
    ),
    (lambda: vjp(lambda x, y: x, (X, X), X, strict=True), AutogradError, "The output .* is independent of input 1"),
    (lambda: vjp(lambda x: x, X), AutogradError, "The vector v can only be None if the user-provided function returns"),
    (lambda: vjp(lambda x: x, X, Y), ShapeError, r"v has invalid size: should be \[2\] but got \[1\]"),
    (lambda: vjp(lambda x: x, X, (X, X)), AutogradError, "tuple of invalid length: should be 1 but got 2"),
    (lambda: jvp(lambda x: x, X), AutogradError, "The vector v can only be None if the input to the user-provided"),
    (lambda: jvp(lambda x: x, X, 1.0), TypeError, "The v given to jvp must be either a Tensor or a tuple of Tensors"),
    (lambda: hvp(lambda x: x, X, X), AutogradError, "given to hvp should contain a single element"),
    (lambda: vhp(lambda x: (x.sum(),), X, X), AutogradError, "given to vhp should return a single Tensor"),
    (lambda: hvp(lambda x: x.sum(), X, X, strict=True), AutogradError, "jacobian .* input 0 is independent"),
    (lambda: hessian(lambda x: x.sum(), X, strict=True), AutogradError, "jacobian .* input 0 is independent"),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_calls_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text):
        call()
