"""``tensorgrad draw``: scripts, examples, every option, and one line for every error."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tensorgrad import viz
from tensorgrad.cli import draw as draw_module, main
from tensorgrad.cli.script import split
from tests.waiting import CEILING

ROOT = Path(__file__).resolve().parent.parent

NET = """\
import sys
import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.graph import Graph

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 3)
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(self.fc1(x)).relu()

def product(a, b):
    return (a * b).sum()

def twice(x):
    doubled = x * 2
    return doubled.sum()

def fails(x):
    y = x * 2
    return y @ x.reshape(-1, 2, 7)

model = Net()
x = tg.ones(2, 4)
loss = model(x).sum()
graph = Graph.of(loss)
drawing = viz.draw(loss, title="made in the script")
number = 7
print("the script prints", sys.argv, sys.path[0])

if __name__ == "__main__":
    trained = (loss * 2).relu()
    sys.exit(0)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The working folder, with a script in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")
    return tmp_path


def drawn(*arguments: str) -> str:
    """The SVG that the command writes by default for ``net.py:...``."""
    assert main(["draw", *arguments]) == 0
    text = Path("net.svg").read_text("utf-8")
    ET.fromstring(text)
    return text


def text_of(*arguments: str, capsys) -> str:
    assert main(["draw", *arguments, "--out", "-"]) == 0
    return capsys.readouterr().out


# --- what can be drawn ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "inputs"),
    [
        ("loss", []),
        ("model(x)", []),
        ("model(x)[0:1, :]", []),
        ("graph", []),
        ("drawing", []),
        ("(loss, model(x))", []),
        ("model", ["--shape", "5,4"]),
        ("model", ["--input", "x"]),
        ("model.fc1", ["--shape", "2,4"]),
        ("Net().double()", ["--shape", "5,4"]),
        ("product", ["--shape", "3", "--input", "tg.ones(3)"]),
        ("product", ["--shape", "", "--input", "2.0"]),
        ("lambda: loss * 2", []),
        ("nn.LSTM(3, 2)", ["--shape", "4,1,3"]),
        ("lambda x: {'twice': x * 2, 'text': 'kept out'}", ["--shape", "2"]),
    ],
)
def test_tensors_graphs_drawings_modules_and_functions_are_drawn(expression, inputs, capsys):
    assert "<svg" in drawn(f"net.py:{expression}", *inputs)
    assert "wrote net.svg: " in capsys.readouterr().out


def test_what_was_written_is_told_with_its_size(capsys):
    drawn("net.py:product", "--shape", "3", "--shape", "3")
    assert capsys.readouterr().out.splitlines()[-1] == "wrote net.svg: 4 nodes, 4 edges"


def test_inputs_are_taken_in_their_order(capsys):
    shapes = ["--shape", "2,3", "--input", "tg.ones(3, 5)", "--shape", "5"]
    text = text_of("net.py:lambda a, b, c: a @ b @ c", *shapes, capsys=capsys)
    found = dict(re.findall(r"^([abc]): float32\[([\d,]*)\]", text, re.MULTILINE))
    assert found == {"a": "2,3", "b": "3,5", "c": "5"}


def test_random_inputs_have_the_dtype_of_the_module(capsys):
    assert "float32" not in text_of("net.py:Net().double()", "--shape", "5,4", capsys=capsys)


def test_the_same_command_writes_the_same_bytes():
    assert drawn("net.py:model", "--shape", "5,4") == drawn("net.py:model", "--shape", "5,4")


def test_the_script_is_not_the_main_program_unless_that_is_said(capsys):
    told = refused("net.py:trained", capsys=capsys)
    assert "no name 'trained'" in told
    assert told.endswith("--main\n")
    assert "relu" in drawn("net.py:trained", "--main")


def test_the_script_sees_its_name_alone_and_its_folder_first(tmp_path, capsys):
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "helper.py").write_text("import tensorgrad as tg\nloss = tg.ones(2, requires_grad=True).sum()")
    (inner / "user.py").write_text(f"from helper import loss\n{NET}")
    before = sys.argv, list(sys.path), sys.modules["__main__"]
    try:
        assert main(["draw", "inner/user.py:loss", "--main"]) == 0
    finally:
        sys.modules.pop("helper", None)
    assert f"the script prints ['{Path('inner/user.py')}'] {inner}" in capsys.readouterr().out
    assert (sys.argv, sys.path, sys.modules["__main__"]) == before
    assert Path("user.svg").is_file()


