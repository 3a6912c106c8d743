import numpy as np
from layernorm import gradient, value

RNG = np.random.default_rng(3)


def numerical(f, x, g):
    """The derivative of <f(x), g> by complex steps where f is analytic."""
    slope = np.empty(x.shape)
    for i in np.ndindex(*x.shape):
        z = x.astype(complex)
        z[i] += 1e-30j
        slope[i] = (f(z) * g).sum().imag / 1e-30
    return slope


def cases():
    for n, m in ((3, 4), (4, 4), (1, 3), (2, 1), (0, 2)):
        for order in ("C", "F"):
            x, g = (np.array(RNG.uniform(-2, 2, (n, m)), order=order) for _ in range(2))
            yield x, RNG.uniform(0.5, 2, m), RNG.uniform(-1, 1, m), g


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
    assert a.dtype == b.dtype


def test_gradient():
    for x, gamma, beta, g in cases():
        kept = [a.copy() for a in (g, x, gamma, beta)]
        gx, ggamma, gbeta = gradient(g, x, gamma, beta)
        for a, b in zip(kept, (g, x, gamma, beta), strict=True):
            assert np.array_equal(a, b)
        close(gx, numerical(lambda z: value(z, gamma, beta), x, g))
        close(ggamma, numerical(lambda z: value(x, z, beta), gamma, g))
        close(gbeta, numerical(lambda z: value(x, gamma, z), beta, g))


def test_float32():
    x, gamma, beta, g = (a.astype(np.float32) for a in next(cases()))
    assert [a.dtype for a in gradient(g, x, gamma, beta)] == [np.float32] * 3
