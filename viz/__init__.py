"""The graph in pictures: values forward in black, gradients back in red; and the plots that go with training.

>>> import tensorgrad as tg
>>> drawing = draw(lambda x: (x * 2).sum(), tg.ones(3, requires_grad=True))
>>> [(edge.source, edge.target) for edge in drawing.edges]
[('x', 'x*2'), ('x*2', 'Σ'), ('Σ', 'out')]
"""

from typing import TYPE_CHECKING

from tensorgrad.base.answers import guard as _guard
from tensorgrad.base.unknown import load_later as _load_later

if TYPE_CHECKING:
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

_load_later(
    __name__,
    {
        **dict.fromkeys(("Drawing", "draw"), f"{__name__}.output.drawing"),
        **dict.fromkeys(("Film", "film"), f"{__name__}.output.film"),
        **dict.fromkeys(("Difference", "diff"), f"{__name__}.picture.differing"),
        "EdgeRecord": f"{__name__}.picture.model",
        **dict.fromkeys(("plots", *(name for name in __all__ if "_" in name)), f"{__name__}.plots"),
    },
    lambda module: _guard(module, throughout=True, exact=True),
)
