"""The reference page is what the records say, complete, the same in every run, and readable as Markdown."""

from __future__ import annotations

import functools
import inspect
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.engine.tensor import Tensor
from tensorgrad.functions import composed
from tensorgrad.ops import cos, linear, matmul, reshape, sqrt, where
from tensorgrad.ops.contractions import swapped
from tensorgrad.reference.formulas import formula, helpers, summary
from tensorgrad.reference.kinks import KINKS, SINGULAR
from tensorgrad.reference.operations import OWN, page, torch_name
from tensorgrad.reference.parts import is_op, made_of, table

ROOT = Path(__file__).resolve().parent.parent
STORED = ROOT / "docs" / "operations.md"
COMMAND = "python -m tensorgrad.reference > docs/operations.md"


def test_the_stored_page_is_what_the_records_say():
    assert STORED.read_text(encoding="utf-8") == page(), f"the table or the public names changed: run {COMMAND}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", ["1", "2"])
def test_the_command_prints_the_same_page_in_every_run(seed):
    answer = subprocess.run(
        [sys.executable, "-m", "tensorgrad.reference"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        check=True,
    )
    assert answer.stdout.decode("utf-8").replace("\r\n", "\n") == page()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of every table row below `heading` and above the next heading of its level."""
    section = text.split(f"\n{heading}\n", 1)[1].split("\n## ", maxsplit=1)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_record_kink_and_public_name_is_on_the_page():
    text = page()
    assert {name for named in table().values() for name in named} == set(PRIMITIVES)
    for module, named in table().items():
        found = rows(text, f"## {module.__name__.rpartition('.')[2].replace('_', ' ').capitalize()}")
        assert [row[0].partition("(")[0].strip("`") for row in found[2:]] == list(named)
    kinks = [row[0].strip("`") for row in rows(text, "## Conventions at kinks")]
    expected = [name for name, p in PRIMITIVES.items() for _ in p.kinks]
    expected += [name for name, known in KINKS.items() for _ in known]
    expected += [name for name, points in SINGULAR.items() for _ in points]
    assert [name for name in kinks if name not in ("operation", "function", "---")] == expected
    for name in tg.__all__:
        assert re.search(rf"`{re.escape(name)}[`(]", text.split("\n## Functions of")[1]), name
    for name in dir(Tensor):
        assert name.startswith("_") or re.search(rf"`{re.escape(name)}[`(]", text.split("\n## Methods")[1]), name


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head():
    head: list[str] | None = None
    count = 0
    for line in page().splitlines():
        if not line.startswith("|"):
            head = None
            continue
        cells = re.split(r"(?<!\\)\|", line)
        assert cells[0] == cells[-1] == ""
        assert line.count("`") % 2 == 0, f"a code span that does not end: {line}"
        head = head or cells
        assert len(cells) == len(head), line
        count += 1
    assert count > 200


def test_every_row_of_the_operations_says_what_is_returned_and_how_it_is_differentiated():
    for module in table():
        for row in rows(page(), f"## {module.__name__.rpartition('.')[2].replace('_', ' ').capitalize()}")[2:]:
            name, _, value, derivative, kept, kind, taken, tested = row
            assert value, f"{name} has no docstring"
            assert (derivative == "none") == (kind == "constant"), name
            assert kept, name
            assert taken in ("yes", "refused"), name
            assert tested, name
            assert "lambda" not in derivative, name


def test_a_second_name_of_a_function_gets_a_row_of_its_own(monkeypatch):
    for name, value in {"times": tg.ops.mul, "total": tg.sum}.items():
        monkeypatch.setattr(tg, name, value, raising=False)
        monkeypatch.setattr(tg, "__all__", [*tg.__all__, name])
    found = {row[0].partition("(")[0].strip("`"): row for row in rows(page(), "## Functions of `tensorgrad`")}
    assert found["times"] == ["`times(a, b)`", "`a * b`", "primitive", "`torch.times`"]
    assert found["total"][1:3] == found["sum"][1:3]


ELEMENTWISE = [name for name, p in PRIMITIVES.items() if p.kind == "elementwise"]
SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


def read_back(text: str) -> str:
    """The formula of a partial as Python text."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+", lambda m: "**" + m[0].translate(SUPERSCRIPT), text)
    for sign, python in {
        "−": "-",
        "·": "*",
        "^": "**",
        "√": "sqrt",
        "π": "pi",
        " = ": " == ",
        "¬": "logical_not",
    }.items():
        text = text.replace(sign, python)
    return re.sub(r"(sqrt|logical_not)(\w+)", r"\1(\2)", text)


