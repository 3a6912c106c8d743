"""The dtypes as scripts see them: PyTorch's questions, NumPy's places."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.base.dtypes import NAMES
from tests.peer import torch_

ALL = [getattr(tg, name) for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_dtype_answers_as_pytorchs_does(name: str) -> None:
    ours, theirs = getattr(tg, name), getattr(torch_(), name)
    for question in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(ours, question) == getattr(theirs, question), question


@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_object_for_each_and_numpy_takes_it(name: str) -> None:
    ours, numpys = getattr(tg, name), np.dtype(name)
    for same in (
        tg.dtype(name),
        tg.dtype(numpys),
        tg.dtype(ours),
        copy.deepcopy(ours),
        pickle.loads(pickle.dumps(ours)),
    ):
        assert same is ours
    assert tg.zeros(2, dtype=ours).dtype is tg.zeros(2, dtype=name).dtype is ours
    assert isinstance(ours, tg.dtype)
    assert ours == numpys == ours == name
    assert {numpys: 1}[ours] == {ours: 1}[numpys] == 1
    for array in (
        np.zeros(2, ours),
        np.ones(2).astype(ours),
        np.asarray([0, 1], dtype=ours),
        tg.zeros(2, dtype=ours).numpy(),
    ):
        assert array.dtype == ours
    assert repr(ours) == f"tensorgrad.{name}"
    assert str(ours) == f"{ours}" == name
    assert all((ours == other) == (ours is other) for other in ALL)


@pytest.mark.parametrize(
    "array", [np.ones(2, ">f4"), np.ones(2, np.longdouble), np.array(["a"]), np.array([None]), np.zeros(2, "M8[s]")]
)  # fmt: skip
def test_what_no_tensor_can_hold_is_refused_with_the_cure(array: np.ndarray) -> None:
    for make in (tg.tensor, tg.from_numpy, tg.as_tensor):
        with pytest.raises(TypeError, match=r"there are bool|use array.astype\('float32'\)"):
            make(array)
