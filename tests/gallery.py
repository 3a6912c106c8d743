"""The gallery: `python -m tests.gallery` writes docs/gallery.md and the pictures beside it, all from recorded graphs.

`python -m tests.gallery --check` writes nothing, and says which files are not what the code draws. What others make of
the same networks is written by `tests.gallery_peers`, which needs them.

A drawing tells numbers in four digits, and must tell the same on every machine, although the last bit of a product, a
sum or a logarithm depends on the processor. So everything starts from numbers with few binary digits, of which products
and sums are exact in any order; what is divided and rooted after that is float64, twelve digits from what is told; and
nothing is shown that rounding alone makes, as is the gradient of a bias that BatchNorm takes away again.
`tests/lastbit.py` puts it to the test.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.files.atomic import write_whole
from tensorgrad.graph import Graph
from tests.gallery_peers import beside
from tests.measuring import plain

DOCS = Path(__file__).resolve().parent.parent / "docs"
LETTERS = {"dims": {7: "N", 3: "D"}}


def normals(*shape: int, seed: int = 0, requires_grad: bool = True) -> tg.Tensor:
    """Return standard normal numbers in eighths, the same in every run and on every machine."""
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return tg.tensor(np.round(8 * drawn) / 8, requires_grad=requires_grad)


def exact(make: Callable[[], nn.Module]) -> nn.Module:
    """Return the module that `make` makes from the generator's start, in float64, its parameters in 128ths."""
    tg.manual_seed(0)
    module = make().double()
    with tg.no_grad():
        for p in module.parameters():
            p.copy_((128 * p).round() / 128)
    return module


class Net(nn.Module):
    """The chapter's network in small: two hidden layers with BatchNorm, Dropout before the last.

    BatchNorm subtracts whatever bias the layer before it adds: those layers have none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.bn1 = nn.Linear(64, 100, bias=False), nn.BatchNorm1d(100)
        self.fc2, self.bn2, self.drop = nn.Linear(100, 100, bias=False), nn.BatchNorm1d(100), nn.Dropout(0.5)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the scores (N, 10) of images (N, 64)."""
        x = self.bn1(self.fc1(x)).relu()
        return self.fc3(self.drop(self.bn2(self.fc2(x)).relu()))


def batchnorm(**options: Any) -> viz.Drawing:
    """Return figure 6-17, with random numbers for the gradient of the output."""
    return viz.draw(nn.BatchNorm1d(3).double(), normals(7, 3), seed=normals(7, 3, seed=1), **LETTERS, **options)


def dropout() -> viz.Drawing:
    """Return Dropout of half of the elements."""
    tg.manual_seed(0)
    return viz.draw(nn.Dropout(0.5), normals(7, 3), seed=normals(7, 3, seed=1), **LETTERS)


def network(**options: Any) -> viz.Drawing:
    """Return the network on 32 images."""
    x, seed = normals(32, 64, requires_grad=False), normals(32, 10, seed=3)
    return viz.draw(exact(Net), x, seed=seed, dims={32: "N"}, **options)


def by_hand(x: tg.Tensor, gamma: tg.Tensor, beta: tg.Tensor) -> tg.Tensor:
    """Return batch normalisation as one writes it, without a layer and without a name given."""
    mu = x.mean(0)
    xmu = x - mu
    var = (xmu**2).mean(0)
    xhat = xmu / (var + 1e-5).sqrt()
    return gamma * xhat + beta


def variables(**options: Any) -> viz.Drawing:
    """Return the drawing of `by_hand`, its values named after its variables."""
    gamma, beta = normals(3, seed=2), normals(3, seed=3)
    seed = normals(7, 3, seed=1)
    return viz.draw(by_hand, normals(7, 3), gamma, beta, names="variables", seed=seed, **LETTERS, **options)


def numbers() -> viz.Drawing:
    """Return a small expression with its numbers, of which all are exact."""
    a, b, c = (tg.tensor(value, dtype=tg.float64, requires_grad=True) for value in (2.0, -3.0, 10.0))
    return viz.draw(lambda a, b, c: (a * b + c) * a, a, b, c, labels="values")


def second() -> viz.Drawing:
    """Return the double-backward graph of a function of which everybody knows the second derivative."""
    return viz.draw(lambda x: (x**3).sum(), normals(3), order=2)


