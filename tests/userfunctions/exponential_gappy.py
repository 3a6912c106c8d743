import numpy as np
from exponential import Exponential
from holding import RNG, layouts, leaf

import tensorgrad as tg


def test_exponential():
    for shape in ((3, 2), (4,), (0,)):
        x = leaf(*shape)
        layouts(Exponential.apply, [x])
        g = tg.tensor(RNG.uniform(-1, 1, shape))
        (found,) = tg.autograd.grad(Exponential.apply(x), x, g)
        np.testing.assert_allclose(found.numpy(), g.numpy() * np.exp(x.detach().numpy()), rtol=1e-12)