def test_a_script_that_changes_the_folder_does_not_move_the_file(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "net.py").write_text(f"import os\nos.chdir('elsewhere')\n{NET}")
    assert main(["draw", "net.py:loss"]) == 0
    assert (tmp_path / "net.svg").is_file()


def test_a_pytorch_script_is_drawn(capsys):
    Path("net.py").write_text("import torch\nmodel = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.ReLU())")
    assert "0: Linear(3, 2)" in drawn("net.py:model", "--shape", "1,3", "--torch")
    assert getattr(sys.modules.get("torch"), "__name__", "torch") == "torch"


def test_the_option_for_pytorch_is_named_where_it_is_missing(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch", None)
    Path("net.py").write_text("import torch")
    assert "with --torch it is tensorgrad that the script gets" in refused("net.py:loss", capsys=capsys)
    Path("net.py").write_text("class Tensor:\n    __module__ = 'torch'\nloss = Tensor()")
    assert "loss is a Tensor of PyTorch: with --torch" in refused("net.py:loss", capsys=capsys)


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "shown", "hidden"),
    [
        ([], ["fc1: Linear(4, 3)", ">dout<", "xμ"], ["(N, D)"]),
        (["--labels", "shapes"], [">(5, 3)<"], [">xμ<"]),
        (["--labels", "none"], [], [">xμ<"]),
        (["--labels", "formulas"], ["x̂ = xμ * ivar"], []),
        (["--order", "1"], ['class="edge fwd d1"'], ['class="edge bwd']),
        (["--timeout", "600"], [">xμ<"], []),
        (["--depth", "1"], ["15 parameters [+]"], [">xμ<"]),
        (["--depth", "0"], ["21 parameters [+]"], [">xμ<", "15 parameters"]),
        (["--depth", "9"], [">xμ<"], ["parameters [+]"]),
        (["--collapse", "fc1"], ["15 parameters [+]", ">xμ<"], []),
        (["--collapse", "fc1", "--collapse", "BatchNorm1d"], ["15 parameters [+]", "6 parameters [+]"], [">xμ<"]),
        (["--unfold", "none"], [">xμ<"], []),
        (["--title", "A <network>"], ["A &lt;network&gt;"], []),
        (["--no-grads"], [">xμ<"], [">dout<"]),
        (["--labels", "shapes", "--dims", "5=N", "--dims", "3=D"], [">(N, D)<"], [">(5, 3)<"]),
    ],
)
def test_an_option_shows_what_it_says(options, shown, hidden):
    svg = drawn("net.py:model", "--shape", "5,4", *options).replace("\xa0", " ")
    for word in shown:
        assert word in svg
    for word in hidden:
        assert word not in svg


def test_rankdir_turns_the_drawing():
    def width_and_height(*options):
        root = ET.fromstring(drawn("net.py:model", "--shape", "5,4", *options))
        return float(root.get("width")), float(root.get("height"))

    across, down = width_and_height("--rankdir", "LR"), width_and_height("--rankdir", "TB")
    assert across[0] > across[1]
    assert down[0] < down[1]


def test_max_nodes_closes_modules_and_the_caption_is_told(capsys):
    drawn("net.py:model", "--shape", "5,4", "--max-nodes", "6")
    told = capsys.readouterr().out.splitlines()[-1]
    assert "modules are closed" in told
    assert "more than max_nodes=6" in told
    assert main(["draw", "net.py:model", "--shape", "5,4", "--max-nodes", "6", "--out", "-"]) == 0
    captured = capsys.readouterr()
    assert told in captured.err
    assert told not in captured.out


