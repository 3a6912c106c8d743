"""From a traced function to an ONNX model: leaves become inputs and initializers, operations nodes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tensorgrad.engine.numpycalls import Draw
from tensorgrad.errors import ArgumentError, ExportError
from tensorgrad.files.atomic import write_whole
from tensorgrad.graph import Graph, GraphNode
from tensorgrad.version import __version__

from .equivalents import equivalent_of
from .layers import WRITTEN, Call, calls
from .writer import Value, Writer, module_told, refused

_OPSETS = range(18, 23)
_IR = {18: 8, 19: 9, 20: 9, 21: 10, 22: 10}
_DRAWS = {"random", "mask"}


def export(
    model: Callable[..., Any],
    args: Any = (),
    f: str | os.PathLike[str] | None = None,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    opset_version: int = 18,
) -> Any:
    """Return what `model` computes of `args` as an ONNX model, and write it to the file `f` if one is named.

    The model is called once, as it is: `model.eval()` makes Dropout and BatchNorm what they are in use. The file holds
    the shapes of this call. Convolutions and pools are ONNX's own; everything else is written operation by operation.

    Args:
        model: a module or a function of tensors.
        args: its argument, or a tuple of them; tensors become the inputs of the file.
        f: the path; written whole or not at all.
        input_names: names for the inputs; otherwise those of the parameters of the function.
        output_names: names for the outputs; otherwise "output", or "output_0" and so on.
        opset_version: of ONNX's operations, from 18 to 22.

    Raises:
        ExportError: an operation has no counterpart, random numbers are drawn, or the way depends on a value.
        ArgumentError: names that are not as many as there are inputs or outputs, or another opset.
        MissingDependencyError: the library onnx is not installed.
    """
    if opset_version not in _OPSETS:
        raise ArgumentError(f"onnx.export: opset_version={opset_version}: expected one from 18 to 22")
    writer = Writer()
    writer.names = _names_of(model)
    graph = Graph.trace(model, *(args if isinstance(args, tuple) else (args,)))
    _check(graph)
    inputs = [node for node in graph.nodes if node.op == "input"]
    names = _names("input_names", input_names, [node.name or f"input_{i}" for i, node in enumerate(inputs)])
    plain = ["output"] if len(graph.outputs) == 1 else [f"output_{i}" for i in range(len(graph.outputs))]
    ends = _names("output_names", output_names, plain)
    if len({*names, *ends, ""}) <= len(names) + len(ends):
        raise ArgumentError(f"onnx.export: names of inputs and outputs must differ: {', '.join([*names, *ends])}")
    for name in (*names, *ends):  # parameters and what is computed are called otherwise
        writer.free(name)
    for node, name in zip(inputs, names, strict=True):
        writer.values[node.index] = Value(name, node.dtype, node.shape)
    _write(writer, graph)
    found = _model(writer, [writer.values[node.index] for node in inputs], graph, ends, opset_version)
    if f is not None:
        write_whole(Path(f), found.SerializeToString())
    return found


def _check(graph: Graph) -> None:
    for read in graph.breaks:
        within = module_told(read.node.scope) if read.node is not None else ""
        raise ExportError(
            f"onnx.export: Python reads a value{within} at {read.text}: what depends on it is of this input alone, and "
            f"no file can hold it; use where() instead of if, and tensors instead of numbers"
        )
    for node in graph.nodes:
        if node.op in _DRAWS or (node.primitive is not None and isinstance(node.primitive.forward, Draw)):
            raise refused(node, "draws random numbers: call model.eval() first, or draw them outside")
        if node.dtype.kind == "c":
            raise refused(node, "is complex, which few ONNX operations are: export its real and imaginary parts")


def _names(what: str, given: Sequence[str] | None, otherwise: list[str]) -> list[str]:
    if given is not None and len(given) != len(otherwise):
        raise ArgumentError(f"onnx.export: {what} has {len(given)} names, expected {len(otherwise)}")
    return list(otherwise if given is None else given)


def _write(writer: Writer, graph: Graph) -> None:
    whole, known = calls(graph), _known(graph)
    for node in graph.nodes:
        if node.index in writer.values:
            continue
        writer.where = _where(node)
        if node.is_leaf or node.index in known:
            writer.values[node.index] = _leaf(writer, node)
        elif node.index in whole:
            call: Call = whole[node.index]
            if call.result == node.index:
                writer.values[node.index] = WRITTEN[call.kind][1](writer, call, node)
        else:
            xs = [_operand(writer, node, operand) for operand in node.operands if not operand.parameter]
            writer.values[node.index] = equivalent_of(node)(writer, node, xs)


def _known(graph: Graph) -> set[int]:
    """Return the operations on constants alone, such as a mask: they are written as their value."""
    constant = {node.index for node in graph.nodes if node.op == "constant"}
    found = set[int]()
    for node in graph.nodes:
        sources = {operand.source for operand in node.operands} - {None}
        if not node.is_leaf and node.value is not None and sources and sources <= constant | found:
            found.add(node.index)
    return found


def _names_of(model: Any) -> dict[int, str]:
    """Return what a module calls its parameters and buffers; nothing of a function."""
    parts: list[Any] = [getattr(model, f"named_{what}", tuple)() for what in ("parameters", "buffers")]
    return {id(x): name for part in parts for name, x in part}


def _where(node: GraphNode) -> str:
    path = node.scope.path if node.scope is not None else ""
    return re.sub(r"\W+", "_", f"{path}_{node.op}".strip("_"))


def _leaf(writer: Writer, node: GraphNode) -> Value:
    if node.value is None:
        raise refused(node, "has a value that was written since it was read: export a function that writes nothing")
    name = writer.names.get(id(node.owner))
    if name is not None:
        name = writer.free(name)
        writer.constants[name] = np.array(node.value)
        return Value(name, node.dtype, node.shape)
    return writer.constant(node.value)


def _operand(writer: Writer, node: GraphNode, operand: Any) -> Value:
    if operand.source is not None:
        return writer.values[operand.source]
    value = np.asarray(operand.constant)
    weak = type(operand.constant) in (bool, int, float)
    others = [o.dtype for o in (writer.values[x.source] for x in node.operands if x.source is not None)]
    dtype = np.result_type(*others, operand.constant) if weak and others else value.dtype
    return writer.constant(value.astype(dtype))


def _model(writer: Writer, inputs: list[Value], graph: Graph, names: list[str], opset: int) -> Any:
    """Return the model: what no output needs is left out."""
    onnx = writer.onnx
    ends = [writer.values[index] for index in graph.outputs]
    kind, info = onnx.helper.np_dtype_to_tensor_dtype, onnx.helper.make_tensor_value_info
    last = [onnx.helper.make_node("Identity", [end.name], [name]) for end, name in zip(ends, names, strict=True)]
    needed = {end.name for end in ends}
    nodes: list[Any] = []
    for node in reversed(writer.nodes):
        if needed.intersection(node.output):
            needed.update(node.input)
            nodes.append(node)
    described = onnx.helper.make_graph(
        [*nodes[::-1], *last],
        "tensorgrad",
        [info(x.name, kind(x.dtype), x.shape) for x in inputs],
        [info(name, kind(end.dtype), end.shape) for end, name in zip(ends, names, strict=True)],
        [onnx.numpy_helper.from_array(array, name) for name, array in writer.constants.items() if name in needed],
    )
    model = onnx.helper.make_model(
        described, opset_imports=[onnx.helper.make_opsetid("", opset)], producer_name="tensorgrad",
        producer_version=__version__, ir_version=_IR[opset],
    )  # fmt: skip
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f"onnx.export: an operation takes no such dtype or shape in ONNX: {error}") from error
    return model
