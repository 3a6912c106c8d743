"""Graphs as ONNX files, for other programs to run: `export`, as PyTorch calls it. Needs the library onnx.

>>> import tensorgrad as tg
>>> tg.onnx.export(tg.nn.Linear(3, 2), tg.ones(1, 3), "linear.onnx")  # doctest: +SKIP
"""

from tensorgrad.errors import ExportError

from .exporting import export

__all__ = ["ExportError", "export"]
