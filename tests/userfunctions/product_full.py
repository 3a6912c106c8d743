from holding import hold, leaf
from product import Product


def test_product():
    for i, j, k in ((2, 3, 4), (3, 3, 3), (1, 2, 1), (0, 2, 3)):
        a, b = leaf(i, j), leaf(j, k)
        hold(Product.apply, a, b)
        hold(lambda a, b=b.detach(): Product.apply(a, b), a)
        hold(lambda b, a=a.detach(): Product.apply(a, b), b)
