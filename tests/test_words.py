"""One word, one meaning: the files of the package and the words of the project, held by parsing every file.

Two files share a name only where they have the same subject in two layers, and what a word of the table below names is
defined in one place. What breaks the rule and waits to be renamed is listed as such: a row that is not needed any more
fails, too.
"""

from __future__ import annotations

import ast
import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.test_house import PACKAGE, Module, read_modules

# Two folders in which a file of one name has one subject. "" is the root, whose pages only re-export.
SAME_SUBJECT = {
    ("ops", "functions"): "the primitives, and the public functions made of them",
    ("nn.functional", "nn.layers"): "the functions, and the layers that call them",
    ("ops", "nn.functional"): "the linear primitive, and the function with PyTorch's signature",
    ("ops", "nn.layers"): "the linear primitive, and the layer",
    ("autograd", "distributed.nn"): "functions of functions, and PyTorch's place for exchanges with derivatives",
    ("data", "utils.data"): "the code, and PyTorch's place for it",
    ("nn.module", "nn.layers"): "what makes a module lazy, and the layers that are",
    ("nn.module", "nn"): "the code, and PyTorch's place for it",
    ("engine", ""): "the code, and the public page",
    ("ops", ""): "the primitives, and the public page",
    ("functions", ""): "the code, and the public page",
    ("create", ""): "the code, and the public page",
    ("cuda", ""): "mixed precision, and the names that PyTorch had for it first",
    ("backends", ""): "what PyTorch asks of a device, and the switches of its libraries",
    ("chapter6", "nn.functional"): "an experiment of the chapter, called after what it is about",
    ("chapter6", "nn.layers"): "an experiment of the chapter, called after what it is about",
    ("chapter6", "search"): "an experiment of the chapter, called after what it is about",
    ("chapter6", "cli"): "the network of the chapter, and the command's",
    ("chapter6", "viz.plots"): "the figure of the chapter, and the plot that draws it",
    ("nn.functional", "tensor"): "what writes in place, as functions and as methods",
}

# File names with two meanings, which wait to be renamed: the meanings.
FILES_TO_RENAME: dict[str, str] = {}


class Word(NamedTuple):
    """What a word of the project means, and the module that defines it or is called so."""

    meaning: str
    home: str