@pytest.mark.parametrize(
    ("arguments", "file", "start"),
    [
        (["--out", "a.svg"], "a.svg", "<svg"),
        (["--out", "a.HTML"], "a.HTML", "<!doctype html>"),
        (["--out", "a.dot"], "a.dot", "digraph"),
        (["--out", "a.txt"], "a.txt", "x: float32[2,4] = constant"),
        (["--out", "a.b", "--format", "dot"], "a.b", "digraph"),
        (["--format", "html"], "net.html", "<!doctype html>"),
    ],
)
def test_the_suffix_or_the_format_says_what_is_written(arguments, file, start):
    assert main(["draw", "net.py:model(x)", *arguments]) == 0
    assert Path(file).read_text("utf-8").startswith(start)
    assert {path.name for path in Path().iterdir()} == {"net.py", file}


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ([], "x: float32[2,4] = constant"),
        (["--format", "svg"], "<svg"),
        (["--format", "dot"], "digraph"),
        (["--format", "mmd"], "flowchart LR"),
        (["--format", "json", "--theme", "book"], '{\n "format": "tensorgrad drawing"'),
        (["--format", "tex", "--width", "8cm", "--fontsize", "8", "--math"], "% Needs TikZ"),
    ],
)
def test_standard_output_holds_the_drawing_alone(options, start, capsys):
    assert main(["draw", "net.py:loss", "--out", "-", *options]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(start)
    assert "the script prints" in captured.err
    assert "the script prints" not in captured.out
    assert {path.name for path in Path().iterdir()} == {"net.py"}


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "options", "size", "words"),
    [
        ("batchnorm", [], "12 nodes, 14 edges", [">γ<", ">dxμ₁<", ">(N, D)<"]),
        ("dropout", [], "3 nodes, 3 edges", [">dx<"]),
        ("mlp", [], "10 nodes, 10 edges", ["fc1: Linear(64, 100)", "bn2: BatchNorm1d(100)", "drop2: "]),
        ("mlp", ["--depth", "9"], "38 nodes, 42 edges", ["1/N Σxᵢ"]),
        ("batchnorm", ["--title", "Mine", "--no-grads"], "12 nodes, 14 edges", ["Mine"]),
    ],
)
def test_an_example_is_drawn_without_a_script(name, options, size, words, capsys):
    for out in ([], ["--out", "again.svg"]):  # from one line: a drawing tells where its operations were called
        assert main(["draw", "--example", name, *options, *out]) == 0
    assert capsys.readouterr().out == f"wrote {name}.svg: {size}\nwrote again.svg: {size}\n"
    svg = Path(f"{name}.svg").read_text("utf-8")
    for word in words:
        assert word in svg
    assert Path("again.svg").read_text("utf-8") == svg


# --- errors -----------------------------------------------------------------------------------------------------------


def refused(*arguments: str, capsys) -> str:
    """What is told, in one line, of a command that writes nothing and ends with status 2."""
    before = {path.name for path in Path().iterdir()}
    assert main(["draw", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("tensorgrad: ")
    assert told.count("\n") == 1
    assert {path.name for path in Path().iterdir()} - {"__pycache__"} == before
    return told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "either script.py:expression or --example NAME"),
        (["net.py:loss", "--example", "mlp"], "either script.py:expression or --example NAME"),
        (["--example", "mlp", "--shape", "3"], "are for scripts"),
        (["net.py"], "'net.py' does not say what to draw: write script.py:expression"),
        (["net.py:"], "does not say what to draw"),
        (["nowhere.py:loss"], "nowhere.py: there is no such file"),
        (["net.py:los"], "net.py has no name 'los'; nearest: loss"),
        (["net.py:qqq"], "to be drawn are there: model, x, loss, graph; "),
        (["net.py:model.fc2"], "has no attribute 'fc2'; nearest: fc1"),
        (["net.py:loss +"], "in 'loss +': SyntaxError: invalid syntax"),
        (["net.py:1 / 0"], "in '1 / 0': ZeroDivisionError: division by zero"),
        (["net.py:sys.exit(3)"], "sys.exit(3) ended the script"),
        (["net.py:number"], "number is of the type int; to be drawn are a Tensor"),
        (["net.py:Net"], "Net is a class: make an instance of it, such as Net(...)"),
        (["net.py:nn"], "nn is of the type module; to be drawn are a Tensor"),
        (["net.py:lambda: None"], "the traced function returned NoneType: there is no Tensor to draw"),
        (["net.py:[]"], "[] is of the type list; to be drawn are a Tensor, several in a tuple"),
        (["net.py:model"], "model is called with (x): missing a required argument: 'x'; give each input by --shape"),
        (["net.py:product", "--shape", "3"], "missing a required argument: 'b'"),
        (["net.py:model", "--shape", "5,4", "--shape", "1"], "too many positional arguments"),
        (["net.py:loss", "--shape", "3"], "takes no inputs"),
        (["net.py:drawing", "--depth", "1"], "is a Drawing and has its options"),
        (["net.py:model", "--input", "y"], "has no name 'y'"),
        (["net.py:model", "--shape", "5,3"], "net.py, line 13: ShapeError: "),
        (["net.py:fails", "--shape", "14"], "net.py, line 24: ShapeError: "),
        (["net.py:loss", "--collapse", "fc9"], "collapse='fc9' is no module of this graph; its modules are: "),
        (["net.py:loss", "--depth", "-1"], "depth=-1: 0 closes the outermost modules"),
        (
            ["net.py:loss", "--out", "a.jpg"],
            "--out a.jpg: the name must end in one of .svg, .html, .pdf, .png, .tex, .json, .mmd, .dot, .txt",
        ),
        (["net.py:loss", "--out", "no/a.svg"], "--out no/a.svg: there is no folder no"),
        (["net.py:loss", "--out", ".", "--format", "svg"], "that is a folder"),
    ],
)
def test_an_error_is_told_in_one_line(arguments, told, capsys):
    assert told in refused(*arguments, capsys=capsys).replace(os.sep, "/")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\ny = (", "net.py, line 2: SyntaxError: '(' was never closed"),
        ("x = 1\nraise ValueError('no\\ndata')", "net.py, line 2: ValueError: no data"),
        ("def f():\n    raise KeyError\n\nf()", "net.py, line 2: KeyError"),
        ("import json\njson.loads('{')", "net.py, line 2: JSONDecodeError: Expecting property name"),
        ("open('nowhere.txt')", "net.py, line 1: FileNotFoundError: "),
        ("import tensorgrad as tg\n\ntg.ones(2) + tg.ones(3)", "net.py, line 3: ShapeError: "),
        ("import sys\nsys.exit(0)", "net.py, line 2: sys.exit(0) ended the script before anything was drawn"),
        ("raise SystemExit('usage: net.py FILE')", "net.py, line 1: sys.exit('usage: net.py FILE') ended the script"),
        ("import no_such_module", "net.py, line 1: ModuleNotFoundError: No module named 'no_such_module'"),
        ("def f(): return f()\nf()", "net.py, line 1: RecursionError: "),
    ],
)
def test_an_error_of_the_script_is_told_with_its_line(source, told, capsys):
    Path("net.py").write_text(source)
    assert told in refused("net.py:loss", capsys=capsys)


