"""The same of PyTorch's functions."""

import torch

torch.manual_seed(5)


def leaf(*shape):
    return (torch.rand(shape, dtype=torch.float64) * 4 - 2).requires_grad_()


def hold(function, reference, *inputs):
    """First and second derivatives are those of `reference`, whatever the layout and where the inputs are needed."""
    for order in (lambda x: x, lambda x: x.t().contiguous().t() if x.dim() == 2 else x):
        for needed in (inputs, *[[x] for x in inputs]):
            again = [order(x.detach()).requires_grad_(any(x is n for n in needed)) for x in inputs]
            leaves = [x for x in again if x.requires_grad]
            g = order(leaf(*reference(*again).shape).detach()).requires_grad_()
            kept = g.detach().clone()
            found = torch.autograd.grad(function(*again), leaves, g, create_graph=True)
            right = torch.autograd.grad(reference(*again), leaves, g, create_graph=True)
            assert torch.equal(kept, g)
            agree(found, right)
            mix = [leaf(*x.shape).detach() for x in found]
            agree(*(seconds(those, mix, [*leaves, g]) for those in (found, right)))


def seconds(those, mix, leaves):
    total = sum((a * m).sum() for a, m in zip(those, mix))
    return torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)


def agree(found, right):
    for a, b in zip(found, right):
        torch.testing.assert_close(a, b, rtol=1e-12, atol=1e-14)
