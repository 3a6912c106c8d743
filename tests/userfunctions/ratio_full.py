from holding import hold, leaf
from ratio import Ratio


def test_ratio():
    for shape in ((3, 2), (1,), (0, 2)):
        hold(Ratio.apply, leaf(*shape), leaf(*shape, low=0.5))
        hold(lambda b, a=leaf(*shape).detach(): Ratio.apply(a, b), leaf(*shape, low=0.5))
