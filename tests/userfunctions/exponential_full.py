from exponential import Exponential
from exponential_gappy import test_exponential as test_first_order
from holding import hold, leaf

__all__ = ["test_first_order"]


def test_both_orders():
    hold(Exponential.apply, leaf(3, 2))
    hold(Exponential.apply, leaf(1))
