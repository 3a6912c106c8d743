"""What a type checker knows of modules: a call has the parameters and the result of `forward`, a layer its settings."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SCRIPT = """
from collections.abc import Callable
import tensorgrad as tg
from tensorgrad import nn

from tensorgrad.utils.data import DataLoader, Subset, TensorDataset, random_split

x = tg.ones(5, 3)
packed = nn.utils.rnn.pack_sequence([x])
pairs = TensorDataset(x, x)

class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)
        self.scale = nn.Parameter(tg.ones(2))
    def forward(self, x):  # type: ignore[no-untyped-def]
        return self.fc(x) * self.scale

def applied(function: Callable[[tg.Tensor], tg.Tensor], module: nn.Module) -> None:
    reveal_type(module(3))                                            # Any
    reveal_type([m for _, m in module.named_modules()])               # list[Module]
    reveal_type(module.eval())                                        # Module

applied(nn.ReLU(), nn.Linear(3, 2))
reveal_type(nn.Linear(3, 2)(x))                                       # Tensor
reveal_type(nn.LeakyReLU(negative_slope=0.1)(x))                      # Tensor
reveal_type(nn.LSTM(3, 4)(x))                                         # tuple[Tensor, tuple[Tensor, Tensor]]
reveal_type(nn.LSTM(3, 4)(packed)[1])                                 # tuple[Tensor, Tensor]
reveal_type(nn.GRU(3, 4)(packed)[0].data)                             # Tensor
reveal_type(tg.autograd.grad(x, x))                                   # tuple[Tensor, ...]
reveal_type(tg.autograd.grad(x, x, allow_unused=True))                # tuple[Tensor | None, ...]
reveal_type(DataLoader(random_split(pairs, [2, 3])[0]))               # DataLoader[tuple[Tensor, ...]]
reveal_type(DataLoader(Subset([1, 2, 3], [0, 2])))                    # DataLoader[int]
reveal_type(nn.Sequential(nn.Linear(3, 2), nn.ReLU())(x))             # Any
reveal_type(Net()(x))                                                 # Any
reveal_type(Net().fc)                                                 # Linear
reveal_type(Net().fc(x))                                              # Tensor
reveal_type(Net().scale)                                              # Parameter
nn.Linear(3, 2)("x")                                                  # error: "__call__" of "Module" has incompatible
nn.Linear(3, 2)(x, x)                                                 # error: Too many arguments
nn.LeakyReLU("x")                                                     # error: "LeakyReLU" has incompatible type "str"
nn.LeakyReLU(slope=0.1)                                               # error: Unexpected keyword argument "slope"
nn.Threshold(1.0)                                                     # error: Missing positional argument "value"
nn.Dropout(0.5, False, None)                                          # error: Too many positional arguments
reveal_type(nn.Dropout().p)                                           # float
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("mypy") is None, reason="mypy is not installed: pip install mypy")
def test_a_type_checker_knows_what_a_module_takes_and_gives(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    command += ["--follow-imports=silent", "--ignore-missing-imports", str(script)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    found: dict[int, str] = {}
    for number, text in re.findall(r"^.*script\.py:(\d+): \w+: (.*)$", told, re.MULTILINE):
        found[int(number)] = re.sub(r"\b([a-z_]+\.)+(?=[A-Z])|builtins\.", "", found.get(int(number), "") + text)
    lines = enumerate(SCRIPT.splitlines(), 1)
    expected = {n: line.rpartition("  # ")[2].strip() for n, line in lines if re.search(r"\)\s+# ", line)}
    assert found.keys() == expected.keys(), told
    for number, text in expected.items():
        part = text.removeprefix("error: ") if text.startswith("error") else f'Revealed type is "{text}"'
        assert part in found[number], (number, found[number])
