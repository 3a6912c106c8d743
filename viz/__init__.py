"""The graph in pictures: values forward in black, gradients back in red; and the plots that go with training.

>>> import tensorgrad as tg
>>> drawing = draw(lambda x: (x * 2).sum(), tg.ones(3, requires_grad=True))
>>> [(edge.source, edge.target) for edge in drawing.edges]
[('x', 'x*2'), ('x*2', 'Σ'), ('Σ', 'out')]
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.viz.output.drawing import Drawing, draw
from tensorgrad.viz.output.film import Film, film
from tensorgrad.viz.picture.differing import Difference, diff
from tensorgrad.viz.picture.model import EdgeRecord

from .plots import (
    figure_svg,
    plot_activations,
    plot_curves,
    plot_gradients,
    plot_images,
    plot_lr,
    plot_paths,
    save_figure,
)

__all__ = [
    "Difference",
    "Drawing",
    "EdgeRecord",
    "Film",
    "diff",
    "draw",
    "figure_svg",
    "film",
    "plot_activations",
    "plot_curves",
    "plot_gradients",
    "plot_images",
    "plot_lr",
    "plot_paths",
    "save_figure",
]

_complete(__name__, throughout=True)
