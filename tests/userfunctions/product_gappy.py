from holding import hold, leaf
from product import Product


def test_product():
    b = leaf(3, 4).detach()
    hold(lambda a: Product.apply(a, b), leaf(2, 3))
    c = leaf(3, 3).detach()
    hold(lambda a: Product.apply(a, c), leaf(3, 3))
