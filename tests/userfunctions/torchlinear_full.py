from torchholding import hold, leaf
from torchlinear import Linear


def test_linear():
    for n, i, o in ((2, 3, 4), (3, 3, 3), (1, 2, 1), (0, 2, 3)):
        hold(Linear.apply, lambda x, w, b: x @ w.t() + b, leaf(n, i), leaf(o, i), leaf(o))
