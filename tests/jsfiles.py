"""Modules of JavaScript that graphs write, run in Node: each step beside NumPy's, on the numbers that it was given."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tensorgrad.base.numerics import address
from tensorgrad.graph import Graph
from tensorgrad.graph.writing import python_file
from tensorgrad.javascript.jsfile import JSFile, js_program
from tensorgrad.program.contents import Step, replaced
from tensorgrad.program.recorder import into

from .waiting import CEILING

NODE = shutil.which("node")
_HARNESS = """
import { readFileSync, writeFileSync } from 'node:fs';
const packed = a => Buffer.from(Float64Array.from(a).buffer).toString('base64');
const unpacked = t => { const b = Buffer.from(t, 'base64'); return new Float64Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length)) };
const jobs = JSON.parse(readFileSync(process.argv[2])), found = [];
for (const { file, given } of jobs) {
  const module = await import(file), results = [];
  for (const [i, part] of given.entries()) {
    const answer = [module.forward, module.backward][i](...part.map(unpacked));
    results.push(answer && answer.map(packed));
    if (!answer) break;
  }
  found.push({ results, all: Object.fromEntries(Object.entries(module.all).map(([k, a]) => [k, packed(a)])) });
}
writeFileSync(process.argv[3], JSON.stringify(found));
"""  # noqa: E501
_CURVED = frozenset((
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tan", "arcsin", "arccos", "arctan",
    "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "power", "float_power", "cbrt", "hypot",
    "logaddexp", "logaddexp2", "pow",
))  # fmt: skip
ULPS, CURVED_ULPS = 1, 4


@dataclass
class Job:
    """A graph as a module, and the arguments of its functions."""

    file: JSFile
    given: list[list[np.ndarray]]


@dataclass
class Answer:
    """What the functions gave, None for an answer of null, and every array afterwards."""

    results: list[list[np.ndarray] | None]
    all: dict[str, np.ndarray]


def job(graph: Graph, *given: Sequence[Any]) -> Job:
    """Return a graph as a module, to be run with these arguments for each function."""
    file = JSFile(js_program(python_file(graph), "to_js()"))
    return Job(file, [[np.asarray(a) for a in part] for part in given])


def answers(jobs: Sequence[Job], folder: Path) -> list[Answer]:
    """Run all in one process of Node."""
    assert NODE is not None
    told = []
    for number, one in enumerate(jobs):
        path = folder / f"program{number}.mjs"
        path.write_text(f"{one.file.text()}\nexport const all = {{{', '.join(one.file.names.values())}}};\n", "utf-8")
        given = [[base64.b64encode(np.asarray(a, float).tobytes()).decode() for a in part] for part in one.given]
        told.append({"file": str(path), "given": given})
    harness, asked, answered = folder / "harness.mjs", folder / "asked.json", folder / "answered.json"
    harness.write_text(_HARNESS, "utf-8")
    asked.write_text(json.dumps(told), "utf-8")
    done = subprocess.run(
        [NODE, harness, asked, answered], capture_output=True, text=True, check=False, timeout=CEILING
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(answered.read_text("utf-8"))
    return [_answer(one.file, told) for one, told in zip(jobs, found, strict=True)]


def _numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text))


def _answer(file: JSFile, told: dict[str, Any]) -> Answer:
    results: list[list[np.ndarray] | None] = []
    for part, wanted in zip(told["results"], file.source.results, strict=False):
        if part is None:
            results.append(None)
            continue
        values = [file.values[r.number] for r in wanted]
        pairs = zip(part, values, strict=True)
        results.append([_numbers(text).astype(v.dtype).reshape(v.shape) for text, v in pairs])
    return Answer(results, {name: _numbers(text) for name, text in told["all"].items()})


def check_steps(file: JSFile, answer: Answer) -> int:
    """Assert of every step that it gave what NumPy makes of the same numbers, and return how many were compared.

    Not of what is written to memory that was there before, nor of what reads that.
    """
    program = file.program
    written = {program.values[n].block for step in program.steps for n in step.writes}
    count = 0
    for step in program.steps:
        if step.kind != "call" or step.out is None or program.values[step.out].block in written:
            continue
        if any(program.values[n].block in written for n in program.reads(step)):
            continue
        found, known = _array(file, answer, step.out), {n: _array(file, answer, n) for n in program.reads(step)}
        if found is None or any(array is None for array in known.values()):
            continue
        with np.errstate(all="ignore"):
            wanted = _again(file, step, known)
            bound = _bound(file, step, known, wanted)
        _near(found, wanted, bound, step)
        count += 1
    return count


def _array(file: JSFile, answer: Answer, number: int) -> np.ndarray | None:
    """Return a value as it stands in the arrays of JavaScript; None where nothing needed it."""
    root = file.lowering.memory.roots[number]
    if root not in file.names:
        return None
    array, whole = file.program.arrays[number], file.program.arrays[root]
    flat = answer.all[file.names[root]].astype(array.dtype)
    start = address(array) - address(whole) + file._shift(root) * array.itemsize
    return np.ndarray(array.shape, array.dtype, flat, start, array.strides)


def _again(file: JSFile, step: Step, known: dict[int, Any]) -> Any:
    value = file.values[step.out]
    arguments = replaced(step.args, known.get), replaced(step.kwargs, known.get)
    if value.kind == "own":
        room = np.empty(value.shape, value.dtype)
        into(step.function, *arguments, room)
        return room
    return np.asarray(step.function(*arguments[0], **arguments[1]))


def _name(step: Step) -> str:
    function = step.function
    owner = getattr(function, "__self__", None)
    name = getattr(function, "name", getattr(function, "__name__", ""))
    return f"{owner.__name__}.{name}" if isinstance(owner, np.ufunc) else name


def _bound(file: JSFile, step: Step, known: dict[int, Any], wanted: Any) -> Any:
    """Return how far a result may be away: sums by the sizes of what they add."""
    if wanted.dtype.kind != "f":
        return 0
    ulp = np.spacing(np.maximum(np.abs(wanted), np.finfo(wanted.dtype).tiny))
    name = _name(step)
    if name in _CURVED:
        return (CURVED_ULPS if wanted.dtype.itemsize == 8 else 2 * CURVED_ULPS) * ulp
    if name.startswith("_leading"):  # the first part of a number, rounded or cut, to 2**-20: the second has the rest
        return 2.0**-20
    if name in ("var", "std"):
        return 1e-10 * np.abs(wanted) + 1e-12
    if "add." in name or name in ("sum", "mean", "matmul", "dot", "vdot", "cumsum", "trace", "multiply.reduce", "prod"):
        sizes = {n: np.abs(a) if a.dtype.kind == "f" else a for n, a in known.items()}
        most = sum(a.size for a in known.values()) + 2
        return most * np.finfo(wanted.dtype).eps * np.abs(_again(file, step, sizes)) + ulp
    return ULPS * ulp


def _near(found: Any, wanted: Any, bound: Any, step: Step) -> None:
    assert found.shape == wanted.shape, step
    with np.errstate(all="ignore"):
        same = (found == wanted) | (np.isnan(found) & np.isnan(wanted)) if wanted.dtype.kind == "f" else found == wanted
        close = np.abs(found - wanted) <= bound if wanted.dtype.kind == "f" else same
    wrong = ~(same | close)
    assert not wrong.any(), f"{_name(step)} gave {found[wrong][:3]} for {wanted[wrong][:3]}: {step}"
