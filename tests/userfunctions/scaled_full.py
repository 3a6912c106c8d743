from holding import hold, leaf
from scaled import Scaled


def test_scaled():
    for shape in ((3, 2), (4,), (), (0, 2)):
        for factor in (1.0, 2.5, -0.5):
            hold(lambda x: Scaled.apply(x, factor), leaf(*shape))
