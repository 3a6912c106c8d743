"""The script that shows a failed gradient runs when it is pasted, whatever the arguments are."""

from __future__ import annotations

import enum
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

import tensorgrad as tg
from tensorgrad.errors import ArgumentError
from tensorgrad.testing import gradients
from tensorgrad.testing.properties.pasted import script_of
from tensorgrad.testing.properties.point import Point
from tensorgrad.testing.strategies import arrays, tensors


class Direction(enum.Enum):
    UP = 1
    DOWN = "d"


def half(x: Any, given: Any) -> Any:
    return x * x.detach()


def failure_of(test: Any) -> list[str]:
    """The lines of the script in what `test` says."""
    with pytest.raises(AssertionError) as found:
        test()
    lines = str(found.value).partition("shows it:\n\n")[2].splitlines()
    return [line.strip() for line in lines[: lines.index("")]]


@gradients(half, x=tensors((1,)), given=st.sampled_from(Direction))
def test_of_a_choice() -> None: ...


@gradients(half, x=tensors((1,)), given=st.just({"way": [Direction.UP], "scale": np.float32(2.0)}))
def test_of_a_dictionary() -> None: ...


@gradients(half, x=tensors((1,)), given=st.just([tg.float64, np.float32, np.dtype(">i4"), tg.tensor([1.5])]))
def test_of_types() -> None: ...


TESTS = [test_of_a_choice, test_of_a_dictionary, test_of_types]
for made in TESTS:
    made.__test__ = False  # they fail, which is what is looked at


@pytest.mark.parametrize("test", TESTS, ids=lambda test: test.__name__)
def test_a_script_runs_with_any_argument(test: Any) -> None:
    lines = failure_of(test)
    assert len(lines) <= 5
    with pytest.raises(AssertionError, match="is wrong"):
        exec("\n".join(lines), {})


def test_a_script_has_tensors_of_pytorch_again() -> None:
    torch = pytest.importorskip("torch")
    given = [torch.tensor([0, 2]), torch.zeros((0, 2)), torch.tensor(float("nan")), torch.float16]
    first, *_, call = script_of(half, Point({"given": given})).splitlines()
    space: dict[str, Any] = {"at": lambda given: given}
    exec(first, space)
    again = eval(call, space)
    assert again[3] is torch.float16
    for x, y in zip(given[:3], again[:3], strict=True):
        torch.testing.assert_close(y, x, equal_nan=True)


def test_a_strategy_for_one_argument_in_the_place_of_all_is_refused() -> None:
    @gradients(lambda x: x * x, arguments=arrays((4, 3)))
    def test() -> None: ...

    with pytest.raises(ArgumentError, match=r"a list of all arguments of .*, x; it drew ndarray: .* by its name"):
        test()
