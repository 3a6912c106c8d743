"""Networks to be drawn, by name, small and large: what pictures are measured on."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import tensorgrad as tg
from tensorgrad import nn, viz

F = nn.functional


def whole(*arguments: Any, **options: Any) -> viz.Drawing:
    """Return a drawing in one row, in which no module is closed, however large it is."""
    return viz.draw(*arguments, **{"collapse": (), "wrap": False, **options})


def given(*shape: int) -> tg.Tensor:
    """Return normal numbers that require a gradient."""
    return tg.randn(*shape, requires_grad=True)


class Residual(nn.Module):
    """Two layers around which the input goes."""

    def __init__(self, normalised: bool = False) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 4), nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4) if normalised else nn.Identity()

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 4)."""
        return x + self.fc2(F.relu(self.norm(self.fc1(x))))


class Branches(nn.Module):
    """Two layers side by side."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(3, 4), nn.Linear(3, 4), nn.Linear(8, 1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 1)."""
        return self.c(tg.cat([F.relu(self.a(x)), tg.tanh(self.b(x))], -1))


class Highway(nn.Module):
    """A gate beside a transformation."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.h = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 3)."""
        t = tg.sigmoid(self.gate(x))
        return t * self.h(x) + (1 - t) * x


class Dense(nn.Module):
    """Each layer reads all before it."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3 * (i + 1), 3) for i in range(depth)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 3 + 3 depth)."""
        for layer in self.layers:
            x = tg.cat([x, F.relu(layer(x))], -1)
        return x


class Autoencoder(nn.Module):
    """The input returns at the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(4, 2), nn.Linear(2, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the loss."""
        return F.mse_loss(self.decoder(tg.tanh(self.encoder(x))), x)


