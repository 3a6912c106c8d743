"""`debug.why` names the operation, the line, the rows and the cause of every planted fault."""

from __future__ import annotations

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
