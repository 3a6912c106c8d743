"""A test of the tests: what is wrong on purpose must be rejected. Here a quick part of the run of `make mutants`."""

from __future__ import annotations

import pytest

from tensorgrad.engine.primitive import PRIMITIVES
from tests.cases import OF_REALS
from tests.mutants.engine import ENGINE_FAULTS, EngineFault, wrong_code
from tests.mutants.faults import Mutant, mutants, off_by_one
from tests.mutants.judge import EQUIVALENT, engine_noticed, noticed, proof, rejection

QUICK = {"value off", "scaled", "saved detached"}


def quick(name: str) -> list[Mutant]:
    """A few mutants of a primitive: where one rule serves both sweeps, the fault that both of them share."""
    shared = PRIMITIVES[name].vjps is PRIMITIVES[name].jvps
    sides = {"both", "forward"} if shared else {"vjps", "jvps", "forward"}
    return [m for m in mutants(PRIMITIVES[name]) if m.fault in QUICK and m.place.split()[0] in sides]


@pytest.mark.parametrize("name", OF_REALS)
def test_a_wrong_rule_is_rejected(name):
    assert quick(name)
    assert [str(m) for m in quick(name) if proof(m) is None and noticed(m) is None and m.touched] == []


@pytest.mark.parametrize("name", OF_REALS)
def test_the_right_rule_is_accepted_in_the_same_machinery(name):
    assert [str(m) for m in mutants(PRIMITIVES[name]) if m.fault == "nothing" and noticed(m, 1) is not None] == []


@pytest.mark.parametrize("fault", ENGINE_FAULTS, ids=str)
def test_a_wrong_engine_is_rejected(fault):
    assert engine_noticed(fault) is not None
    assert rejection(PRIMITIVES["mul"], 0) is None, "the right engine is back"


def test_a_fault_whose_line_is_gone_is_an_error_and_not_a_success():
    with pytest.raises(LookupError, match="stands 0 times"):
        wrong_code(EngineFault("gone", wrong_code, "no such " + "line", ""))


@pytest.mark.parametrize(("name", "fault"), EQUIVALENT)
def test_a_mutant_listed_as_equivalent_does_survive(name, fault):
    listed = [mutant for mutant in mutants(PRIMITIVES[name]) if mutant.fault == fault]
    assert any(noticed(mutant) is None and mutant.touched for mutant in listed)


def test_a_rule_that_hides_a_value_is_not_excused_as_piecewise_constant():
    hides = [mutant for mutant in mutants(PRIMITIVES["sin"]) if mutant.fault == "saved detached"]
    judged = [(noticed(mutant), mutant.touched, proof(mutant)) for mutant in hides]
    assert ("failed", True, None) in judged


@pytest.mark.parametrize(
    ("name", "params", "shape", "wrong"),
    [
        ("axis", {"axis": (0, -1)}, (2, 3, 4), (1, 0)),
        ("axis", {"axis": None}, (2, 3), 0),
        ("shape", {"shape": (2, 3)}, (6,), (3, 2)),
        ("shape", {"shape": (2,)}, (1,), (3,)),
        ("low", {"low": 0.5}, (), 0.75),
        ("decimals", {"decimals": 1}, (), 2),
    ],
)
def test_a_wrong_parameter_differs_by_one_step(name, params, shape, wrong):
    assert off_by_one(name, params, shape) == wrong