WORDS = {
    "Tensor": Word("an array with a place in the recorded graph", "engine.tensor"),
    "Node": Word("one recorded operation or leaf: what it read, and the primitive that made it", "engine.tensor"),
    "Constant": Word("a number with a name, as the ε of a layer", "engine.tensor"),
    "Primitive": Word("an operation with rules: one record of the table", "engine.primitive"),
    "PRIMITIVES": Word("the table of the primitives by name", "engine.primitive"),
    "Kink": Word("a point without derivative, and what is answered there", "engine.primitive"),
    "KINKS": Word("the kinks of composed functions", "reference.kinks"),
    "kinds": Word("how rules are stated: elementwise, multilinear, primitive, constant", "engine.kinds"),
    "dispatch": Word("how a primitive is run on arguments", "engine.dispatch"),
    "composed": Word("functions without rules, made of primitives", "functions.composed"),
    "made_of": Word("the primitives and functions that a composed function names", "reference.parts"),
    "sweep": Word("a walk over the recorded graph that carries gradients back or tangents forward", "autograd.sweep"),
    "careful": Word("what surrounds a sweep: hooks, anomalies, second runs", "autograd.careful"),
    "quick": Word("the reverse sweep of a step of training, in fewer steps", "autograd.quick"),
    "strongzeros": Word("products in which an exact zero wins, over infinity and NaN too", "autograd.strongzeros"),
    "Contributions": Word("what a sweep let flow along each edge", "autograd.careful"),
    "references": Word("whether anybody else holds an array", "engine.references"),
    "subscripts": Word("what stands in the brackets of an index", "engine.subscripts"),
    "recorded": Word("a tensor with a node of its own", "engine.tensor"),
    "order": Word("the order in which a sweep visits nodes", "autograd.order"),
    "history": Word("what a write does to the record", "autograd.history"),
    "Function": Word("an operation of the user's with a forward and a backward", "autograd.function"),
    "Scope": Word("one call of a module, as the record knows it", "base.context"),
    "FunctionScope": Word("one call of a public function made of operations, as a trace knows it", "base.context"),
    "Place": Word("where the user's script stood", "base.callsite"),
    "callsite": Word("where the user's script stands, and what is outside the library", "base.callsite"),
    "told": Word("a place in the script as text", "base.callsite"),
    "convention": Word("whether a name means PyTorch's formula or the book's", "base.convention"),
    "CONVENTIONS": Word("the two of them", "base.convention"),
    "literals": Word("what users write, nested lists of numbers, as arrays", "base.literals"),
    "hardware": Word("what is answered where a script asks for an accelerator", "base.hardware"),
    "plain": Word("an array without the mark of shared memory", "engine.shared_memory"),
    "Exposed": Word("an array that code outside may write, with that mark", "engine.shared_memory"),
    "Graph": Word("what was recorded, as data", "graph.graph"),
    "GraphNode": Word("a node as data", "graph.nodes"),
    "Examined": Word("a graph with its values and gradients, as far as they are known", "debugging.examined"),
    "Reason": Word("where something that is wrong began, and why", "debugging.reasons"),
    "Passes": Word("a forward pass and its backward pass under one numbering", "graph.nodes"),
    "tracing": Word("recording every operation, tracked or not, with every value", "graph.tracing"),
    "recording": Word("a function run once on fresh leaves, whose record is differentiated", "func.recording"),
    "spelling": Word("a value as Python source that gives it back to the bit", "graph.spelling"),
    "notation": Word("how operations are written in source and in formulas", "graph.notation"),
    "Formula": Word("a text in mathematical notation, and how strongly it holds together", "graph.notation"),
    "write_whole": Word("to write a file so that nobody ever sees half of it", "files.atomic"),
    "Module": Word("a part of a network, with parameters", "nn.module.module"),
    "Parameter": Word("a leaf that a module owns and an optimiser changes", "nn.module.parameter"),
    "Optimizer": Word("what changes parameters by their gradients", "optim.optimizer"),
    "EdgeRecord": Word("an arrow of a drawing and its twin back", "viz.picture.model"),
    "Vertex": Word("a circle, box or end of a drawing", "viz.picture.model"),
    "Picture": Word("a drawing as data, without positions", "viz.picture.model"),
    "ModuleCall": Word("a call of a module as a drawing frames it", "viz.picture.nesting"),
    "nesting": Word("which module calls are around a node, and which of them is closed", "viz.picture.nesting"),
    "Fault": Word("numbers that are not finite, in a value or gradient", "viz.picture.faults"),
    "Ear": Word("a way in a drawing that leaves what is placed and comes back to it", "viz.layout.items"),
}

# Other meanings of these words, which wait for another name.
WORDS_TO_RENAME: dict[tuple[str, str], str] = {}


def folder(name: str) -> str:
    return name.rpartition(".")[0]


def is_one_subject(a: str, b: str) -> bool:
    return (folder(a), folder(b)) in SAME_SUBJECT or (folder(b), folder(a)) in SAME_SUBJECT


def shared_file_names(modules: Mapping[str, Module], to_rename: Mapping[str, str] = FILES_TO_RENAME) -> list[str]:
    """Return what is wrong with the names of files: two subjects under one, or a row that nothing needs."""
    by_name: dict[str, list[str]] = defaultdict(list)
    for name, module in modules.items():
        if not module.path.name.startswith("__"):
            by_name[module.path.stem].append(name)
    wrong = {
        stem: pair
        for stem, names in by_name.items()
        for pair in itertools.combinations(names, 2)
        if not is_one_subject(*pair)
    }
    found = [
        f"{a} and {b} share a file name: name one after what it does, or say in SAME_SUBJECT what both are about"
        for stem, (a, b) in wrong.items()
        if stem not in to_rename
    ]
    return found + [
        f"{stem} in FILES_TO_RENAME has one meaning now: take the row out" for stem in {*to_rename} - {*wrong}
    ]


