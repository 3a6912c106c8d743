"""Plots around training, on matplotlib: each is one call that returns a `matplotlib.figure.Figure`."""

from .canvas import figure_svg, save_figure
from .curves import plot_curves
from .layerwise import plot_activations, plot_gradients
from .paths import plot_paths
from .rates import plot_lr
from .tiles import plot_images

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
