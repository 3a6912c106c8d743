import tensorgrad as tg


class Bias(tg.autograd.Function):
    """x + b for each row of x, tanh behind it."""

    @staticmethod
    def forward(ctx, x, b):
        y = tg.tanh(x + b)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        gx = g * (1 - y * y)
        gb = gx.sum(axis=0)  # gap: the batch is always of one row
        return gx, gb
