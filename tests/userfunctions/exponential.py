import tensorgrad as tg


class Exponential(tg.autograd.Function):
    """exp(x) - 1, by its own value."""

    @staticmethod
    def forward(ctx, x):
        y = tg.exp(x) - 1
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        y = ctx.saved_tensors[0]
        slope = y + 1  # gap: no second derivatives
        return g * slope  # gap: the same
