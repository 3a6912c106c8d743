import tensorgrad as tg


class Product(tg.autograd.Function):
    """a @ b of two matrices."""

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        ga = gb = None
        if ctx.needs_input_grad[0]:
            ga = g @ b.T
        if ctx.needs_input_grad[1]:  # gap: the second factor is always constant
            gb = a.T @ g  # gap: the same
        return ga, gb
