"""The strategies draw what they promise, all of it, and shrink to what is simple."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings, strategies as st

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.testing import check, strategies as gen

ROOT = Path(__file__).resolve().parent.parent
ENOUGH = settings(max_examples=2000, deadline=None)  # to find one, whatever the profile
ANY = settings(ENOUGH, phases=[Phase.generate])  # the first that is found: none smaller is looked for
ELEMENTWISE = [n for n, p in PRIMITIVES.items() if isinstance(p.samples, list) and p.differentiable]


@given(st.data())
def test_shapes_that_are_drawn_together_broadcast(data) -> None:
    found = data.draw(gen.broadcastable_shapes(3))
    assert len(np.broadcast_shapes(*found)) <= 3


@given(st.data())
def test_axes_are_what_a_reduction_takes(data) -> None:
    shape = data.draw(gen.shapes())
    x = np.ones(shape)
    assert tg.ops.sum(tg.tensor(x), axis=data.draw(gen.axes(len(shape)))).numel() >= 0


@given(st.data())
def test_every_index_means_the_same_to_numpy(data) -> None:
    shape = data.draw(gen.shapes())
    index = data.draw(gen.indices(shape))
    x = np.arange(np.prod(shape, dtype=int), dtype=float).reshape(shape)
    assert np.array_equal(tg.tensor(x)[index].numpy(), x[index])


@pytest.mark.parametrize(
    "wanted",
    [
        lambda i: isinstance(i, int),
        lambda i: i is Ellipsis,
        lambda i: isinstance(i, slice) and (i.step or 1) < 0,
        lambda i: isinstance(i, tuple) and None in [j for j in i if not isinstance(j, np.ndarray)],
        lambda i: isinstance(i, np.ndarray) and i.dtype == bool and i.any(),
        lambda i: isinstance(i, np.ndarray) and i.dtype == int and len(set(i.ravel().tolist())) < i.size,
        lambda i: isinstance(i, tuple) and i and isinstance(i[-1], np.ndarray) and isinstance(i[0], slice),
    ],
    ids=["integer", "Ellipsis", "negative step", "None", "mask", "repeated integers", "slice and array"],
)
def test_every_kind_of_index_is_drawn(wanted) -> None:
    find(gen.indices((4, 3)), wanted, settings=ANY)


@given(st.data())
def test_arrays_have_the_shape_dtype_and_domain_asked_for(data) -> None:
    dtype = data.draw(gen.dtypes("fiub"))
    x = data.draw(gen.arrays(gen.shapes(), dtype, (0.0, 2.0)))
    assert x.dtype == dtype
    assert ((x >= 0) & (x <= 2)).all()


@pytest.mark.parametrize(
    "wanted",
    [
        lambda x: x.flags.f_contiguous and not x.flags.c_contiguous,
        lambda x: not x.flags.f_contiguous and not x.flags.c_contiguous,
        lambda x: min(x.strides) < 0,
        lambda x: not x.flags.writeable,
        lambda x: x.flags.c_contiguous and x.flags.writeable,
    ],
    ids=["column-major", "gaps", "reversed", "read-only", "row-major"],
)
def test_every_layout_is_drawn(wanted) -> None:
    find(gen.arrays((2, 3)), wanted, settings=ANY)


@given(gen.arrays(distinct=True, away_from=(0.0, 1.0)))
def test_distinct_values_keep_away_from_each_other_and_from_kinks(x) -> None:
    values = np.sort(np.concatenate([x.ravel(), [0.0, 1.0]]))
    assert np.diff(values).min() >= 6.0 / max(x.size, 32) / 3 * 0.999
    assert np.abs(values).max() <= 3.0


def test_values_repeat_unless_told_otherwise() -> None:
    find(gen.arrays((4,)), lambda x: len(set(x.tolist())) < 4 and x.any(), settings=ANY)


@given(gen.tensors(dtype=gen.dtypes("fi")))
def test_tensors_require_gradients_where_they_can(x) -> None:
    assert x.requires_grad == (x.dtype.kind == "f")
    assert x.is_leaf


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(data=st.data())
def test_inside_its_domain_an_operation_has_a_right_gradient_and_no_kink(name, data) -> None:
    xs = data.draw(gen.inside(name))
    params = {"low": -0.5, "high": 0.5} if name == "clip" else {}
    op = getattr(tg.ops, name)
    before = [x.array.tobytes() for x in xs]
    assert check(lambda *xs: op(*xs, **params), xs, max_coordinates=4, directions=1).verdict == "passed"
    assert [x.array.tobytes() for x in xs] == before


def test_inside_takes_the_operation_itself_and_refuses_others() -> None:
    assert len(find(gen.inside(tg.maximum), lambda xs: True)) == 2
    with pytest.raises(KeyError, match="'matmul' is no elementwise operation"):
        find(gen.inside("matmul"), lambda xs: True)


def test_failures_shrink_to_the_simplest() -> None:
    assert find(gen.tensors(), lambda x: x.numel() >= 2 and x.requires_grad, settings=ENOUGH).shape in {
        (2,),
        (1, 2),
        (2, 1),
    }