class Variational(nn.Module):
    """A code drawn at random, and two losses."""

    def __init__(self) -> None:
        super().__init__()
        self.mean, self.logvar, self.decoder = nn.Linear(4, 2), nn.Linear(4, 2), nn.Linear(2, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the loss."""
        mean, logvar = self.mean(x), self.logvar(x)
        z = mean + tg.randn(3, 2) * (logvar / 2).exp()
        return F.mse_loss(self.decoder(z), x) + (logvar.exp() + mean**2 - logvar - 1).sum() / 2


class Shared(nn.Module):
    """One layer used three times."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 4)."""
        return self.fc(F.relu(self.fc(F.relu(self.fc(x)))))


class Tied(nn.Module):
    """A language model whose first weight is its last."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.mix = nn.Embedding(7, 4), nn.Linear(4, 4)

    def forward(self, ids: tg.Tensor) -> tg.Tensor:
        """Return the loss of telling each word from the one before."""
        h = tg.tanh(self.mix(self.words(ids[:-1])))
        return F.cross_entropy(h @ self.words.weight.T, ids[1:])


class Pyramid(nn.Module):
    """Down twice and up again, each height joined to its own."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1)])
        self.bottom = nn.Conv2d(4, 4, 3, padding=1)
        self.up = nn.ModuleList([nn.Conv2d(8, 2, 3, padding=1), nn.Conv2d(4, 1, 3, padding=1)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (1, 1, 8, 8)."""
        kept = []
        for layer in self.down:
            kept.append(F.relu(layer(x)))
            x = F.max_pool2d(kept[-1], 2)
        x = F.relu(self.bottom(x))
        for layer in self.up:
            x = layer(tg.cat([F.interpolate(x, scale_factor=2), kept.pop()], 1))
        return x


class Experts(nn.Module):
    """Three layers, weighed by a fourth."""

    def __init__(self) -> None:
        super().__init__()
        self.gate, self.experts = nn.Linear(3, 3), nn.ModuleList([nn.Linear(3, 2) for _ in range(3)])

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return (N, 2)."""
        weights = F.softmax(self.gate(x), -1)
        return sum(weights[:, i : i + 1] * expert(x) for i, expert in enumerate(self.experts))


class Translator(nn.Module):
    """What one recurrence ends with, another starts from."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder, self.out = nn.GRU(3, 4), nn.GRU(2, 4), nn.Linear(4, 2)

    def forward(self, source: tg.Tensor, target: tg.Tensor) -> tg.Tensor:
        """Return (L, N, 2)."""
        _, h = self.encoder(source)
        return self.out(self.decoder(target, h)[0])


class Adversaries(nn.Module):
    """The two losses of a generator and of who tells its work from the true."""

    def __init__(self) -> None:
        super().__init__()
        self.make = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 3))
        self.tell = nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(0.2), nn.Linear(4, 1))

    def forward(self, z: tg.Tensor, true: tg.Tensor) -> tg.Tensor:
        """Return the loss of who tells."""
        right, wrong = self.tell(true), self.tell(self.make(z))
        return F.softplus(-right).mean() + F.softplus(wrong).mean()


class Twins(nn.Module):
    """Two inputs through one network."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))

    def forward(self, a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
        """Return the distance of what comes out."""
        return ((self.net(a) - self.net(b)) ** 2).sum().sqrt()


def mlp(*sizes: int, more: Callable[[int], list[nn.Module]] = lambda width: []) -> nn.Module:
    """Return layers of these sizes with what stands between them."""
    layers: list[nn.Module] = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers += [*more(sizes[i + 1]), nn.ReLU()]
    return nn.Sequential(*layers)


def expression(a: tg.Tensor, b: tg.Tensor) -> tg.Tensor:
    """Return an expression of two scalars in which everything is used several times."""
    c, d = a + b, a * b + b**3
    c = c + c + 1
    c = c + 1 + c + (-a)
    d = d + d * 2 + (b + a).relu()
    d = d + 3 * d + (b - a).relu()
    f = (c - d) ** 2
    return f / 2.0 + 10.0 / f


def descent(w: tg.Tensor, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
    """Return the loss after twelve steps of gradient descent with momentum."""
    v = w * 0
    for _ in range(12):
        v = 0.9 * v + x.T @ (x @ w - y)
        w = w - 0.1 * v
    return ((x @ w - y) ** 2).mean()


def orbit(y: tg.Tensor, k: tg.Tensor) -> tg.Tensor:
    """Return where five steps of Runge and Kutta lead."""
    for _ in range(5):
        a = tg.tanh(y * k)
        b = tg.tanh((y + a / 2) * k)
        c = tg.tanh((y + b / 2) * k)
        d = tg.tanh((y + c) * k)
        y = y + (a + 2 * b + 2 * c + d) / 6
    return y.sum()


def filtered(z: tg.Tensor, a: tg.Tensor, q: tg.Tensor, r: tg.Tensor) -> tg.Tensor:
    """Return the squared surprises of a Kalman filter over six measurements."""
    m, p, total = z[0], q, z[0] * 0
    for i in range(1, 6):
        m, p = a * m, a * p * a + q
        gain = p / (p + r)
        total = total + (z[i] - m) ** 2
        m, p = m + gain * (z[i] - m), (1 - gain) * p
    return total


def heads(q: tg.Tensor, k: tg.Tensor, v: tg.Tensor) -> tg.Tensor:
    """Return attention as one writes it."""
    return F.softmax(q @ k.T / 8**0.5, -1) @ v


def recurrent(kind: type[nn.Module], steps: int, **options: Any) -> viz.Drawing:
    """Return a recurrence of three numbers and four states over so many steps."""
    return whole(kind(3, 4, **options), given(steps, 2, 3))


def transformer(layers: int) -> viz.Drawing:
    """Return so many layers of attention and what follows it."""
    return whole(encoder(layers), given(5, 2, 8))


def encoder(layers: int) -> nn.Module:
    """Return the module of that."""
    return nn.Sequential(*[nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0) for _ in range(layers)])


def newton(x: tg.Tensor) -> tg.Tensor:
    """Return three of Newton's steps to a root."""
    for _ in range(3):
        y = x**3 - 2 * x - 5
        x = x - y / tg.autograd.grad(y, x, create_graph=True)[0]
    return x


def euler(x: tg.Tensor, v: tg.Tensor, k: tg.Tensor, c: tg.Tensor) -> tg.Tensor:
    """Return where ten of Euler's steps lead a spring with friction."""
    for _ in range(10):
        x, v = x + 0.1 * v, v + 0.1 * (-k * x - c * v)
    return x


def several(x: tg.Tensor, y: tg.Tensor) -> tuple[tg.Tensor, ...]:
    """Return results that are made of each other."""
    a, b = x + y, x * y
    return a, b, a / b, (a * b).exp()


def cells(kind: type[nn.Module], steps: int, **options: Any) -> viz.Drawing:
    """Return cells called one after the other, each with what the one before it returned."""
    cell = kind(3, 4)

    def run(x: tg.Tensor) -> tg.Tensor:
        state = None
        for step in range(steps):
            state = cell(x[step], state)
        return state if isinstance(state, tg.Tensor) else state[0]

    return whole(run, given(steps, 2, 3), **options)


def scalar(*values: float) -> list[tg.Tensor]:
    """Return scalars that require a gradient."""
    return [tg.tensor(value, requires_grad=True) for value in values]


def pair() -> tuple[tg.Tensor, tg.Tensor]:
    """Return the two scalars of the expression."""
    return tg.tensor(-4.0, requires_grad=True), tg.tensor(2.0, requires_grad=True)


def attentive() -> viz.Drawing:
    """Return attention with two heads."""
    return whole(nn.MultiheadAttention(8, 2), given(5, 2, 8), given(5, 2, 8), given(5, 2, 8))


def convolved() -> nn.Module:
    """Return a small network of convolutions."""
    return nn.Sequential(
        nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 3)
    )


def batchnorm_by_hand(x: tg.Tensor, gamma: tg.Tensor, beta: tg.Tensor) -> tg.Tensor:
    """Return batch normalisation without a name given."""
    xmu = x - x.mean(0)
    return gamma * xmu / ((xmu**2).mean(0) + 1e-5).sqrt() + beta


NETWORKS: dict[str, Callable[[], viz.Drawing]] = {
    "batchnorm": lambda: whole(nn.BatchNorm1d(3), given(7, 3)),
    "dropout": lambda: whole(nn.Dropout(0.5), given(7, 3)),
    "layer norm": lambda: whole(nn.LayerNorm(3), given(7, 3)),
    "linear": lambda: whole(nn.Linear(4, 3), given(5, 4)),
    "mlp": lambda: whole(mlp(4, 5, 5, 2), given(3, 4)),
    "mlp, batchnorm and dropout": lambda: whole(
        mlp(4, 5, 5, 5, 5, 5, 5, 5, 5, 2, more=lambda width: [nn.BatchNorm1d(width), nn.Dropout(0.5)]), given(3, 4)
    ),
    "mlp of twenty layers": lambda: whole(mlp(*[3] * 21, more=lambda width: [nn.Dropout(0.1)]), given(3, 3)),
    "residual": lambda: whole(nn.Sequential(*[Residual() for _ in range(3)]), given(2, 4)),
    "residual, ten blocks": lambda: whole(nn.Sequential(*[Residual(True) for _ in range(10)]), given(2, 4)),
    "dense": lambda: whole(Dense(3), given(2, 3)),
    "dense, eight layers": lambda: whole(Dense(8), given(2, 3)),
    "highway": lambda: whole(Highway(), given(2, 3)),
    "highway, ten layers": lambda: whole(nn.Sequential(*[Highway() for _ in range(10)]), given(2, 3)),
    "branches": lambda: whole(Branches(), given(2, 3)),
    "shared": lambda: whole(Shared(), given(2, 4)),
    "autoencoder": lambda: whole(Autoencoder(), given(2, 4)),
    "variational": lambda: whole(Variational(), given(3, 4)),
    "rnn, two steps": lambda: recurrent(nn.RNN, 2),
    "rnn, ten steps": lambda: recurrent(nn.RNN, 10),
    "rnn, twenty steps": lambda: recurrent(nn.RNN, 20),
    "rnn, both ways": lambda: recurrent(nn.RNN, 3, bidirectional=True),
    "lstm cell": lambda: whole(nn.LSTMCell(3, 4), given(2, 3)),
    "lstm, two steps": lambda: recurrent(nn.LSTM, 2),
    "lstm, ten steps": lambda: recurrent(nn.LSTM, 10),
    "gru, two steps": lambda: recurrent(nn.GRU, 2),
    "gru, eight steps": lambda: recurrent(nn.GRU, 8),
    "translator": lambda: whole(Translator(), given(2, 2, 3), given(2, 2, 2)),
    "attention by hand": lambda: whole(heads, given(4, 8), given(4, 8), given(4, 8)),
    "attention": lambda: whole(
        F.scaled_dot_product_attention, given(1, 4, 8), given(1, 4, 8), given(1, 4, 8), unfold=True
    ),
    "attention, two heads": attentive,
    "transformer": lambda: transformer(1),
    "transformer, three layers": lambda: transformer(3),
    "convolutions": lambda: whole(convolved(), given(1, 1, 9, 9)),
    "pyramid": lambda: whole(Pyramid(), given(1, 1, 8, 8)),
    "cross entropy": lambda: whole(F.cross_entropy, given(4, 3), tg.tensor([0, 2, 1, 1])),
    "tied words": lambda: whole(Tied(), tg.tensor([1, 2, 3, 3, 0])),
    "dense, sixteen layers": lambda: whole(Dense(16), given(2, 3)),
    "group norm": lambda: whole(nn.GroupNorm(2, 4), given(3, 4, 2)),
    "bilinear": lambda: whole(nn.Bilinear(2, 3, 4), given(5, 2), given(5, 3)),
    "mixture by einsum": lambda: whole(
        lambda x, w, g: tg.einsum("bi,eij,be->bj", x, w, F.softmax(g, -1)), given(2, 3), given(4, 3, 3), given(2, 4)
    ),
    "group norm, nine layers": lambda: whole(nn.Sequential(*[nn.GroupNorm(2, 4) for _ in range(9)]), given(3, 4, 2)),
    "experts": lambda: whole(Experts(), given(4, 3)),
    "twins": lambda: whole(Twins(), given(2, 3), given(2, 3)),
    "adversaries": lambda: whole(Adversaries(), given(2, 2), given(2, 3)),
    "scalars": lambda: whole(expression, *pair(), names="variables"),
    "values of scalars": lambda: whole(expression, *pair(), names="variables", labels="values"),
    "descent": lambda: whole(descent, given(3, 1), given(5, 3), given(5, 1)),
    "orbit": lambda: whole(orbit, given(3), given(3)),
    "filter": lambda: whole(filtered, given(6), *[tg.tensor(x, requires_grad=True) for x in (0.9, 0.3, 0.5)]),
    "backward of batchnorm": lambda: whole(batchnorm_by_hand, given(7, 3), given(3), given(3), order=1),
    "backward of an mlp": lambda: whole(mlp(4, 5, 5, 2), given(3, 4), order=1),
    "twice backward": lambda: whole(lambda x, w: tg.tanh(x @ w).pow(2).sum(), given(3, 2), given(2, 2), order=2),
    "four uses": lambda: whole(lambda x: x * 2 + x.sin() + x.exp() + x**2, *scalar(1.0)),
    "quotient": lambda: whole(lambda x, y: (x * y + x**2) * (y - x) / (x + y), *scalar(2.0, 3.0)),
    "penalties": lambda: whole(
        lambda x, w, b, y: ((x @ w + b - y) ** 2).mean() + 0.1 * w.abs().sum() + 0.01 * (w * w).sum(),
        given(6, 2),
        given(2),
        given(),
        given(6),
    ),
    "twenty branches": lambda: whole(lambda x, *w: sum((x * v).tanh() for v in w), *scalar(*map(float, range(21)))),
    "several results": lambda: whole(several, *scalar(2.0, 3.0)),
    "newton": lambda: whole(newton, *scalar(2.0)),
    "euler": lambda: whole(euler, *scalar(1.0, 0.0, 2.0, 0.1)),
    "lstm cells, closed": lambda: cells(nn.LSTMCell, 12, depth=1),
    "gru cells": lambda: cells(nn.GRUCell, 3),
    "three layers, closed": lambda: viz.draw(encoder(3), given(5, 2, 8)),
    "pyramid, closed": lambda: viz.draw(Pyramid(), given(1, 1, 8, 8)),
    "cells, closed": lambda: cells(nn.GRUCell, 5, collapse=None),
    "from top to bottom": lambda: whole(nn.BatchNorm1d(3), given(7, 3), rankdir="TB"),
}


@functools.cache
def pictured(name: str) -> viz.Drawing:
    """Return the drawing of this name, made from the generator's start."""
    tg.manual_seed(0)
    return NETWORKS[name]()
