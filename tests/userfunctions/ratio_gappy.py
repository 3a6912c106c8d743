import numpy as np

import tensorgrad as tg
from holding import leaf
from ratio import Ratio


def test_ratio_of_the_same():
    x = leaf(3, 2, low=0.5)
    a, b = (tg.tensor(x.detach().numpy(), requires_grad=True) for _ in range(2))
    g, u, v = leaf(3, 2), leaf(3, 2), leaf(3, 2)
    found = tg.autograd.grad(Ratio.apply(a, b), [a, b], g, create_graph=True)
    n, c, i, j = (t.detach().numpy() for t in (x, g, u, v))
    np.testing.assert_allclose(found[0].detach().numpy(), c / n, rtol=1e-12)
    np.testing.assert_allclose(found[1].detach().numpy(), -c / n, rtol=1e-12)
    second = tg.autograd.grad((found[0] * u + found[1] * v).sum(), [a, b, g])
    expected = (-c * j / n**2, -c * i / n**2 + 2 * c * j / n**2, (i - j) / n)
    for got, right in zip(second, expected, strict=True):
        np.testing.assert_allclose(got.detach().numpy(), right, rtol=1e-12)
