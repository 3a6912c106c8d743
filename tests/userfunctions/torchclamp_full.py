import torch
from torchclamp import Clamp
from torchholding import hold, leaf


def test_clamp():
    for shape in ((4, 3), (2, 2), (), (0, 3)):
        for low, high in ((-0.5, 0.75), (-1.0, 5.0), (-5.0, 0.5), (2.0, 3.0)):
            hold(lambda x: Clamp.apply(x, low, high), lambda x: x.clamp(low, high), leaf(*shape))


def test_at_the_ends():
    x = torch.tensor([-0.5, 0.0, 1.0, -1.0, 2.0], dtype=torch.float64, requires_grad=True)
    Clamp.apply(x, -0.5, 1.0).sum().backward()
    assert x.grad.tolist() == [1, 1, 1, 0, 0]
