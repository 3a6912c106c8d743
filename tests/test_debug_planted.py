"""`debug.why` names the operation, the line, the rows and the cause of every planted fault."""

from __future__ import annotations

import numpy as np
import pytest

from tensorgrad import debug
from tests.plantedfaults import FAULTS, Planted


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_is_named_with_operation_line_and_rows(fault: Planted) -> None:
    found = debug.why(fault.function, *fault.inputs())
    told = str(found)
    assert (found.kind, found.operation, found.place) == (fault.kind, fault.operation, fault.place), told
    assert fault.cause in found.cause, told
    assert found.rows == fault.rows, told
    for name, wanted in fault.extra.items():
        value = getattr(found, name)
        if name == "earlier" and wanted is not None:
            assert value is not None
            assert value.operation == wanted[0], told
            assert wanted[1] in value.cause, told
        else:
            assert value == wanted, told


# What the record of a computation that nobody traced does not tell: and it says so, or finds nothing to be wrong.
UNTOLD = {
    *("exploding_rate", "exploding_rate_of_an_optimiser", "bad_row", "infinite_row", "masked_row"),
    *("overflow_of_half_precision", "detached", "without_gradient", "chosen", "whole_row_masked", "alone_in_its_batch"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_of_what_is_computed_already_the_same_is_told_or_that_it_is_not_known(name: str) -> None:
    fault = FAULTS[name]
    with np.errstate(all="ignore"):
        y = fault.function(*fault.inputs())
    found = debug.why(y)
    told = found.kind, found.operation, found.place, found.rows
    if name not in UNTOLD:
        assert told == (fault.kind, fault.operation, fault.place, fault.rows), str(found)
    elif found.operation in {"constant", "parameter"}:
        assert found.unknown or f"holds {fault.kind} already" in found.cause, str(found)
    else:
        assert not found.cause or not found, str(found)