def defined(module: Module) -> Iterator[str]:
    """Yield what a module is called and what it defines at its outermost level, assigned names among it."""
    yield module.path.stem
    for statement in module.tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement.name
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))


def second_meanings(
    modules: Mapping[str, Module],
    words: Mapping[str, Word] = WORDS,
    to_rename: Mapping[tuple[str, str], str] = WORDS_TO_RENAME,
) -> list[str]:
    """Return where a word of the table is defined a second time, is not where it is said to be, or a needless row."""
    homes = {(word, name) for name, module in modules.items() for word in defined(module) if word in words}
    found = [
        f"{word} is not defined in {known.home}: correct WORDS"
        for word, known in words.items()
        if (word, known.home) not in homes
    ]
    others = {
        (word, name) for word, name in homes if name != words[word].home and not is_one_subject(name, words[word].home)
    }
    found += [
        f"{name} defines {word}, which means {words[word].meaning!r} and stands in {words[word].home}: take another"
        for word, name in sorted(others - to_rename.keys())
    ]
    return found + [f"{row} in WORDS_TO_RENAME is done: take it out" for row in sorted(to_rename.keys() - others)]


def test_two_files_share_a_name_only_where_they_share_a_subject() -> None:
    found = shared_file_names(read_modules(PACKAGE))
    assert not found, "\n".join(found)


def test_a_word_of_the_project_is_defined_once() -> None:
    found = second_meanings(read_modules(PACKAGE))
    assert not found, "\n".join(found)


def sample(folder: Path, files: Mapping[str, str]) -> dict[str, Module]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return read_modules(folder)


@pytest.mark.parametrize(
    ("files", "to_rename", "expected"),
    [
        (["ops/shapes.py", "functions/shapes.py"], {}, None),
        (["ops/shapes.py", "viz/plots/shapes.py"], {}, "ops.shapes and viz.plots.shapes share a file name"),
        (["ops/shapes.py", "functions/shapes.py", "func/shapes.py"], {}, "func.shapes"),
        (["ops/shapes.py", "viz/plots/shapes.py"], {"shapes": "two"}, None),
        (["ops/shapes.py"], {"shapes": "two"}, "shapes in FILES_TO_RENAME has one meaning now"),
        (["ops/__init__.py", "viz/__init__.py"], {}, None),
    ],
)
def test_a_shared_file_name_is_found(tmp_path: Path, files, to_rename, expected) -> None:
    found = shared_file_names(sample(tmp_path, dict.fromkeys(files, "")), to_rename)
    assert len(found) == (expected is not None), found
    assert expected is None or expected in found[0]


@pytest.mark.parametrize(
    ("second", "to_rename", "expected"),
    [
        ("def other(): ...", {}, None),
        ("class A:\n    def told(self): ...", {}, None),
        ("def told(): ...", {}, "viz.b defines told, which means 'a place' and stands in base.a"),
        ("class told: ...", {}, "viz.b defines told"),
        ("told: str = ''", {}, "viz.b defines told"),
        ("def told(): ...", {("told", "viz.b"): "another"}, None),
        ("", {("told", "viz.b"): "another"}, "in WORDS_TO_RENAME is done"),
    ],
)
def test_a_second_meaning_is_found(tmp_path: Path, second, to_rename, expected) -> None:
    modules = sample(tmp_path, {"base/a.py": "def told(): ...", "viz/b.py": second})
    found = second_meanings(modules, {"told": Word("a place", "base.a")}, to_rename)
    assert len(found) == (expected is not None), found
    assert expected is None or expected in found[0]


def test_a_word_that_has_moved_is_found(tmp_path: Path) -> None:
    modules = sample(tmp_path, {"base/a.py": ""})
    assert second_meanings(modules, {"told": Word("a place", "base.a")}, {}) == [
        "told is not defined in base.a: correct WORDS"
    ]
