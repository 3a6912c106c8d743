"""The graph in pictures: values forward in black, gradients back in red.

>>> import tensorgrad as tg
>>> drawing = draw(lambda x: (x * 2).sum(), tg.ones(3, requires_grad=True))
>>> [(edge.source, edge.target) for edge in drawing.edges]
[('x', 'x*2'), ('x*2', 'Σ'), ('Σ', 'out')]
"""

from tensorgrad.names import answer_unknown_names

from .curves import Curves, training_curves
from .drawing import Drawing, draw
from .model import EdgeRecord

__all__ = ["Curves", "Drawing", "EdgeRecord", "draw", "training_curves"]

answer_unknown_names(__name__)
