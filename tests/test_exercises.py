"""The exercises of the chapter as notebooks: the right solution, and typical wrong ones, told by what is wrong."""

from __future__ import annotations

import ast
import linecache
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.chapter6 import exercises
from tensorgrad.chapter6.exercises.steppers import ADAGRAD, ADAGRAD_SLIPS, MOMENTUM, MOMENTUM_SLIPS
from tests.inkernel import executed
from tests.notebooks import EXERCISES, SOLUTION, Cell, of_exercise

SOURCES = {path.stem: path.read_text("utf-8") for path in EXERCISES}
CHECKS = {
    "optimisers": ("Momentum", "AdaGrad"),
    "initial_values": ("weights",),
    "batch_normalisation": ("BatchNorm", "running"),
    "regularisation": ("WeightDecay", "Dropout"),
    "hyperparameters": ("split", "draw", "narrow"),
}
SHOWS = ("spreads(weights)", "tg.testing.gradcheck(")

V = "self.momentum * v - self.lr * g"
UPDATE = f"self.v[key] = {V}\n            params[key] += self.v[key]"
LATE = f"params[key] += v\n            self.v[key] = {V}"
DX = "(dxhat - dxhat.mean(0) - xhat * (dxhat * xhat).mean(0)) / std"
DW = "return dout * ctx.lambd * w, None"
EVAL = "return x * (1 - self.ratio)"
MASK = "(tg.rand(x.shape) > self.ratio).to(x.dtype)"
DRAW = "10 ** rng.uniform(np.log10(low), np.log10(high))"
WRONG = {
    "optimisers": [
        (V, "self.momentum * v + self.lr * g", "step 1, params['W']: the sign"),
        (
            "self.v[key] = self.momentum",
            "self.v = {}; self.v[key] = self.momentum",
            "v is not kept from one call to the next",
        ),
        ("v = self.v.get(key, 0.0)", "v = 0.0", "step 2, params['W']: the term a*v is forgotten"),
        (V, "v - self.lr * g", "the factor a of v is forgotten"),
        (V, "self.momentum * v - g", "the factor lr"),
        (V, "self.momentum * v - (1 - self.momentum) * self.lr * g", "weighed by 1 - a"),
        ("params[key] += self.v[key]", "params[key] + self.v[key]", "nothing has moved"),
        (UPDATE, LATE, "W is moved by the old v"),
        ("- self.lr * g\n", "- 0.5 * self.lr * g\n", "it is 0.5 of what it should be"),
        ("self.v[key] = self.momentum", "self.vv[key] = self.momentum", "AttributeError"),
        ("g * g", "g", "step 1, params['W']: h sums up g, and not g*g"),
        ("self.h.get(key, 0.0) + g * g", "g * g", "step 2, params['W']: h is not kept"),
        ("np.sqrt(self.h[key])", "self.h[key]", "the root is forgotten"),
        ("params[key] -= self.lr", "params[key] += self.lr", "the sign of the gradient is wrong"),
    ],
    "initial_values": [
        ("math.sqrt(2 / n_in)", "1 / math.sqrt(n_in)", "relu: the standard deviation is 0.0"),
        ("1 / math.sqrt(n_in)", "1 / n_in", "sigmoid: the standard deviation is 0.0025, expected 0.0500: the root"),
        ("tg.randn(n_in, n_out)", "tg.rand(n_in, n_out)", "was rand meant to be randn"),
        ("tg.randn(n_in, n_out)", "tg.ones(n_in, n_out)", "all weights are equal"),
        ("tg.randn(n_in, n_out)", "tg.randn(n_out, n_in)", "the shape is (100, 400)"),
        ("* std", "", "the numbers are not scaled"),
        ("1 / math.sqrt(n_in)", "1 / math.sqrt(n_out)", "the number of inputs of a unit"),
        ("return tg", "tg", "is there a `return`?"),
    ],
    "batch_normalisation": [
        (DX, "dxhat / std", "dx: the paths through mu and through sigma are forgotten"),
        (" - dxhat.mean(0)", "", "dx: the path through mu is forgotten"),
        (" - xhat * (dxhat * xhat).mean(0)", "", "dx: the path through sigma is forgotten"),
        ("- dxhat.mean(0)", "+ dxhat.mean(0)", "dx: the sign of the path through mu"),
        ("- dxhat.mean(0)", "- dxhat.sum(0)", "dx: 1/N is forgotten in the path through mu"),
        ("(dxhat * xhat).mean(0)", "(dxhat * xhat).sum(0)", "1/N is forgotten in the path through sigma"),
        ("dxhat = dout * gamma", "dxhat = dout", "dx: gamma is forgotten"),
        ("dgamma = (dout * xhat).sum(0)", "dgamma = dout.sum(0)", "dgamma: xhat is forgotten"),
        ("dbeta = dout.sum(0)", "dbeta = -dout.sum(0)", "dbeta: the sign is wrong"),
        ("dbeta = dout.sum(0)", "dbeta = dout.mean(0)", "dbeta: it must be summed over the batch"),
        ("return dx, dgamma, dbeta", "return dx, dgamma, 3 * dbeta", "numerically"),
        ("return dx, dgamma, dbeta", "return dx, dgamma", "BatchNorm stops with"),
        ("0.9 * old + 0.1 * new", "0.1 * old + 0.9 * new", "PyTorch's convention"),
    ],
    "regularisation": [
        (DW, "return -dout * ctx.lambd * w, None", "dW: the sign is wrong"),
        (DW, "return ctx.lambd * w, None", "dW: dout is forgotten"),
        (DW, "return 2 * dout * ctx.lambd * w, None", "dW: it is twice"),
        (DW, "return dout * w, None", "dW: lambda is forgotten"),
        (EVAL, "return x", "evaluation: the scale is missing"),
        (EVAL, "return x / (1 - self.ratio)", "not divided"),
        (EVAL, "return x * self.ratio", "evaluation: it is scaled by ratio"),
        ("if self.training:", "if True:", "evaluation: units are still switched off"),
        ("> self.ratio", "< self.ratio", "training: the mask is the wrong way round"),
        ("return x * mask", "return x * mask / (1 - self.ratio)", "that is PyTorch's way"),
        ("tg.rand(x.shape)", "tg.rand(x.shape[1])", "every row has the same mask"),
        ("return x * mask", "return tg.tensor(x.detach().numpy() * mask.numpy())", "no gradient comes back"),
        (MASK, "tg.rand(x.shape)", "mask holds 0 and 1"),
        ("mask = ", "tg.manual_seed(0); mask = ", "training: the second batch has the mask of the first"),
    ],
    "hyperparameters": [
        ("rows = rng.permutation(len(x))", "rows = np.arange(len(x))", "not shuffled"),
        ("t[first]", "t[rng.permutation(len(x))[:cut]]", "training: the labels do not belong"),
        ("rows[:cut], rows[cut:]", "rows[cut:], rows[:cut]", "the wrong way round: the training data"),
        ("rows[:cut], rows[cut:]", "rows[:cut], rows[:len(x) - cut]", "in both parts"),
        (DRAW, "rng.uniform(low, high)", "draw the exponent evenly"),
        ("10 ** rng", "rng", "is the exponent itself"),
        ("10 ** rng", "np.e ** rng", "from 1e-06 to 0.01: 0.0317 lies outside"),
        (", reverse=True", "", "these are the worst"),
        ("[:keep]", "", "the range of all trials"),
        ("trial[1]", "trial[0]", "these are the largest values"),
    ],
}  # fmt: skip
"""Of each exercise: a line of the solution, what stands there in its place, and a part of the answer."""


