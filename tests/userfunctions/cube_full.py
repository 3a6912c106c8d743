from cube import Cube
from holding import hold, leaf

import tensorgrad as tg


def test_both_modes():
    hold(Cube.apply, leaf(3, 2))
    hold(Cube.apply, leaf(1))


def test_empty():
    x = leaf(0, 2)
    Cube.apply(x).sum().backward()
    assert x.grad.shape == (0, 2)


def test_the_forward_mode_to_the_last_digits():
    x, t = leaf(3, 2), leaf(3, 2)
    _, y = tg.func.jvp(Cube.apply, (x.detach(),), (t.detach(),))
    assert tg.allclose(y, 3 * x.detach() ** 2 * t.detach(), rtol=1e-12, atol=0)
