import tensorgrad as tg
from tensorgrad.autograd import Function


class Scaled(Function):
    """sin(factor * x)."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.factor = factor
        return tg.sin(x * factor)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        slope = tg.cos(
            x * ctx.factor  # gap: the factor is always 1
        )
        inner = ctx.factor
        return g * slope * inner, None  # gap: the same