def answers(cells: list[Cell]) -> dict[str, exercises.Result]:
    """What the checks say, by what they are given, when the cells have run but for those that show a right solution."""
    module = ModuleType("learner")
    found: dict[str, exercises.Result] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "learner", module)
        for number, cell in enumerate(cells):
            if cell.kind == "code" and not any(text in cell.text for text in SHOWS):
                name = f"<cell {number}>"
                linecache.cache[name] = len(cell.text), None, cell.text.splitlines(keepends=True), name
                tree = ast.parse(cell.text)
                last = tree.body[-1]
                check = isinstance(last, ast.Expr) and ast.unparse(last).startswith("exercises.")
                if check:
                    value = eval(compile(ast.Expression(last.value), name, "eval"), vars(module))
                    found[last.value.args[0].id] = value
                else:
                    exec(compile(tree, name, "exec"), vars(module))
    return found


def test_there_is_one_for_each_section_of_the_chapter() -> None:
    assert set(SOURCES) == set(CHECKS)
    titles = [of_exercise(source)[0].text.split()[1] for source in SOURCES.values()]
    assert sorted(titles) == ["6.1", "6.2", "6.3", "6.4", "6.5"]


@pytest.mark.parametrize("name", CHECKS)
def test_the_right_solution_is_right(name) -> None:
    found = answers(of_exercise(SOURCES[name], solved=True))
    assert tuple(found) == CHECKS[name]
    assert all(found.values())
    assert [repr(answer) for answer in found.values()] == [f"right: {attempt}" for attempt in CHECKS[name]]


