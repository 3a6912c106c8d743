"""Plots around training, on matplotlib: each is one call that returns a `matplotlib.figure.Figure`."""

from .activations import plot_activations, plot_gradients
from .canvas import figure_svg, save_figure
from .curves import plot_curves
from .images import plot_images
from .paths import plot_paths
from .rates import plot_lr

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
