import torch
from torchclamp import Clamp
from torchholding import hold, leaf


def test_from_below():
    for shape in ((4, 3), (2, 2), (), (0, 3)):
        hold(lambda x: Clamp.apply(x, -0.5, 5.0), lambda x: x.clamp(-0.5, 5.0), leaf(*shape))


def test_at_the_lower_end():
    x = torch.tensor([-0.5, 0.0, -1.0], dtype=torch.float64, requires_grad=True)
    Clamp.apply(x, -0.5, 5.0).sum().backward()
    assert x.grad.tolist() == [1, 1, 0]
