from holding import hold, leaf
from scaled import Scaled


def test_scaled():
    for shape in ((3, 2), (4,), ()):
        hold(lambda x: Scaled.apply(x, 1.0), leaf(*shape))