def by_place(p, *given):
    """The forward function of `p`, with its parameters behind its arguments, as formulas give them."""
    count = len(given) if p.signature.variadic else len(p.signature.arguments)
    return p.forward(*given[:count], **dict(zip(p.signature.parameters, given[count:], strict=False)))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_printed_partial_has_the_value_of_the_rule(name):
    p = PRIMITIVES[name]
    rng = np.random.default_rng(0)
    x = [rng.uniform(0.3, 0.9, 5) for _ in p.signature.arguments]
    if name == "where":
        x[0] = x[0] > 0.5
    if name == "acosh":
        x[0] = x[0] + 1
    params = {**p.signature.defaults, **({"low": 0.4, "high": 0.8} if name == "clip" else {})}
    known = {**dict(zip(p.signature.arguments, x, strict=True)), "y": p.forward(*x, **params), **params}
    ops = {key: functools.partial(by_place, q) for key, q in PRIMITIVES.items()} | {"pi": math.pi}
    for rule in p.stated["partial"]:
        text = formula(rule)
        if not callable(rule) or "`" in text or helpers(rule):
            continue  # a number, or a helper function that its docstring explains
        wanted = rule(**{key: known[key] for key in rule.__code__.co_varnames[: rule.__code__.co_argcount]})
        np.testing.assert_allclose(eval(read_back(text), {**ops, **known}), wanted, rtol=1e-14, equal_nan=False)


def helper(x, n):
    return x / (n - 1)


def explained(x):
    """Return `x` somehow."""
    return x


