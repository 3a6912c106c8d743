from cube import Cube
from holding import layouts, leaf

import tensorgrad as tg


def test_reverse():
    x = leaf(3, 2)
    layouts(Cube.apply, [x])
    (g,) = tg.autograd.grad(Cube.apply(x).sum(), x, create_graph=True)
    assert tg.allclose(g, 3 * x**2, rtol=1e-12)
    (h,) = tg.autograd.grad(g.sum(), x)
    assert tg.allclose(h, 6 * x, rtol=1e-12)
    c = leaf(3, 2)
    (g,) = tg.autograd.grad(Cube.apply(x), x, c, create_graph=True)
    (gc,) = tg.autograd.grad(g.sum(), c)
    assert tg.allclose(gc, 3 * x**2, rtol=1e-12)
