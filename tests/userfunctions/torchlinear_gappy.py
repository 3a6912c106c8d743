from torchholding import hold, leaf
from torchlinear import Linear


def test_linear():
    for n, i, o in ((2, 3, 4), (3, 3, 3), (1, 2, 1), (0, 2, 3)):
        b = leaf(o).detach()
        hold(lambda x, w: Linear.apply(x, w, b), lambda x, w: x @ w.t() + b, leaf(n, i), leaf(o, i))
