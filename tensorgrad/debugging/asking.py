"""`why`: what is wrong with a value or a gradient is looked for, and walked back to where it began."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from types import FunctionType
from typing import Any

import numpy as np

from tensorgrad.autograd.careful import last_recorded
from tensorgrad.base.callsite import users_variables
from tensorgrad.engine.tensor import Tensor
from tensorgrad.errors import ArgumentError
from tensorgrad.graph import Graph
from tensorgrad.graph.given import reached
from tensorgrad.graph.gradients import Seed

from .cuts import may_be_meant, read_by_python, reason_without, unused
from .examined import Examined
from .gradientorigins import ROUNDING, dead_units, reason_of_size, reasons_of_gradients
from .growth import growing
from .reasons import Reason
from .valueorigins import UNRECORDED, is_of, reason_of_value

Of = Tensor | str | Sequence[Tensor | str] | None
"""Values whose gradients are asked about: tensors, or names of values of the graph."""


def why(
    target: Graph | Tensor | Callable[..., Any],
    *inputs: Any,
    of: Of = None,
    seed: Seed = None,
    beyond: float | None = None,
) -> Reason:
    """Return where NaN, infinity, zeros or gradients that explode or vanish began: the operation, line, rows and cure.

    Values come first: of an output that is not finite, or zero everywhere, the first operation that made it so. Where
    they are right, gradients are looked at. Nothing is guessed: a cause that is not known is empty.

    Args:
        target: a function or module, which runs once on `inputs`, traced with every value; a tensor, or a graph, of
            which is asked what the record still holds. A function may train for some steps: then the line is named at
            which the numbers grow.
        inputs: the arguments of `target`, if it is called.
        of: whose gradient is asked about: a tensor or a name, or several; by default all leaves that require one,
            parameters of modules that `target` holds included.
        seed: the gradient of the output, or a list of one for each output, None for none; ones by default.
        beyond: by which factor a gradient must be larger, or smaller, than what flows in at the output, to be said to
            explode, or to vanish; by default one over the precision of its dtype, 8.4e6 for float32.

    Raises:
        ArgumentError: `target` is none of the above, or computed already and given inputs; `of` is not in the graph by
            this name.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([4.0, 0.0], requires_grad=True)
    >>> print(why(lambda x: x.sqrt().sum(), x).cause)
    the slope of sqrt at 0 is infinite
    >>> bool(why(lambda x: (x + 1).sqrt().sum(), x))
    False
    """
    graph = _graph_of(target, inputs, seed)
    found = [] if of is not None else [*_of_outputs(graph, ("NaN", "infinite"))]
    if not found:
        found = [*_of_gradients(graph, target, of, beyond)]
    if of is None and not any(r.kind in {"NaN", "infinite"} for r in found):
        found = [*_of_outputs(graph, ("zero",)), *found]
    if not found:
        untold = graph.untold()
        cure = UNRECORDED if untold else ""
        return Reason("", cause="" if untold else _nothing(graph), cure=cure, unknown=untold, graph=graph)
    return found[0].with_more(found[1:])


def _graph_of(target: Graph | Tensor | Callable[..., Any], inputs: tuple[Any, ...], seed: Seed) -> Examined:
    if isinstance(target, Graph | Tensor):
        if inputs:
            raise ArgumentError(f"why of a {type(target).__name__} takes no inputs: it is computed already")
        graph = target if isinstance(target, Graph) else Graph.of(target, names="variables")
        return Examined(graph, traced=False, seed=seed)
    if not callable(target):
        raise ArgumentError(f"why takes a tensor, a graph, a function or a module, not {type(target).__name__}")
    with np.errstate(all="ignore"):  # what a warning would tell is what is asked about
        before = last_recorded()
        graph = Graph.trace(target, *inputs)
        return Examined(graph, traced=True, seed=seed, sweeps=last_recorded() != before)


def _of_outputs(graph: Examined, kinds: Iterable[str]) -> Iterator[Reason]:
    """Yield why outputs are not finite, or zero: those that begin at one place together."""
    seen: dict[int | None, None] = {}
    for index in dict.fromkeys(graph.outputs):
        for kind in kinds:
            if is_of(kind, graph.known[index]):
                reason = growing(graph, reason_of_value(graph, index, kind))
                if reason.index not in seen:
                    seen[reason.index] = None
                    yield reason
                break


def _of_gradients(graph: Examined, target: Any, of: Of, beyond: float | None) -> list[Reason]:
    asked = None if of is None else _asked(graph, of)
    if asked is None and not any(graph.nodes[i].requires_grad for i in graph.outputs):
        if not may_be_meant(graph):
            return []
        return [*_together(reason_without(graph, i, asked=False) for i in _leaves(graph)), *_unread(graph, target)]
    found = [unused(graph, [name]) for name, index in asked or () if index is None]
    if graph.flows is None:
        return found
    leaves = [i for _, i in asked if i is not None] if asked is not None else _leaves(graph)
    flowing = [i for i in leaves if i in graph.flows.nodes]
    by_kind: dict[str, list[int]] = {"NaN": [], "infinite": [], "zero": [], "": []}
    for i in flowing:
        by_kind[next((k for k in by_kind if k and is_of(k, graph.flows.nodes[i])), "")].append(i)
    wrong = (reasons_of_gradients(graph, by_kind[kind], kind) for kind in ("NaN", "infinite") if by_kind[kind])
    found += _together(chain.from_iterable(wrong))
    sized = [reason_of_size(graph, i, beyond or 1 / _precision(graph, i)) for i in by_kind[""]]
    found += _together(r for r in sized if r and r.kind.startswith("exploding"))
    cut = (reason_without(graph, i, asked=asked is not None) for i in leaves if i not in graph.flows.nodes)
    found += _together(cut)
    found += reasons_of_gradients(graph, by_kind["zero"], "zero") if by_kind["zero"] else []
    found += _together(r for r in sized if r and r.kind.startswith("vanishing"))
    if asked is not None:  # it is so in every network with a bias before a normalisation
        found += _together(r for r in sized if r and r.kind == ROUNDING)
    else:
        found += [*_unread(graph, target), *dead_units(graph)]
    return found


def _asked(graph: Examined, of: Tensor | str | Sequence[Tensor | str]) -> list[tuple[str, int | None]]:
    """Return what was asked about: names, and where these are in the graph."""
    found: list[tuple[str, int | None]] = []
    for x in [of] if isinstance(of, Tensor | str) else of:
        if isinstance(x, str):
            if x not in graph.called:
                known = ", ".join(dict.fromkeys(filter(None, (node.name for node in graph.nodes))))
                raise ArgumentError(f"why(of={x!r}): no value of the graph is called that, but {known}")
            found.append((x, len(graph.called) - 1 - graph.called[::-1].index(x)))
            continue
        index = graph.index_of(x)
        names = [name for name, value in users_variables().items() if value is x]
        found.append((graph.called[index] if index is not None else next(iter(names), "the tensor"), index))
    return found


def _leaves(graph: Examined) -> list[int]:
    return [n.index for n in graph.nodes if n.requires_grad and (n.is_leaf or n.op == "leaf")]


def _precision(graph: Examined, index: int) -> float:
    return float(np.finfo(graph.nodes[index].dtype).eps)


def _together(reasons: Iterable[Reason | None]) -> list[Reason]:
    """Return reasons, those that name one operation as one, the first, about all that it is so of."""
    found: dict[tuple[Any, ...], Reason] = {}
    for reason in reasons:
        if reason is not None:
            key = reason.index, reason.place, reason.operation
            before = found.get(key)
            found[key] = reason if before is None else replace(before, about=(*before.about, *reason.about))
    return [*found.values()]


def _unread(graph: Examined, target: Any) -> list[Reason]:
    """Return that the output is not computed with leaves that require a gradient, given or reached by the function.

    Those of which Python has read a number apart: what was done with that, no record tells.
    """
    if not graph.traced:
        return []
    names, whole = _paths(target), Examined(graph.with_reads(), traced=True)
    owners, read = ({id(n.owner): n.index for n in g.nodes if n.owner is not None} for g in (graph, whole))
    reached_ones = [x for x in reached(target) if x.requires_grad and x.grad_fn is None]
    found = {id(x): names.get(id(x)) or x.name or "a tensor" for x in reached_ones}
    found = {key: name for key, name in (found | graph.given_leaves()).items() if key not in owners}
    lost = _together(read_by_python(graph, name, whole, read[key]) for key, name in found.items() if key in read)
    unread = [name for key, name in found.items() if key not in read]
    return [*lost, *([unused(graph, unread)] if unread else [])]


def _paths(target: Any) -> dict[int, str]:
    """Return what tensors are called that a function has as variables, or that modules there, or itself, hold."""
    held = {"": target}
    if isinstance(target, FunctionType):
        own = inspect.getclosurevars(target)
        held |= {**own.globals, **own.nonlocals}
    found: dict[int, str] = {}
    for name, value in held.items():
        if isinstance(value, Tensor):
            found[id(value)] = name
        elif not isinstance(value, type) and hasattr(type(value), "named_parameters"):
            found |= {id(x): f"{name}.{path}".lstrip(".") for path, x in value.named_parameters()}
    return found


def _nothing(graph: Examined) -> str:
    some = any(graph.nodes[i].requires_grad for i in graph.outputs)
    return "the output is finite" + (", and so is every gradient, of which none is 0 everywhere" if some else "")
