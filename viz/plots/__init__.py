"""Plots around training, on matplotlib: each is one call that returns a `matplotlib.figure.Figure`."""

from typing import TYPE_CHECKING

from tensorgrad.base.unknown import load_later as _load_later

if TYPE_CHECKING:
    from .canvas import figure_svg, save_figure
    from .curves import plot_curves
    from .layerwise import plot_activations, plot_gradients
    from .paths import plot_paths
    from .rates import plot_lr
    from .tiles import plot_images

_PLACES = {
    "figure_svg": "canvas",
    "plot_activations": "layerwise",
    "plot_curves": "curves",
    "plot_gradients": "layerwise",
    "plot_images": "tiles",
    "plot_lr": "rates",
    "plot_paths": "paths",
    "save_figure": "canvas",
}

__all__ = [
    "figure_svg",
    "plot_activations",
    "plot_curves",
    "plot_gradients",
    "plot_images",
    "plot_lr",
    "plot_paths",
    "save_figure",
]

_load_later(__name__, {name: f"{__name__}.{file}" for name, file in _PLACES.items()})
