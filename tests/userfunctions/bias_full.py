from bias import Bias
from holding import hold, leaf


def test_bias():
    for rows, columns in ((1, 4), (3, 4), (3, 3), (0, 2), (2, 1)):
        hold(Bias.apply, leaf(rows, columns), leaf(columns))