FORMULAS = [
    (lambda a, b: a - (b - a), "a − (b − a)"),
    (lambda a, b: (a - b) - a, "a − b − a"),
    (lambda a, b: a / (b * a), "a / (b · a)"),
    (lambda a, b: (a + b) * a, "(a + b) · a"),
    (lambda a, b: -(a + b), "−(a + b)"),
    (lambda a, b: (-a) ** 2 + b**-1, "(−a)² + b⁻¹"),
    (lambda a, b: (a + b) * (a + b), "(a + b)²"),
    (lambda a, b: a ** (b - 1), "a^(b − 1)"),
    (lambda y: sqrt(1 - y * y) * sqrt(y), "√(1 − y²) · √y"),
    (lambda g, b: matmul(g, swapped(b)), "g @ bᵀ"),
    (lambda g, b: linear(g, swapped(b)), "g @ b"),
    (lambda a, b: a * (b @ a) * (b // a), "a · (b @ a) · (b // a)"),
    (lambda a, b: (a @ b) * a - a @ b, "(a @ b) · a − a @ b"),
    (lambda g, x_shape: reshape(g, shape=x_shape), "reshape(g, shape(x))"),
    (lambda g, x: g.sum(axis=0) * x.shape[0], "sum(g, 0) · shape(x)[0]"),
    (lambda x: where(x == 0, 0.0, np.sign(x)), "where(x == 0, 0.0, sign(x))"),
    (lambda g: g[..., None, -1:], "g[..., None, −1:]"),
    (lambda x: abs(x) * (1 if x > 0 else 2), "|x| · (1 if x > 0 else 2)"),
    (lambda a, b: helper(a + b, b), "(a + b) / (b − 1)"),
    (lambda x: explained(x + 1), "explained(x + 1)"),
    (cos, "cos(x)"),
    (explained, "`x` somehow"),
    (-1, "−1"),
    (None, "none"),
]


@pytest.mark.parametrize(("rule", "expected"), FORMULAS, ids=[expected for _, expected in FORMULAS])
def test_a_rule_reads_as_mathematics(rule, expected):
    assert formula(rule) == expected


def test_two_lambdas_on_one_line_are_told_apart():
    pair = (lambda a: a + 1, lambda a: a + 2)
    assert [formula(rule) for rule in pair] == ["a + 1", "a + 2"]


def test_a_helper_with_a_docstring_is_explained_and_one_without_is_inlined():
    assert helpers(lambda x: explained(helper(x, 3))) == {"explained": explained}
    assert helpers(lambda x: helper(x, 3)) == {}


def defined(g, x):
    half = DENSITY * x
    return g * half


def looped(x):
    for _ in range(2):
        x = x + explained(x)
    return x


def stacked(*parts):
    return parts[0]


DENSITY = 0.5


def test_a_rule_of_several_lines_is_printed_with_its_definitions_and_one_with_a_loop_is_referred_to():
    assert formula(defined) == "g · half where half = DENSITY · x"
    assert helpers(defined) == {"DENSITY": 0.5}
    assert formula(looped) == f"see `looped` in `{__name__}`"
    assert formula(lambda x: stacked(x, x + 1)) == "stacked(x, x + 1)"
    assert formula(lambda x: looped(defined(x, 2))) == "looped(defined(x, 2))"
    assert helpers(lambda x: looped(defined(x, 2))) == {"looped": looped, "defined": defined, "DENSITY": 0.5}


def names(function) -> list[str]:
    return [part if isinstance(part, str) else part.__name__ for part in made_of(function)]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (composed.std, ["mean", "sub", "centred", "where", "length", "mul"]),
        (composed.softplus, ["logaddexp"]),
        (tg.cat, ["reshape", "concatenate"]),
        (Tensor.rsqrt, ["div", "sqrt"]),
        (tg.numel, []),
        (tg.ops.exp, []),
    ],
)
def test_a_composed_function_is_read_for_what_it_is_made_of(function, expected):
    assert names(function) == expected


def test_a_function_made_by_a_decorator_or_a_factory_is_read_as_well():
    def deviation(x: Tensor) -> Tensor:
        return op(x) / 2

    op = composed.std
    deviation.__module__ = "tensorgrad.anywhere"  # only the package's own functions are read

    @functools.wraps(deviation)
    def decorated(*args):
        return deviation(*args)

    assert names(deviation) == names(decorated) == ["div", "std"]


def test_a_parameter_is_not_taken_for_the_function_of_its_name():
    assert "min" in inspect.unwrap(tg.clamp).__code__.co_varnames
    assert "clip" in names(tg.clamp)
    assert not {"min", "max"} & {*names(tg.clamp)}


def test_an_operator_counts_only_between_tensors():
    assert {"div", "add"} <= {*names(composed.softmax), *names(composed.logsumexp)}
    assert "div" not in names(composed.var)  # 1 / (n - correction) is a number


def test_an_op_is_told_from_the_public_function_of_its_name():
    assert is_op(tg.ops.sum)
    assert not is_op(tg.sum)


def test_a_summary_is_the_first_paragraph_on_one_line():
    assert summary(tg.reshape).startswith("the elements of `input` in `shape`")
    assert "\n" not in "".join(summary(op) for named in table().values() for op in named.values())


def test_pytorch_has_every_name_that_the_page_says_it_has():
    torch = pytest.importorskip("torch")

    def known(path: str) -> bool:
        holder = torch
        for part in path.split(".")[1:]:
            if not hasattr(holder, part):
                return False
            holder = getattr(holder, part)
        return True

    public = [*tg.__all__, *(f"Tensor.{name}" for name in dir(Tensor) if not name.startswith("_"))]
    missing = [name for name in public if torch_name(name) and not known(torch_name(name))]
    assert not missing, (
        f"PyTorch has no {missing}: another name is meant, or add them to OWN in tensorgrad/reference/operations.py"
    )
    assert set(public) >= OWN, "a name in OWN is gone"
