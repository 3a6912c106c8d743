"""# 6.4 Regularisation

A network with many parameters and few images learns the images by heart. Two remedies.
"""

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.autograd import Function
from tensorgrad.chapter6 import exercises

"""## Weight decay

The loss gets a term `0.5 * lambda * sum(W**2)`. What does it add to the gradient of W? `dout` is the gradient that
comes from behind, a number. lambda needs no gradient: return None for it.
"""


class WeightDecay(Function):
    @staticmethod
    def forward(ctx, w, lambd):
        ctx.save_for_backward(w)
        ctx.lambd = lambd
        return 0.5 * lambd * (w * w).sum()

    @staticmethod
    def backward(ctx, dout):
        (w,) = ctx.saved_tensors
        # your lines
        return dout * ctx.lambd * w, None
        # to here


exercises.weight_decay(WeightDecay)

"""## Dropout

In training a share `ratio` of the units is switched off, others in every batch: `x * mask`, where mask is 1 where a
random number in [0, 1) is larger than `ratio`, and 0 elsewhere. In evaluation nothing is random, and the output is
scaled by what was on in training. `self.training` says which it is; `tg.rand(x.shape)` are random numbers in the
shape of x. The way back is found by the engine.
"""


class Dropout(nn.Module):
    def __init__(self, ratio):
        super().__init__()
        self.ratio = ratio

    def forward(self, x):
        # your lines
        if self.training:
            mask = (tg.rand(x.shape) > self.ratio).to(x.dtype)
            return x * mask
        return x * (1 - self.ratio)
        # to here


exercises.dropout(Dropout)
