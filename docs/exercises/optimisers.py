"""# 6.1 Updating parameters

SGD follows the gradient, which points down the steepest slope *here*, and not at the minimum. Momentum and AdaGrad
remember what has been. Both are the book's: an object with `update(params, grads)`, where `params` and `grads` are
dictionaries of arrays with the same keys, such as "W1" and "b1". `update` changes the entries of `params`.

Write the lines where it says so, run the cell, then the check. It says what is wrong and where, and says `right` in
the end.
"""

import numpy as np

from tensorgrad.chapter6 import exercises

"""## Momentum

```text
v <- a*v - lr*g
W <- W + v
```

v starts at 0 and has the shape of W; every parameter has its own.
"""


class Momentum:
    def __init__(self, lr=0.01, momentum=0.9):
        self.lr, self.momentum = lr, momentum
        self.v = {}

    def update(self, params, grads):
        # your lines
        for key, g in grads.items():
            v = self.v.get(key, 0.0)
            self.v[key] = self.momentum * v - self.lr * g
            params[key] += self.v[key]
        # to here


exercises.momentum(Momentum)

"""## AdaGrad

```text
h <- h + g*g
W <- W - lr * g / (sqrt(h) + 1e-7)
```
"""


class AdaGrad:
    def __init__(self, lr=0.01):
        self.lr = lr
        self.h = {}

    def update(self, params, grads):
        # your lines
        for key, g in grads.items():
            self.h[key] = self.h.get(key, 0.0) + g * g
            params[key] -= self.lr * g / (np.sqrt(self.h[key]) + 1e-7)
        # to here


exercises.adagrad(AdaGrad)
