"""TensorBoard's event files, written by the library tensorboardX.

>>> from tensorgrad.utils.tensorboard import SummaryWriter
>>> with SummaryWriter("runs/first") as writer:  # doctest: +SKIP
...     writer.add_scalar("loss", loss, step)
"""

from __future__ import annotations

from typing import Any, Self

from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import needing
from tensorgrad.graph import Graph, GraphNode

__all__ = ["SummaryWriter"]


class SummaryWriter:
    """What writes scalars, histograms, images, texts and graphs into a folder that TensorBoard shows.

    Every ``add_*`` method is tensorboardX's, and takes tensors wherever that takes arrays or numbers.

    Args:
        log_dir: the folder; by default ``runs/``, the time and the name of the machine.
        comment: added to the default folder's name.
        purge_step, max_queue, flush_secs, filename_suffix: as in PyTorch.

    Raises:
        MissingDependencyError: tensorboardX is not installed.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        with needing("SummaryWriter", "tensorboardX"):
            from tensorboardX import SummaryWriter as Writer  # type: ignore[import-untyped, import-not-found, unused-ignore]
        folder = None if log_dir is None else str(log_dir)
        self._writer = Writer(folder, comment, purge_step, max_queue, flush_secs, filename_suffix)
        self.log_dir: str = self._writer.logdir

    def add_graph(
        self, model: Any, input_to_model: Any = None, verbose: bool = False, use_strict_trace: bool = True
    ) -> None:
        """Add the graph of ``model(input)``, or of ``model(*inputs)`` for a tuple or list, nested as its modules are.

        `verbose` prints it as well; `use_strict_trace` is accepted and changes nothing: what runs is recorded.
        """
        from tensorboardX.proto.event_pb2 import Event  # type: ignore[import-untyped, import-not-found, unused-ignore]
        from tensorboardX.proto.graph_pb2 import GraphDef  # type: ignore[import-untyped, import-not-found, unused-ignore]

        inputs = input_to_model if isinstance(input_to_model, tuple | list) else (input_to_model,)
        graph = Graph.trace(model, *inputs).pictured()
        if verbose:
            print(graph.text())
        names = [_path(node) for node in graph.nodes]
        definition = GraphDef()
        definition.versions.producer = 22
        for node, name in zip(graph.nodes, names, strict=True):
            sources = [names[o.source] for o in node.operands if o.source is not None]
            described = definition.node.add(name=name, op=node.op, input=sources)
            shape = described.attr["_output_shapes"].list.shape.add()
            for length in node.shape:
                shape.dim.add(size=length)
        self._writer.file_writer.add_event(Event(graph_def=definition.SerializeToString()))

    def __getattr__(self, name: str) -> Any:
        if name == "_writer":  # not made: __init__ failed
            raise AttributeError(name)
        found = getattr(self._writer, name)
        if not name.startswith("add_"):
            return found

        def add(*args: Any, **settings: Any) -> Any:
            return found(*_plain(args), **_plain(settings))

        return add

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.close()


def _path(node: GraphNode) -> str:
    """Return the node's name in TensorBoard, where a slash opens a box."""
    path = "" if node.scope is None else node.scope.path
    own = f"{node.name or node.op}_{node.index}"
    return "/".join([*path.split("."), own] if path else [own])


def _plain(value: Any) -> Any:
    """Return `value` with every tensor in it as an array, those of one element as numbers."""
    if isinstance(value, Tensor):
        array = value.detach().numpy()
        return array.item() if array.ndim == 0 else array
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return type(value)(_plain(v) for v in value) if type(value) in (tuple, list) else value