@pytest.mark.parametrize("name", CHECKS)
def test_the_notebook_holds_no_solution_and_waits_for_it(name) -> None:
    found = answers(of_exercise(SOURCES[name]))
    assert [str(answer) for answer in found.values()] == [
        f"not yet: {attempt} waits for your lines, in place of `raise NotImplementedError`" for attempt in CHECKS[name]
    ]
    assert not any(found.values())


@pytest.mark.parametrize(
    ("name", "right", "wrong", "told"), [(name, *slip) for name, slips in WRONG.items() for slip in slips]
)
def test_a_wrong_solution_is_told_by_what_is_wrong_and_where(name, right, wrong, told) -> None:
    lines = next(part for part in SOLUTION.finditer(SOURCES[name]) if right in part[0])[0]
    source = SOURCES[name].replace(lines, lines.replace(right, wrong, 1))
    found = answers(of_exercise(source, solved=True))
    failed = [str(answer) for answer in found.values() if not answer]
    assert len(failed) == 1
    assert failed[0].startswith("not yet: ")
    assert told in failed[0]


@pytest.mark.parametrize(
    ("check", "right", "slips"),
    [(exercises.momentum, MOMENTUM, MOMENTUM_SLIPS), (exercises.adagrad, ADAGRAD, ADAGRAD_SLIPS)],
)
def test_every_slip_of_the_tables_is_told_by_its_name(check, right, slips) -> None:
    class Attempt:
        rule = None

        def __init__(self, *_) -> None:
            self.kept = {"W": {}, "b": {}}

        def update(self, params, grads) -> None:
            for key, g in grads.items():
                params[key] = Attempt.rule(params[key], g, self.kept[key])

    Attempt.rule = staticmethod(right)
    assert check(Attempt)
    for why, rule in slips.items():
        Attempt.rule = staticmethod(rule)
        assert why in str(check(Attempt)) or "nothing has moved" in str(check(Attempt))


def test_an_error_is_told_with_the_learners_line() -> None:
    source = SOURCES["optimisers"].replace("self.v.get", "self.velocity.get")
    answer = answers(of_exercise(source, solved=True))["Momentum"]
    assert "Momentum stops with AttributeError" in str(answer)
    assert "v = self.velocity.get(key, 0.0)" in str(answer)


def test_numpys_random_numbers_and_other_dtypes_are_right_as_well() -> None:
    class Dropout(tg.nn.Module):
        def __init__(self, ratio) -> None:
            super().__init__()
            self.ratio = ratio

        def forward(self, x):
            if not self.training:
                return x * (1.0 - self.ratio)
            return x * tg.tensor(np.random.rand(*x.shape) > self.ratio, dtype=x.dtype)  # noqa: NPY002

    assert exercises.dropout(Dropout)
    assert exercises.weights(lambda i, o, a: np.random.randn(i, o) * ((2 if a == "relu" else 1) / i) ** 0.5)  # noqa: NPY002


@pytest.mark.slow
@pytest.mark.parametrize("path", EXERCISES, ids=lambda path: path.stem)
def test_a_kernel_runs_the_solved_notebook(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = executed(of_exercise(SOURCES[path.stem], solved=True), tmp_path, monkeypatch)
    said = [out.data["text/plain"] for cell in made.cells for out in cell.get("outputs", []) if "data" in out]
    assert [text for text in said if text.startswith("right: ")] == [f"right: {name}" for name in CHECKS[path.stem]]