def not_a_number() -> viz.Drawing:
    """Return a network whose logarithm meets a negative number."""

    def loss(x: tg.Tensor) -> tg.Tensor:
        y = (x - 1).log()
        return (y * y).mean()

    with np.errstate(invalid="ignore"):
        return viz.draw(loss, tg.tensor([0.5, 2.0, 3.0], dtype=tg.float64, requires_grad=True))


def failure() -> viz.Drawing:
    """Return what had been recorded when a product did not fit."""
    net = exact(lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(4, 2)))
    try:
        return viz.draw(net, normals(5, 4))
    except tg.errors.ShapeError as error:
        return viz.draw(error)


def deep() -> viz.Drawing:
    """Return a network of equal blocks, closed."""

    def net() -> nn.Module:
        blocks = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(5)]
        return nn.Sequential(nn.Linear(4, 8), *blocks, nn.Linear(8, 2))

    return viz.draw(exact(net), normals(3, 4), depth=1)


class Classifier(nn.Module):
    """Two layers, with functions of the library between them and as the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: tg.Tensor, t: tg.Tensor) -> tg.Tensor:
        """Return the loss of scores of x (N, 4) for labels t (N,)."""
        return nn.functional.cross_entropy(self.fc2(nn.functional.gelu(self.fc1(x))), t)


def classifier(**options: Any) -> viz.Drawing:
    """Return the classifier on five examples."""
    x, t = normals(5, 4, requires_grad=False), tg.tensor([0, 2, 1, 1, 0])
    return viz.draw(exact(Classifier), x, t, dims={5: "N"}, **options)


def scaled(x: tg.Tensor) -> tg.Tensor:
    """Return a sum of what Python has made smaller, where it found it large."""
    size = (x**2).sum().item()
    if size > 1:
        x = x / size
    return x.sum()


def decided() -> viz.Drawing:
    """Return a function that reads what it computes."""
    return viz.draw(scaled, tg.tensor([1.125, -0.625, 0.875], dtype=tg.float64, requires_grad=True))


def trained() -> viz.Drawing:
    """Return a film of a straight line that is fitted to four points."""
    # Numbers of many digits, of which none is half-way between two that are told, and none is nothing by cancellation.
    points = [0.3117, 1.1291, 2.0713, 2.9731], [1.0719, 1.2853, 2.7179, 2.1937]
    x, t = (tg.tensor(values, dtype=tg.float64) for values in points)
    w, b = (tg.tensor(value, dtype=tg.float64, requires_grad=True) for value in (-0.5317, 1.9743))
    optimizer, steps = optim.SGD([w, b], lr=0.125), {}
    for step in range(5):
        loss = ((w * x + b - t) ** 2).mean()
        steps[step] = viz.draw(loss, names="variables", labels="values")
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return viz.film(steps)


@dataclass(frozen=True)
class Figure:
    """A picture of the gallery: its file, what it shows, the code that a reader would write, and the drawing."""

    name: str
    caption: str
    code: str
    drawing: Callable[[], viz.Drawing]


FIGURES = [
    Figure(
        "figure-6-17-book", "Figure 6-17 in the look of a book, for a column of 340 points: no text is below 8.",
        'viz.draw(nn.BatchNorm1d(3), x, theme="book", width="340pt", fontsize=8)',
        lambda: batchnorm(theme="book", width="340pt", fontsize=8),
    ),
    Figure(
        "figure-6-17", "The same with its names, our default: the value on the black arrow, its gradient on the red.",
        "viz.draw(nn.BatchNorm1d(3), x)", batchnorm,
    ),
    Figure(
        "values", "With numbers: in a circle its value and the total of its gradient, on an arrow a part of one.",
        'viz.draw(lambda a, b, c: (a * b + c) * a, a, b, c, labels="values")', numbers,
    ),
    Figure(
        "formulas", "With formulas: how each value and gradient is computed, read from the recorded backward pass.",
        'viz.draw(nn.BatchNorm1d(3), x, labels="formulas")', lambda: batchnorm(labels="formulas"),
    ),
    Figure(
        "variables", "A function without any names, drawn with those of its variables.",
        'viz.draw(by_hand, x, gamma, beta, names="variables")', variables,
    ),
    Figure(
        "dropout", "Dropout: the mask is a factor on both ways.",
        "viz.draw(nn.Dropout(0.5), x)",
        dropout,
    ),
    Figure(
        "network-folded", "The chapter's network, its layers as boxes.",
        'viz.draw(net, x, depth=1, labels="shapes")', lambda: network(depth=1, labels="shapes"),
    ),
    Figure(
        "network-one-open", "One layer open.",
        'viz.draw(net, x, collapse=["Linear", "bn2", "drop"])', lambda: network(collapse=["Linear", "bn2", "drop"]),
    ),
    Figure("network-open", "All layers open.", "viz.draw(net, x)", network),
    Figure(
        "functions", "Functions of the library: one box each where a picture is large.",
        "viz.draw(net, x, t)", classifier,
    ),
    Figure(
        "functions-unfolded", "One of them open.",
        'viz.draw(net, x, t, unfold="gelu")', lambda: classifier(unfold="gelu"),
    ),
    Figure(
        "decided", "What Python read is marked with its line: from there on it is a number of this run.",
        "viz.draw(scaled, x)", decided,
    ),
    Figure("blocks", "Equal blocks that follow one another, closed.", "viz.draw(net, x, depth=1)", deep),
    Figure(
        "backward", "The backward pass as a graph of its own: what it reads of the forward pass is black.",
        'viz.draw(by_hand, x, gamma, beta, names="variables", order=1)', lambda: variables(order=1),
    ),
    Figure(
        "double-backward", "A double-backward graph: the second derivative of x³, whose gradient is 3x².",
        "viz.draw(lambda x: (x**3).sum(), x, order=2)", second,
    ),
    Figure(
        "training", "Through a training: opened on its own, a slider shows the numbers of each step.",
        'steps[step] = viz.draw(loss, names="variables", labels="values")  # in the loop\nviz.film(steps)', trained,
    ),
    Figure(
        "not-a-number", "The first number that is not finite is marked, and so is all that it spoils.",
        "viz.draw(lambda x: ((x - 1).log() ** 2).mean(), x)", not_a_number,
    ),
    Figure(
        "failure", "After an error: what had been recorded, and the operation that failed.",
        "try:\n    net(x)\nexcept tg.errors.ShapeError as error:\n    viz.draw(error)", failure,
    ),
]  # fmt: skip


def program() -> str:
    """Return the text of a small graph with its backward pass."""
    return Graph.trace(nn.BatchNorm1d(3).double(), normals(7, 3)).backward().text()


def generated() -> str:
    """Return the two functions of the file that the same graph writes."""
    source = Graph.trace(nn.BatchNorm1d(3).double(), normals(7, 3)).to_python()
    start = source.index("def forward")
    return source[start : source.index("\n\n\ndef ", source.index("def backward"))]


PAGE = """\
# Gallery