def test_a_main_program_may_end_itself_well_but_not_with_an_error(capsys):
    Path("net.py").write_text("import sys, tensorgrad as tg\nloss = tg.ones(2).sum()\nsys.exit(1)")
    assert "line 3: sys.exit(1)" in refused("net.py:loss", "--main", capsys=capsys)


def test_ctrl_c_in_the_script_has_status_130(capsys):
    Path("net.py").write_text("raise KeyboardInterrupt")
    assert main(["draw", "net.py:loss"]) == 130
    assert capsys.readouterr().err == "tensorgrad: stopped by Ctrl-C\n"


def test_no_renderer_is_needed(monkeypatch):
    monkeypatch.setenv("PATH", "")
    for suffix in ("svg", "dot", "txt"):
        assert main(["draw", "net.py:loss", "--out", f"a.{suffix}"]) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["--shape", "a"],
        ["--shape", "-1,2"],
        ["--dims", "N"],
        ["--dims", "7="],
        ["--max-nodes", "0"],
        ["--rankdir", "UP"],
        ["--labels", "loud"],
    ],
)
def test_wrong_arguments_have_status_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["draw", "net.py:loss", *arguments])
    assert caught.value.code == 2
    assert arguments[0] in capsys.readouterr().err.splitlines()[-1]


def test_an_expression_may_hold_colons_and_a_path_a_drive_letter():
    assert split("C:\\work\\net.py:{'a': loss}['a']") == (Path("C:\\work\\net.py"), "{'a': loss}['a']")
    assert split("net.py:f(':.py:')") == (Path("net.py"), "f(':.py:')")


def test_values_are_named_after_the_variables_of_the_script(capsys):
    assert "\nloss: float32[]" in text_of("net.py:loss", "--variables", capsys=capsys)
    assert "\ndoubled: float32[3]" in text_of("net.py:twice", "--shape", "3", "--variables", capsys=capsys)


def test_every_option_of_draw_is_an_option_of_the_command():
    own = {name for name, p in inspect.signature(viz.draw).parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert set(draw_module.OPTIONS) == own - {"seed"}  # the seed is an array: no text for a shell


# --- from outside -----------------------------------------------------------------------------------------------------


def command(*arguments: str) -> subprocess.CompletedProcess:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        [sys.executable, "-m", "tensorgrad", "draw", *arguments],
        env=environment,
        capture_output=True,
        timeout=CEILING,
        check=False,
    )


def test_the_command_writes_text_to_a_pipe_in_utf_8():
    found = command("net.py:model", "--shape", "5,4", "--out", "-", "--format", "svg")
    assert found.returncode == 0
    assert ">xμ<" in found.stdout.decode("utf-8")
    assert b"the script prints" in found.stderr


def test_the_command_fails_with_one_line_and_no_traceback():
    found = command("net.py:los")
    assert (found.returncode, found.stdout.count(b"\n")) == (2, 1)
    assert found.stderr.startswith(b"tensorgrad: net.py has no name 'los'; nearest: loss")
    assert found.stderr.count(b"\n") == 1
