"""An unchanged PyTorch script runs on this library, and learns which names are missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad.compat import installed
from tensorgrad.compat.__main__ import main
from tensorgrad.compat.runner import Use, lacking, report, uses

ROOT = Path(__file__).resolve().parent.parent

SCRIPT = """
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from torch.autograd import Function

torch.manual_seed(0)
net = nn.Linear(2, 1)
loss = F.mse_loss(net(torch.ones(3, 2)), torch.zeros(3, 1))
loss.backward()
print(type(net.weight.grad).__module__, checkpoint.__module__, sys.argv[1:], __name__)
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tensorgrad.compat", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)


def test_an_unchanged_script_runs_as_main_with_its_arguments(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    answer = run(str(script), "--epochs", "3")
    assert answer.stdout == "tensorgrad.engine.tensor tensorgrad.utils.checkpoint ['--epochs', '3'] __main__\n"
    assert answer.returncode == 0
    assert answer.stderr == ""


COMPILED = """
import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
compiled = torch.compile(model, mode="reduce-overhead", dynamic=False)
optimizer = torch.optim.Adam(compiled.parameters(), lr=0.1)
x, y = torch.randn(16, 3), torch.randn(16, 1)

def loss_of(net):
    optimizer.zero_grad()
    loss = nn.functional.mse_loss(net(x), y)
    loss.backward()
    optimizer.step()
    return loss

@torch.compile(fullgraph=True)
def step():
    return loss_of(model)

losses = [loss_of(compiled).item() for _ in range(5)] + [step().item() for _ in range(5)]
model.compile()
losses += [loss_of(model).item() for _ in range(5)]
print(*compiled.state_dict(), losses[-1] < losses[0])
print(*(len(found) for found in (compiled.plans, step.plans, model.forward.plans)))
"""


def test_a_script_that_compiles_its_model_and_its_steps_runs(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(COMPILED)
    answer = run(str(script))
    assert answer.stderr == ""
    assert answer.stdout == "0.weight 0.bias 2.weight 2.bias True\n1 1 1\n"
    script.write_text("import torch\n@torch.compiler.disable\ndef f(x):\n    return x\nimport torch._dynamo\n")
    answer = run(str(script))
    assert f"{script}:2: torch.compiler is not in tensorgrad: what no plan can repeat runs as it is" in answer.stderr
    assert f"{script}:5: torch._dynamo is not in tensorgrad: what is compiled" in answer.stderr


def test_a_module_beside_the_script_is_found_and_gets_the_same_names(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text("from torch import nn\nclass Net(nn.Linear): pass\n")
    script = tmp_path / "script.py"
    script.write_text("import model\nprint(model.Net(1, 1))\n")
    assert run(str(script)).stdout == "Net(in_features=1, out_features=1, bias=True)\n"


def test_a_missing_name_is_named_with_its_line_and_the_script_fails(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\nx = torch.ones(1)\ny = torch.reshap(x, (1, 1))\n")
    answer = run(str(script))
    assert answer.returncode == 1
    assert f"{script}:3: torch.reshap is not in tensorgrad: nearest: tensorgrad.reshape" in answer.stderr
    assert "line 3, in <module>\n    y = torch.reshap(x, (1, 1))" in answer.stderr
    assert "runpy" not in answer.stderr


def test_an_error_of_the_script_itself_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\nraise SystemExit(7)\n")
    assert run(str(script)).returncode == 7
    script.write_text("import torch\ntorch.ones(2) @ torch.ones(3)\n")
    answer = run(str(script))
    assert answer.returncode == 1
    assert answer.stderr.startswith(f'Traceback (most recent call last):\n  File "{script}", line 2')
    assert "is not in tensorgrad" not in answer.stderr
    script.write_text("import torch\nx = (\n")
    answer = run(str(script))
    assert answer.returncode == 1
    assert "SyntaxError: '(' was never closed" in answer.stderr


def test_an_interrupt_shows_where_the_script_was_and_nothing_of_the_library(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import torch, signal\n"
        "x = torch.ones(2, requires_grad=True)\n"
        "y = x.exp()\n"
        "y.register_hook(lambda g: signal.raise_signal(signal.SIGINT))\n"
        "y.sum().backward()\n"
    )
    answer = run(str(script))
    assert answer.returncode == 130
    assert answer.stderr.startswith(f'Traceback (most recent call last):\n  File "{script}", line 5, in <module>')
    assert answer.stderr.endswith("KeyboardInterrupt\n")
    assert "tensorgrad" not in answer.stderr


def test_names_lists_what_is_missing_and_runs_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "script.py"
    script.write_text("import torch\nfrom torch import fx\ntorch.nn.Lineer(1)\nraise SystemExit('it ran')\n")
    assert main(["--names", str(script)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{script}:2: torch.fx is not in tensorgrad: the recorded graph is data")
    assert lines[1] == f"{script}:3: torch.nn.Lineer is not in tensorgrad: nearest: tensorgrad.nn.Linear"
    script.write_text(SCRIPT)
    assert main(["--names", str(script)]) == 0
    assert "has every name" in capsys.readouterr().out


def test_a_script_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["no-such-script.py"])
    assert caught.value.code == 2
    assert "no-such-script.py: no such file" in capsys.readouterr().err


def test_names_are_read_through_every_form_of_import() -> None:
    source = (
        "import torch, math\nimport torch.nn as nn\nimport torch.optim\nfrom torch.nn import functional as F, Linear\n"
        "F.relu(math.pi)\nLinear(1, 1)\ntorch.optim.SGD([])\nnn.init.zeros_\nx.torch.y\nfrom .torch import z\n"
    )
    assert uses(source) == [
        Use("torch", 1), Use("torch.nn", 2), Use("torch.optim", 3), Use("torch.nn.functional", 4),
        Use("torch.nn.Linear", 4), Use("torch.nn.functional.relu", 5), Use("torch.optim.SGD", 7),
        Use("torch.nn.init.zeros_", 8), Use("torch.nn.init", 8),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "def f(data):\n    data.append(1)\n",
        "def f():\n    data = []\n    data.append(1)\n",
        "def f(rows):\n    for data in rows:\n        data.append(1)\n",
        "def f(*data, **other): data.append\n",
        "f = lambda data: data.append(1)\n",
        "class A:\n    def f(self, data):\n        return lambda: data.append(1)\n",
        "[data.append(1) for data in [[], []]]\n",
        "data = []\ndata.append(1)\n",
        "with open('a') as data:\n    data.append(1)\n",
    ],
)
def test_a_name_that_the_script_gives_another_meaning_is_not_reported(source: str) -> None:
    assert uses(f"from torch.utils import data\n{source}") == [Use("torch.utils.data", 1)]


@pytest.mark.parametrize(
    "source",
    [
        "def f(x=1):\n    return data.append(x)\n",
        "def f(g=lambda data: 1):\n    return data.append(g)\n",
        "def f():\n    global data\n    data.append(1)\n    data = 2\n",
        "try:\n    pass\nexcept ImportError:\n    data = None\ndata.append(1)\n",
        "data.append(1)\ndata = []\n",
        "[x for x in data.append]\n",
        "class A:\n    data = 1\n    def f(self):\n        data.append(1)\n",
    ],
)
def test_a_name_that_means_the_import_is_reported_wherever_it_stands(source: str) -> None:
    assert "torch.utils.data.append" in [use.name for use in uses(f"from torch.utils import data\n{source}")]


def test_attributes_of_classes_and_values_are_left_alone() -> None:
    assert not lacking([Use("torch.Tensor.no_such_method", 1), Use("torch.float32.itemsize", 2)])
    assert report("import torch\ntorch.nn.Module.forward\n", "a.py") == ""


def test_inside_the_context_torch_is_this_library_and_afterwards_what_it_was() -> None:
    before = sys.modules.get("torch")
    with installed():
        import torch
        import torch.nn.functional
        from torch.utils.checkpoint import checkpoint

        assert torch.Tensor is tg.Tensor
        assert torch.__version__ >= "2.0"
        assert torch.__version__.startswith("2.13.0")
        assert tg.__version__ != torch.__version__
        assert torch.nn.functional is tg.nn.functional
        assert checkpoint is tg.utils.checkpoint.checkpoint
        with pytest.raises(
            ModuleNotFoundError, match=r"No module named 'torch\.multiprocessing' on tensorgrad: .* not shared"
        ):
            import torch.multiprocessing
        with pytest.raises(ModuleNotFoundError, match=r"'torch\.random' is not a package"):
            import torch.random.deep
    assert sys.modules.get("torch") is before
    assert tg.__name__ == "tensorgrad"
    assert tg.__spec__ is not None
    assert tg.__spec__.name == "tensorgrad"
    assert not [name for name in sys.modules if name.startswith("torch.") and before is None]


def test_the_context_is_left_after_an_error() -> None:
    finders = list(sys.meta_path)
    with pytest.raises(ZeroDivisionError), installed():
        _ = 1 / 0
    assert sys.meta_path == finders
