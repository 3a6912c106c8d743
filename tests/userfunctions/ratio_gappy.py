import numpy as np
from holding import layouts, leaf
from ratio import Ratio

import tensorgrad as tg


def test_ratio_of_the_same():
    x = leaf(3, 2, low=0.5)
    a, b = (tg.tensor(x.detach().numpy(), requires_grad=True) for _ in range(2))
    g = leaf(3, 2)
    layouts(Ratio.apply, [a, b])
    found = tg.autograd.grad(Ratio.apply(a, b), [a, b], g.detach())
    np.testing.assert_allclose(found[0].numpy(), g.detach().numpy() / x.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(found[1].numpy(), -g.detach().numpy() / x.detach().numpy(), rtol=1e-12)
