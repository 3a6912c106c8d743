"""What a test demands that leaves nothing out: both orders, dtypes, layouts, several calls, empty arrays."""

import numpy as np

import tensorgrad as tg
from tensorgrad.testing import gradcheck, gradgradcheck

RNG = np.random.default_rng(5)


def leaf(*shape, low=-2.0, high=2.0):
    return tg.tensor(RNG.uniform(low, high, shape), dtype=tg.float64, requires_grad=True)


def hold(function, *inputs, second=True):
    assert gradcheck(function, inputs).verdict == "passed"
    if second:
        assert gradgradcheck(function, inputs).verdict == "passed"
    layouts(function, inputs)


def layouts(function, inputs):
    """The cotangent lies row by row, then column by column: the answer is the same to the last digits."""
    y = function(*inputs)
    leaves = [x for x in inputs if isinstance(x, tg.Tensor) and x.requires_grad]
    g = RNG.uniform(0.5, 1.5, y.shape)
    for order in "CF":
        array = np.array(g, order=order)
        for values in (lambda a: a, lambda a: np.array(a, order="F")):
            again = [
                tg.tensor(x.detach().numpy(), requires_grad=True) if isinstance(x, tg.Tensor) else x for x in inputs
            ]
            for x in again:
                if isinstance(x, tg.Tensor):
                    x.data = tg.from_numpy(values(x.detach().numpy()))
            cotangent = tg.from_numpy(array.copy(order="K"))
            found = tg.autograd.grad(function(*again), [x for x in again if isinstance(x, tg.Tensor)], cotangent)
            right = tg.autograd.grad(y, leaves, tg.tensor(g), retain_graph=True)
            assert np.array_equal(cotangent.numpy(), g)
            for a, b in zip(found, right, strict=True):
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)