Every picture is drawn from a recorded graph, by `python -m tests.gallery`. Opened on its own, each can be pointed at,
folded, and replayed with the arrow keys, and a box that is closed opens at a click; how to draw your own stands in
[Drawing](drawing.md). Where the same network is shown as torchviz, torchview and netron draw it, by
`python -m tests.gallery_peers`, it is said what is seen on those pictures, in their first state. Of one that is not
shown, nothing is said.

{figures}

## The same as text

```python
print(Graph.trace(nn.BatchNorm1d(3), x).backward().text())
```

```
{program}
```

## The same as NumPy source

`Graph.trace(nn.BatchNorm1d(3), x).to_python()` writes a file that needs NumPy alone, and computes on the same
machine the same to the last bit; these are its two main functions.

```python
{generated}
```
"""


def page() -> str:
    """Return gallery.md."""
    captions = {figure.name: figure.caption for figure in FIGURES}
    figures = [
        f"## {figure.caption}\n\n```python\n{figure.code}\n```\n\n![{figure.caption}](gallery/{figure.name}.svg)"
        + beside(figure.name, captions)
        for figure in FIGURES
    ]
    return PAGE.format(figures="\n\n".join(figures), program=program(), generated=generated())


def written() -> dict[str, str]:
    """Return the text of every file that the library writes, by its path in docs/."""
    return {f"gallery/{figure.name}.svg": figure.drawing().svg for figure in FIGURES} | {"gallery.md": page()}


def stands(name: str, text: str) -> bool:
    """Return whether the file of that name holds `text` already, what is packed in it however packed."""
    path = DOCS / name
    return path.exists() and plain(path.read_text("utf-8")) == plain(text)


def main() -> None:
    """Write everything, or say what is not as it would be written."""
    files = {name: text for name, text in written().items() if not stands(name, text)}
    if "--check" in sys.argv[1:]:
        sys.exit("\n".join(files) or None)
    for name, text in files.items():
        write_whole(DOCS / name, text)


if __name__ == "__main__":
    main()
