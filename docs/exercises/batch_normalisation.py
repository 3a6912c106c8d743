"""# 6.3 Batch normalisation

Forward, over the rows of a mini-batch x of shape (N, D):

```text
mu = mean(x)        sigma2 = mean((x - mu)**2)        xhat = (x - mu) / sqrt(sigma2 + eps)
y = gamma * xhat + beta
```

That is written below. The way back is yours: from `dout`, the gradient of the loss by y, to those by x, gamma and
beta.
"""

import tensorgrad as tg
from tensorgrad.autograd import Function
from tensorgrad.chapter6 import exercises

"""## The way back

* gamma and beta have one number for each feature, which all rows share: their gradients are sums over the rows.
* Every x moves xhat three times: itself, through mu, and through sigma. With `dxhat = dout * gamma`:

```text
dx = (dxhat - mean(dxhat) - xhat * mean(dxhat * xhat)) / sqrt(sigma2 + eps)
```

`x.mean(0)` and `x.sum(0)` go over the rows.
"""


class BatchNorm(Function):
    @staticmethod
    def forward(ctx, x, gamma, beta):
        centred = x - x.mean(0)
        std = ((centred * centred).mean(0) + 1e-6).sqrt()
        xhat = centred / std
        ctx.save_for_backward(xhat, gamma, std)
        return gamma * xhat + beta

    @staticmethod
    def backward(ctx, dout):
        xhat, gamma, std = ctx.saved_tensors
        # your lines
        dbeta = dout.sum(0)
        dgamma = (dout * xhat).sum(0)
        dxhat = dout * gamma
        dx = (dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / std
        return dx, dgamma, dbeta
        # to here


exercises.batchnorm(BatchNorm)

"""The check compares with numerical derivatives, by `tensorgrad.testing.gradcheck`. You can ask it yourself:"""

x = tg.tensor([[1.0, -2.0], [3.0, 0.5], [0.0, 4.0]], dtype=tg.float64, requires_grad=True)
gamma, beta = (tg.tensor([a, b], dtype=tg.float64, requires_grad=True) for a, b in ((1.0, 2.0), (0.0, -1.0)))
tg.testing.gradcheck(BatchNorm.apply, (x, gamma, beta), raise_exception=False)

"""## Evaluation

In evaluation a running mean stands in for mu, so that the answer to an image does not depend on its neighbours. It is
updated with every batch; the book's momentum 0.9 weighs the *old* value.
"""


def running(old, new):
    # your lines
    return 0.9 * old + 0.1 * new
    # to here


exercises.running(running)
