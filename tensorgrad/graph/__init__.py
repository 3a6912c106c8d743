"""The recorded graph as data: nodes in topological order, ready to print, to draw, to differentiate and to measure.

>>> import tensorgrad as tg
>>> x = tg.tensor([1.0, 2.0], requires_grad=True)
>>> print(Graph.of((x * x).sum()).text())
x: float32[2] = parameter
v1: float32[2] = x * x
out: float32[] = sum(v1)
return out
"""

from tensorgrad.base.answers import complete as _complete
from tensorgrad.base.context import FunctionScope, Scope

from .enclosing import Bounds
from .graph import Graph
from .nodes import Edge, Gradients, GraphNode, Operand, Passes

__all__ = ["Bounds", "Edge", "FunctionScope", "Gradients", "Graph", "GraphNode", "Operand", "Passes", "Scope"]

_complete(__name__)
