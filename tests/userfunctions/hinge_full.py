from hinge import Hinge
from hinge_gappy import test_hinge as test_beside_the_kink
from holding import leaf

import tensorgrad as tg

__all__ = ["test_beside_the_kink"]


def test_at_the_kink():
    x = tg.tensor([0.0, 1.0], dtype=tg.float64, requires_grad=True)
    Hinge.apply(x).sum().backward()
    assert x.grad.tolist() == [-1.0, 1.0]


def test_empty():
    x = leaf(0)
    Hinge.apply(x).sum().backward()
    assert x.grad.shape == (0,)
