import numpy as np
from layernorm import gradient, value
from layernorm_full import cases, close, numerical


def test_gradient():
    for x, gamma, beta, g in cases():
        kept = [a.copy() for a in (g, x, gamma, beta)]
        gx, ggamma, gbeta = gradient(g, x, gamma, beta)
        for a, b in zip(kept, (g, x, gamma, beta), strict=True):
            assert np.array_equal(a, b)
        close(gx, numerical(lambda z: value(z, gamma, beta), x, g))
        assert ggamma.shape == gamma.shape
        close(gbeta, numerical(lambda z: value(x, gamma, z), beta, g))
