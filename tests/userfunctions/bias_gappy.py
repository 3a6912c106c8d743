from bias import Bias
from holding import hold, leaf


def test_bias():
    hold(Bias.apply, leaf(1, 4), leaf(4))
    hold(Bias.apply, leaf(1, 3), leaf(3))
