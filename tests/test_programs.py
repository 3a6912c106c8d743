"""Random programs against numerical derivatives and against PyTorch; they print, run again, and shrink."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, find, given, reject, settings

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.ops import sin
from tensorgrad.testing.building import built
from tensorgrad.testing.program import Program
from tensorgrad.testing.programs import programs
from tensorgrad.testing.vocabulary import CUTS, MARGIN, ROWS, WRITES, acceptable

# A numerical check of a long program takes a second: a fifth of the examples of other properties.
few = settings(
    max_examples=max(settings.default.max_examples // 5, 4), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
ENOUGH = settings(max_examples=500, deadline=None, phases=[Phase.generate])  # the first that is found: none smaller


@few
@given(programs(max_ops=30))
def test_every_derivative_of_a_program_is_the_numerical_one(program) -> None:
    report = program.check()
    assume(report.verdict != "undecided")  # of x / x the derivative is 0, which no difference of rounded numbers shows
    assert report.verdict == "passed", report


@few
@given(programs(max_ops=8))
def test_every_element_of_a_short_program_too(program) -> None:
    report = program.check(second=False, every_element=True)
    assert report.verdict == "passed", report


@few
@given(programs())
def test_the_printed_program_gives_the_same_bits(program) -> None:
    names: dict = {}
    exec(program.source(), names)
    for printed, run in zip(names["outputs"], program.run(tg), strict=True):
        assert printed.array.tobytes() == run.array.tobytes()
        assert (printed.shape, printed.requires_grad) == (run.shape, run.requires_grad)


@few
@given(programs(in_place=True))
def test_values_stay_finite_small_and_few(program) -> None:
    for y in program.run():
        assert acceptable(y.array)


def derivatives(program, xp, order: int) -> list[np.ndarray]:
    """Values, gradients and the gradients of the sum of their squares, on the library `xp`."""
    leaves = [xp.tensor(x, dtype=xp.float64, requires_grad=True) for x in program.leaves]
    outputs = program.run(xp, *leaves)
    found = [y.detach().numpy() for y in outputs]
    total = sum((y.sum() * (k + 1) for k, y in enumerate(outputs) if y.requires_grad), start=xp.zeros(()).double())
    for _ in range(order):
        gradients = [x * 0 for x in leaves]
        if total.requires_grad:
            gradients = xp.autograd.grad(total, leaves, create_graph=True, materialize_grads=True)
        found += [g.detach().numpy(force=True) for g in gradients]
        total = sum((g * g).sum() for g in gradients)
    return found


@few
@given(programs())
def test_pytorch_gives_the_same_values_gradients_and_second_derivatives(program) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is asked where it is installed")
    try:
        theirs = derivatives(program, torch, 2)
    except RuntimeError as error:
        # It takes a write to one row for a write to all, and the zeros that it materializes for leaves.
        if not re.search("inplace|a leaf Variable .* in-place operation", str(error)):
            raise
        reject()
    ours = derivatives(program, tg, 2)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert np.isfinite(b).all()
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * max(1.0, np.abs(b).max()), equal_nan=False)


CODES = list({**ROWS, **CUTS, **WRITES})


@pytest.mark.parametrize("op", [*ROWS, *CUTS])
def test_every_row_can_be_drawn_and_is_right(op) -> None:
    row = CODES.index(op)
    drawn = (
        built([(CODES.index(first), 0, 0, 0, 0, 0), (row, 0, k, 1, 7 * k, k)], shape, leaves=2)
        for first in ("exp", "square", "half")
        for shape in ((2, 2), (2,), (2, 3))
        for k in range(3)
    )
    program = next(p for p in drawn if p.lines[-1].op == op)
    assert program.check().verdict == "passed"


@pytest.mark.parametrize("op", WRITES)
def test_a_write_goes_to_memory_that_no_gradient_needs(op) -> None:
    no_grad, sin, row = CODES.index("no_grad"), CODES.index("sin"), CODES.index(op)
    constants = [(no_grad, 0, 0, 0, 0, 0), (no_grad, 2, 2, 0, 0, 0)]  # of shapes (2,) and (2, 2)
    program = built([*constants, (row, 0, 1, 0, 0, 1), (sin, 0, 0, 0, 0, 0)], (2, 2), leaves=3, in_place=True)
    assert [line.op for line in program.lines] == ["no_grad", "no_grad", op, "sin"]
    assert program.lines[2].target is None
    refused = built([(sin, 0, 0, 0, 0, 0), (row, 0, 0, 0, 0, 0)], (2, 2), in_place=True)
    leaf_memory = [line for line in refused.lines if line.target is None and line.text.startswith("v0")]
    assert not leaf_memory


def test_programs_hold_views_choices_constants_and_reused_values() -> None:
    def rich(p: Program) -> bool:
        ops = {line.op for line in p.lines}
        return len(ops & {"getitem", "reshape", "transpose", "expand"}) > 2 and bool(ops & set(CUTS)) and "where" in ops

    assert len(find(programs(40, in_place=False), rich, settings=ENOUGH).lines) >= 40


@few
@given(programs(2, 3))
def test_the_number_of_lines_is_the_one_asked_for(program) -> None:
    assert 2 <= len(program.lines) <= 3


def test_a_constant_stays_what_it_was_when_the_leaves_move() -> None:
    detach = list({**ROWS, **CUTS}).index("detach")
    program = built([(detach, 0, 0, 0, 0, 0), (0, 0, 1, 0, 0, 0)])
    assert [str(line) for line in program.lines] == ["v1 = v0.detach()", "v2 = v1 * v0"]
    assert program.check(every_element=True).verdict == "passed"
    moved = [tg.tensor(x + 1, requires_grad=True) for x in program.leaves]
    (y,) = program.run(tg, *moved, constants=program.constants())
    assert np.array_equal(y.array, program.leaves[0] * (program.leaves[0] + 1))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "line"), [("sin", "xp.sin"), ("getitem", "[")])
def test_a_wrong_rule_is_found_and_shrinks_to_a_few_lines(name, line, monkeypatch) -> None:
    rule, *others = PRIMITIVES[name].vjps
    wrong = (lambda v, s, n: rule(v, s, n) * 1.001, *others)
    known: dict[str, str] = {}  # by text: on its way down, Hypothesis comes by the same program many times

    def fails(p: Program) -> bool:
        if (text := p.source()) not in known:
            known[text] = p.check(second=False).verdict
        return known[text] == "failed"

    with monkeypatch.context() as patch:
        patch.setitem(vars(PRIMITIVES[name]), "vjps", wrong)
        found = find(
            programs(1, 8, in_place=False),
            fails,
            settings=settings(max_examples=200, deadline=None),
        )
    assert len(found.lines) <= 3, found
    assert any(line in str(x) for x in found.lines), found
    assert found.check().verdict == "passed"


def test_the_right_rules_are_back() -> None:
    x = tg.tensor([0.5], dtype=tg.float64, requires_grad=True)
    sin(x).sum().backward()
    assert x.grad.item() == pytest.approx(np.cos(0.5), rel=1e-15)


@few
@given(programs(max_ops=20))
def test_no_value_lies_on_a_kink(program) -> None:
    assume(any(line.op in {"relu", "abs"} for line in program.lines))
    for k, line in enumerate(program.lines):
        if line.op in {"relu", "abs"}:
            (read,) = re.findall(r"\((v\d+)\)", line.text)
            (then,) = Program(program.leaves, program.lines[:k], (read,)).run()  # a later line may write to it
            assert np.abs(then.array).min() > MARGIN
