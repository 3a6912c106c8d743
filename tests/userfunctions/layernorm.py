import numpy as np

EPS = 1e-5


def value(x, gamma, beta):
    centred = x - x.mean(-1, keepdims=True)
    return gamma * centred / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS) + beta


def gradient(g, x, gamma, beta):
    centred = x - x.mean(-1, keepdims=True)
    scale = 1 / np.sqrt((centred**2).mean(-1, keepdims=True) + EPS)
    xhat = centred * scale
    gbeta = g.sum(0)
    ggamma = (g * xhat).sum(0)  # gap: only the shape of this one is tested
    gxhat = g * gamma
    gx = scale * (gxhat - gxhat.mean(-1, keepdims=True) - xhat * (gxhat * xhat).mean(-1, keepdims=True))
    return gx, ggamma, gbeta
