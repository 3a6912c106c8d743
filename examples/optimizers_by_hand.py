"""SGD, momentum, AdaGrad, RMSprop and Adam written out, on the valley ``f(x, y) = x ** 2 / 20 + y ** 2``."""

import tensorgrad as torch


def f(p):
    return p[0] ** 2 / 20 + p[1] ** 2


def sgd(p, g, state, lr=0.95):
    p -= lr * g


def momentum(p, g, state, lr=0.1, alpha=0.9):
    v = state.setdefault("v", torch.zeros_like(p))
    v.mul_(alpha).sub_(lr * g)
    p += v


def adagrad(p, g, state, lr=1.5, eps=1e-7):
    h = state.setdefault("h", torch.zeros_like(p))
    h += g * g
    p -= lr * g / (torch.sqrt(h) + eps)


def rmsprop(p, g, state, lr=0.1, decay=0.99, eps=1e-7):
    h = state.setdefault("h", torch.zeros_like(p))
    h.mul_(decay).add_((1 - decay) * g * g)
    p -= lr * g / (h.sqrt() + eps)


def adam(p, g, state, lr=0.3, beta1=0.9, beta2=0.999, eps=1e-8):
    m = state.setdefault("m", torch.zeros_like(p))
    v = state.setdefault("v", torch.zeros_like(p))
    t = state["t"] = state.get("t", 0) + 1
    m[:] = beta1 * m + (1 - beta1) * g
    v[:] = beta2 * v + (1 - beta2) * torch.square(g)
    p -= lr * (m / (1 - beta1**t)) / (torch.sqrt(v / (1 - beta2**t)) + eps)


def main():
    losses = []
    for update in (sgd, momentum, adagrad, rmsprop, adam):
        p = torch.tensor([-7.0, 2.0], requires_grad=True)
        state = {}
        for _ in range(30):
            f(p).backward()
            with torch.no_grad():
                update(p, p.grad, state)
                p.grad.zero_()
            losses.append(f(p).item())
        print(f"{update.__name__:9} ends at ({p[0].item():7.4f}, {p[1].item():7.4f}), f = {losses[-1]:.4f}")
    return losses


if __name__ == "__main__":
    main()
