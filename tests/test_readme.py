"""Every claim of the README that can run is run; its snippets by test_docs."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tensorgrad.cli import main
from tensorgrad.tensor.attach import NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_drawing_commands_run_as_they_stand(tmp_path, monkeypatch, capsys):
    commands = re.findall(r"^tensorgrad (draw .*?)\s*(?:#.*)?$", README, re.MULTILINE)
    assert len(commands) == 3
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for command in commands:
        assert main(shlex.split(command)) == 0
    assert {path.name for path in tmp_path.glob("*.svg")} == {"batchnorm.svg", "mlp.svg"}
    assert capsys.readouterr().out.splitlines()[-1].startswith("return out")


@pytest.mark.parametrize(
    "command", ["make demo", "make test", "make check", "make bench", "make figures", "make test-fast"]
)
def test_the_commands_are_targets_of_the_makefile(command):
    assert command in README
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert command.split()[1] in targets


def test_the_readme_says_how_much_there_is_to_read():
    files = [path for name in ("engine", "ops", "autograd") for path in (ROOT / "tensorgrad" / name).glob("*.py")]
    lines = sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)
    claimed = int(re.search(r"about ([\d,]+) lines to read", README)[1].replace(",", ""))
    assert abs(lines - claimed) < 0.1 * claimed
    functions = int(re.search(r"about (\d+) functions of the package", README)[1])
    assert abs(len(NAMES) - functions) < 10
