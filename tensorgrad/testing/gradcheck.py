"""`gradcheck` and `gradgradcheck`: PyTorch's names and arguments for the checks in `checking`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from tensorgrad.autograd import backward, enable_grad, grad, jvp
from tensorgrad.base.dtypes import Array
from tensorgrad.create.random import Generator
from tensorgrad.engine.tensor import Tensor, wrap
from tensorgrad.errors import AutogradError, ShapeError

from .asked import Options, step_of, verifying
from .checking import check_inputs, checked
from .proofs import proofs
from .report import GradcheckError, Report, failing
from .subject import NO_OUTPUT, UNRECORDED, tensors_of

Checked = Callable[..., Tensor | Sequence[Tensor]]


@verifying
def gradcheck(
    fn: Checked,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float | None = None,
    atol: float = 0.0,
    rtol: float = 0.0,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = True,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool | None = None,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
    max_coordinates: int = 200,
    allow_undecided: bool = True,
    prove: bool | None = None,
    seed: int = 0,
) -> Report:
    """Return the report, true in a condition, if the gradients of `fn` at `inputs` are right; otherwise raise.

    Four verdicts: passed; failed, with input, index and both numbers; a kink, with input, index and the slopes on both
    sides; undecided, where no numerical derivative converges. No tolerance is needed, see `check`, which also describes
    what is not described here.

    Args:
        fn, inputs, atol, rtol, nondet_tol, max_coordinates, seed: as for `check`.
        eps: the largest step, in units of the argument where that is larger than 1; default: 1/8. The steps below it
            are chosen, so that it need not be guessed; give it where the function changes its nature close by.
        raise_exception: raise if the verdict is "failed" or "kink"; otherwise return the report, which is then false.
        allow_undecided: neither raise nor be false where the verdict is "undecided".
        check_undefined_grad: check that a cotangent that is left out, of one output among several, means zeros.
        check_grad_dtypes: accepted; the sweeps give a gradient the dtype of its input whatever the rule says.
        check_batched_grad, check_batched_forward_grad, masked: refused if true: no gradient is computed in batches
            here, and no tensor is sparse.
        check_forward_ad: check the forward mode and that it is the adjoint of the reverse mode; None: where every
            operation has a forward rule.
        check_backward_ad: check the reverse mode.
        fast_mode: try random directions only, and single elements only to find which of them disagrees.
        prove: also compare with intervals that hold the exact gradient, as the library's rules give it for what `fn`
            computes: one that lies outside is proved wrong, one near enough to both ends proved right. The `proofs` of
            the report say which are. None: unless `fast_mode` is wanted.

    Raises:
        GradcheckError: a gradient is wrong or not finite, or there is none: the point lies on a kink, or `fn` gives
            other values when it is called again.
        DTypeError: an input that requires a gradient, or an output, is not float64.
        AutogradError: no input requires a gradient, no output depends on one, or a refused argument is true.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> bool(gradcheck(tg.exp, x))
    True
    >>> gradcheck(lambda x: x * x.detach(), x)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    tensorgrad.testing.report.GradcheckError: gradient of input 0 at (0,) is wrong: ...
    """
    _refuse(check_batched_grad=check_batched_grad, check_batched_forward_grad=check_batched_forward_grad, masked=masked)
    options = Options(
        0 if fast_mode else max_coordinates,
        check_undefined_grad,
        step_of(eps),
        atol,
        rtol,
        nondet_tol,
        allow_undecided,
        seed,
        check_reverse=check_backward_ad,
        check_forward=check_forward_ad,
    )
    prove = (not fast_mode) if prove is None else prove
    return _answered(partial(_proved if prove and check_backward_ad else checked, fn, inputs, options), raise_exception)


def _proved(fn: Checked, inputs: Tensor | Sequence[Any], options: Options) -> Report:
    """Return what `checked` does, with proofs; on a kink there is only a convention to prove."""
    report = checked(fn, inputs, options)
    if report.kinks:
        return report
    arguments = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    others = [c for c in report.comparisons if c.verdict == "disagrees"]
    found = proofs(fn, arguments, check_inputs(arguments), (options.atol, options.rtol), options.seed, others)
    wrong = [c for proof in found for c in proof.wrong]
    return replace(report, comparisons=(*report.comparisons, *wrong), proofs=found)


@verifying
def gradgradcheck(
    fn: Checked,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float | None = None,
    atol: float = 0.0,
    rtol: float = 0.0,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = True,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool | None = None,
    check_rev_over_rev: bool = True,
    check_over_fwd: bool | None = None,
    fast_mode: bool = False,
    masked: bool = False,
    max_coordinates: int = 200,
    allow_undecided: bool = True,
    seed: int = 0,
) -> Report:
    """Return the report, true in a condition, if the second derivatives of `fn` at `inputs` are right; otherwise raise.

    The gradients by the reverse sweep are a function of the inputs and the cotangents, the tangents by the forward
    sweep one of the inputs and the directions: the derivatives of both functions are checked in both modes, as
    `gradcheck` does. A rule that hides a saved value from the graph is right in first order and is found here.

    Args:
        fn, inputs: as for `check`.
        grad_outputs: a float64 cotangent for each output that requires a gradient; default: random ones.
        gen_non_contig_grad_outputs: make the random ones with gaps in memory.
        check_rev_over_rev, check_fwd_over_rev: check the derivatives of the gradients in reverse and in forward mode.
        check_over_fwd: check those of the tangents, in both modes. For this and the one above, None means: where every
            operation has a forward rule.
        eps, raise_exception, check_undefined_grad, fast_mode and the others: as for `gradcheck`.

    Raises:
        GradcheckError, DTypeError, AutogradError: as for `gradcheck`.
        ShapeError: `grad_outputs` do not fit the outputs.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([0.5, 2.0], dtype=tg.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x**3, x).verdict
    'passed'
    """
    _refuse(check_batched_grad=check_batched_grad, masked=masked)
    number = 0 if fast_mode else max_coordinates
    options = Options(
        number, check_undefined_grad, step_of(eps), atol, rtol, nondet_tol, allow_undecided, seed, second=True
    )
    arguments: list[Any] = list(inputs) if isinstance(inputs, list | tuple) else [inputs]
    check_inputs(arguments)
    random = Generator().manual_seed(seed).numpy
    over_reverse = replace(options, check_reverse=check_rev_over_rev, check_forward=check_fwd_over_rev)

    def report() -> Report:
        gs = _cotangents(fn, arguments, grad_outputs, random, gen_non_contig_grad_outputs)
        found = _second(fn, _gradients, arguments, gs, "grad_outputs", "reverse", over_reverse)
        _require_differentiable(found, fn, arguments, gs)
        return found + _over_forward(fn, arguments, random, options, check_over_fwd)

    return _answered(report, raise_exception)


def _answered(make: Callable[[], Report], raise_exception: bool) -> Report:
    """Return the report that `make` makes, also where it raises GradcheckError; raise that if `raise_exception`.

    An error of the function itself is none of the checker's, and passes.
    """
    try:
        report = make()
    except GradcheckError as error:
        if raise_exception:
            raise
        return Report((error.comparison,))
    if raise_exception:
        report.raise_if_not_passed()
    return report


def _refuse(**arguments: bool) -> None:
    for name, value in arguments.items():
        if value:
            raise AutogradError(
                f"gradcheck: {name}=True has no meaning here: gradients are not computed in batches, and no tensor is "
                f"sparse; leave it out"
            )


def _random(like: Tensor, random: np.random.Generator, gaps: bool) -> Tensor:
    """Return normal numbers in the shape of `like`, with gaps in memory if asked for."""
    values: Array = np.asarray(random.standard_normal(like.shape))
    if gaps and values.ndim:
        wide = np.full((*values.shape[:-1], 2 * values.shape[-1]), np.nan)
        wide[..., ::2] = values
        values = wide[..., ::2]
    return wrap(values)


def _inputs(arguments: Sequence[Any]) -> list[Tensor]:
    """Return the arguments that are differentiated."""
    return [x for x in arguments if isinstance(x, Tensor) and x.requires_grad]


def _outputs(fn: Checked, arguments: Sequence[Any]) -> list[Tensor]:
    """Return the outputs of `fn` that are."""
    return [y for y in tensors_of(fn(*arguments)) if y.requires_grad]


def _gradients(ys: list[Tensor], xs: list[Tensor], gs: Sequence[Tensor]) -> list[Tensor]:
    """Return the gradients, of complex numbers not conjugated: only so is a step into the imaginary one of calculus."""
    found = grad(ys, xs, [g.conj() for g in gs], create_graph=True, materialize_grads=True)
    return [g.conj() for g in found]


_TANGENTS = partial(jvp, create_graph=True)


def _derivative_of(fn: Checked, n: int, sweep: Callable[..., Any]) -> Checked:
    """Return the function of the `n` arguments of `fn`, and of cotangents or directions, that `sweep` computes.

    It returns the gradients of `fn`, or its tangents.
    """

    def derivative(*arguments: Any) -> list[Tensor]:
        return list(sweep(_outputs(fn, arguments[:n]), _inputs(arguments[:n]), arguments[n:]))

    return derivative


def _cotangents(
    fn: Checked,
    arguments: list[Any],
    given: Tensor | Sequence[Tensor] | None,
    random: np.random.Generator,
    gaps: bool,
) -> list[Tensor]:
    """Return the cotangents that are `given`, else random ones, for each output that requires a gradient.

    Raises:
        ShapeError: those that are given do not fit.
    """
    with enable_grad(), np.errstate(all="ignore"):
        outputs = _outputs(fn, arguments)
    if not outputs:
        raise AutogradError(NO_OUTPUT)
    if given is not None:
        found = [wrap(g.array) for g in tensors_of(given)]
        if [g.shape for g in found] != [y.shape for y in outputs]:
            raise ShapeError(
                f"gradgradcheck(): argument 'grad_outputs' has shapes {_shapes(found)}, and the outputs that require a "
                f"gradient have {_shapes(outputs)}: pass one of the same shape for each"
            )
        return found
    return [_random(y, random, gaps) for y in outputs]


def _shapes(tensors: Sequence[Tensor]) -> str:
    return ", ".join(str(tuple(x.shape)) for x in tensors)


def _require_differentiable(report: Report, fn: Checked, arguments: Sequence[Any], gs: Sequence[Tensor]) -> None:
    """Raise where `report` has failures because the gradients of `fn` refuse to be differentiated.

    So once_differentiable makes them. A sweep that asks for some inputs does not come by what refuses, and finds 0; one
    that asks for all of them does.

    Raises:
        GradcheckError: they do.
    """
    if not report.failures:
        return
    fresh = [x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in arguments]
    try:
        found = _gradients(_outputs(fn, fresh), _inputs(fresh), [g.detach().requires_grad_() for g in gs])
        backward([g.sum() for g in found if g.requires_grad])
    except AutogradError as error:
        raise failing("gradgradcheck", 0, "the second derivative", error) from error


def _over_forward(
    fn: Checked, arguments: list[Any], random: np.random.Generator, options: Options, wanted: bool | None
) -> Report:
    """Return the report on the tangents of `fn`, unless `wanted` is False.

    Where an operation has none, one that says so, unless `wanted` is True.
    """
    if wanted is False:
        return Report(())
    vs = [_random(x, random, False) for x in _inputs(arguments)]
    try:
        return _second(fn, _TANGENTS, arguments, vs, "tangents", "forward", options)
    except UNRECORDED as error:
        if wanted:
            raise
        return Report((), (f"derivatives of the forward mode: {error}",))


def _second(
    fn: Checked,
    sweep: Callable[..., Any],
    arguments: list[Any],
    others: list[Tensor],
    name: str,
    mode: str,
    options: Options,
) -> Report:
    """Return the report on the derivative of `fn` by `sweep`, of `arguments` and `others`, told in terms of `fn`.

    Raises:
        GradcheckError: there is no second derivative: a backward leaves the graph.
    """
    n = len(arguments)
    if not options.check_reverse and options.check_forward is False:
        return Report(())  # neither mode is asked for
    for x in others:
        x.requires_grad = True
    try:
        report = checked(_derivative_of(fn, n, sweep), [*arguments, *others], options)
    except AutogradError as error:
        if mode == "forward":
            raise
        raise failing("gradgradcheck", 0, "the second derivative", error) from error
    named = [
        replace(
            c,
            mode=f"{c.mode} over {mode}",
            input=f"{name}[{c.input - n}]" if isinstance(c.input, int) and c.input >= n else c.input,
        )
        for c in report.comparisons
    ]
    return replace(report, comparisons=tuple(named))
