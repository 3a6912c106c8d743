import torch


class Clamp(torch.autograd.Function):
    """x between two numbers; at both ends the slope is 1."""

    @staticmethod
    def forward(ctx, x, low, high):
        ctx.save_for_backward(x)
        ctx.low, ctx.high = low, high
        return x.clamp(low, high)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        above = x >= ctx.low
        below = x <= ctx.high  # gap: nothing is above
        inside = above & below
        return g * inside, None, None
