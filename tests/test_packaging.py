"""How the package is put together: one name per module, light imports, every folder listed, no machine's paths."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tests import oldest, pythons

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "tensorgrad"

# Top-level folders with Python files that are no part of the installed package.
OUTSIDE = {"tests", "benchmarks", "docs", "examples"}

LARGEST = 1_750_000
"""Bytes of the wheel at most: what it holds is source, style, and the bundled digits."""

# A path that only one machine has. Not the end of an address or of a relative path: nothing may stand before it.
MACHINE_PATH = re.compile(r"(?<![\w.~])(?:/(?:tmp|work|root|home|farm|Users|mnt)/|[A-Z]:\\Users\\)[A-Za-z.]")


def python_files() -> list[Path]:
    """Every file of the package, through the links; Path.rglob would stop at them."""
    return [
        Path(folder, file)
        for folder, _, files in os.walk(PACKAGE, followlinks=True)
        for file in files
        if file.endswith(".py")
    ]


def machine_paths(files: list[Path]) -> list[str]:
    found = []
    for path in files:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1):
            if MACHINE_PATH.search(line):
                found.append(f"{path}:{number}: a path of one machine: {line.strip()[:100]}")
    return found


@pytest.fixture(scope="module")
def ours() -> list[Path]:
    """Every file of the checkout, or of the archive, that is no file of git, an environment or a cache."""
    names = pythons.listed("-co", "--exclude-standard")
    if not names:
        pytest.skip("neither git nor an archive says which files belong to the sources")
    return [ROOT / name for name in names]


def test_no_file_names_a_path_of_one_machine(ours: list[Path]) -> None:
    found = machine_paths(ours)
    assert not found, "\n".join(found)


def test_a_path_of_one_machine_is_told_from_others(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    bad.write_text("see /" + "home/someone/file\nC:" + "\\Users\\someone\n")
    good.write_text("https://example.org/home/page ./tmp/x a/work/b /usr/bin/env #!/usr/bin/env python\n")
    (tmp_path / "binary").write_bytes(b"\0 /" + b"home/someone")
    assert len(machine_paths([bad])) == 2
    assert not machine_paths([good, tmp_path / "binary"])


def config() -> configparser.ConfigParser:
    read = configparser.ConfigParser()
    read.read(ROOT / "setup.cfg", "utf-8")
    return read


def foreign(files: list[Path]) -> list[str]:
    """Lines that install what is called `tensorgrad` on the package index, or an extra of it: a stranger's project."""
    name = config()["metadata"]["name"]
    ours = re.escape(name.removeprefix("tensorgrad"))
    wrong = re.compile(rf"pip\s+install\b[^`&;|]*?(?<![\w/.-])tensorgrad(?!{ours}\b|[\w/.])|(?<![\w-])tensorgrad\[")
    return [
        f"{path}:{number}: the distribution is called {name}: {line.strip()[:100]}"
        for path in files
        if b"\0" not in (content := path.read_bytes())
        for number, line in enumerate(content.decode("utf-8").splitlines(), 1)
        if wrong.search(line)
    ]


def test_nobody_is_told_to_install_the_project_of_a_stranger(ours: list[Path]) -> None:
    found = foreign(ours)
    assert not found, "\n".join(found)
    assert config()["metadata"]["name"] in (ROOT / "README.md").read_text("utf-8")


def test_the_project_of_a_stranger_is_told_from_this_one(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad", tmp_path / "good"
    pip, extra, name = "pip " + "install", "[plot]", config()["metadata"]["name"]
    bad.write_text(f"{pip} tensorgrad\n{pip} -U 'tensorgrad>=1'\nneeds x: {pip} tensorgrad-x\ntensorgrad{extra}\n")
    good.write_text(
        f"{pip} {name}\n{pip} '{name}{extra}'\n`{pip} .` and tensorgrad\n{pip} tensorgrad/x\n{name}{extra}\n"
    )
    assert len(foreign([bad])) == 4
    assert not foreign([good])


def run(script: str) -> list[str]:
    """The words that `script` prints in a fresh interpreter that finds this checkout."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, '')\n{script}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.split()


@pytest.mark.parametrize("name", ["", ".nn", ".optim", ".viz", ".data", ".testing"])
def test_importing_loads_no_third_party_module_but_numpy(name: str) -> None:
    # numpy.random comes first: what NumPy itself loads is NumPy's, not a dependency of this package.
    script = (
        f"import numpy.random\nbefore = set(sys.modules)\nimport tensorgrad{name}\nprint(*set(sys.modules) - before)"
    )
    loaded = run(script)
    tops = {module.partition(".")[0] for module in loaded}
    assert "tensorgrad" in tops
    standard = {*sys.stdlib_module_names, "__mp_main__"}  # multiprocessing's second name for the running script
    assert tops - standard <= {"tensorgrad", "numpy"}


def test_import_waits_for_nothing_that_only_some_programs_need() -> None:
    script = """
import inspect, numpy
told, before, usual = [], set(sys.modules), inspect.Signature.__init__
inspect.Signature.__init__ = lambda *args, **kwargs: told.append(args) or usual(*args, **kwargs)
import tensorgrad
print(len(told), *set(sys.modules) - before)
"""
    told, *loaded = run(script)
    assert told == "0"  # of some thousand functions nobody has asked yet what they take
    assert "tensorgrad.tensor.names" in loaded
    parts = {
        f"tensorgrad.{name}" for name in ("data", "files", "func", "graph", "linalg", "nn", "optim", "special", "viz")
    }
    files = {f"tensorgrad.{name}" for name in ("autograd.sweep", "create.random", "ops.special", "tensor.inplace")}
    functions = {name for name in loaded if name.startswith("tensorgrad.functions.")}
    assert not {*parts, *files, "dataclasses", "hashlib", "html", "statistics"} & set(loaded)
    assert functions <= {f"tensorgrad.functions.{name}" for name in ("common", "composed", "precision")}


def test_what_loads_later_is_there_when_it_is_asked_for() -> None:
    script = """
import tensorgrad as tg
from tensorgrad.engine.kinds import elementwise
from tensorgrad.engine.primitive import PRIMITIVES

class Mine(tg.Tensor):
    def flatten(self):
        return super().flatten() + 1

print(Mine(tg.zeros(1, 2)).flatten().tolist() == [1, 1])
y = tg.ones(2)
y @= tg.eye(2)
y += 1
y[0] = 5
print(y.tolist() == [5, 2])
try:
    elementwise("logabsdet", abs, None, samples=[], doc="")
except ValueError as error:
    print("twice" in str(error))
print("det" in PRIMITIVES, PRIMITIVES.get("svd") is not None, len(list(PRIMITIVES)) == len(PRIMITIVES) > 110)
print("swa_utils" in dir(tg.optim), tg.viz.film.__module__)
print(tg.viz.plots.plot_lr is tg.viz.plot_lr, hasattr(tg.utils, "x"))
print(tg.autograd.grad is tg.autograd.derivatives.grad, tg.manual_seed is tg.random.manual_seed, tg.sum is tg.sum)
"""
    found = run(script)
    assert found == [*["True"] * 7, "tensorgrad.viz.output.film", "True", "False", *["True"] * 3], found


def test_threads_may_be_the_first_to_use_a_part_or_a_function_all_at_once() -> None:
    script = """
import tensorgrad as tg
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

together = Barrier(8)

def first(k):
    together.wait()
    x = tg.special.entr(tg.linalg.inv(tg.eye(2)) + k)
    try:
        tg.sum(x, 0, keepdim="no")
    except TypeError as error:
        return str(error), tg.nn.Linear(2, 1)(x).shape, str(tg.sum.__signature__)

with ThreadPoolExecutor(8) as pool:
    said = list(pool.map(first, range(8)))
print(len(set(said)), "'keepdim' must be bool" in said[0][0], "keepdims" in said[0][2])
"""
    assert run(script) == ["1", "True", "True"]


def test_every_module_has_one_name() -> None:
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in python_files()}
    run_alone = {name for name in names if name.endswith("__main__")}
    script = "".join(f"import {name.removesuffix('.__init__')}\n" for name in sorted(names - run_alone))
    bare = {link.name for link in PACKAGE.iterdir() if link.is_symlink()}
    assert "nn" in bare
    assert not bare & set(run(f"{script}print(*sys.modules)"))
    # pytest itself has by now imported every file in which it looked for doctests.
    assert not bare & set(sys.modules)


def test_every_folder_is_packaged_linked_and_measured() -> None:
    settings = config()
    packages = set(settings["options"]["packages"].split())
    mapping = dict(line.split(" = ") for line in settings["options"]["package_dir"].strip().splitlines())
    sources = set(settings["coverage:run"]["source"].split())

    inside = {path.parent for path in python_files() if path.name == "__init__.py"}
    assert packages == {".".join(("tensorgrad", *folder.relative_to(PACKAGE).parts)) for folder in inside}
    for package, folder in mapping.items():
        assert (ROOT / folder).resolve() == PACKAGE.joinpath(*package.split(".")[1:]).resolve(), package

    beside = {path.parent.name for path in ROOT.glob("*/__init__.py")} - OUTSIDE - {"tensorgrad"}
    links = {path.name: path.readlink().as_posix() for path in PACKAGE.iterdir() if path.is_symlink()}
    assert links == {name: f"../{name}" for name in beside}
    assert sources == beside | {"tensorgrad"}
    assert set(mapping) == {"tensorgrad", *(f"tensorgrad.{name}" for name in beside)}


def test_every_requirement_says_its_oldest_version() -> None:
    assert oldest.release("2.0") == oldest.release("2.0.0") < oldest.release("2.0.1") < oldest.release("2.10")
    assert "numpy" in oldest.requirements()
    assert all(map(oldest.release, oldest.requirements().values()))


def test_the_extras_name_this_project_and_not_another() -> None:
    extras = config()["options.extras_require"]
    needed = [line for extra in extras.values() for line in extra.split() if "[" in line]
    assert {line.partition("[")[0] for line in needed} == {config()["metadata"]["name"]}
    assert {extra for line in needed for extra in line.partition("[")[2].rstrip("]").split(",")} <= set(extras)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The archive of the sources, and the wheel that is made of it unpacked."""
    pytest.importorskip("setuptools", reason="a wheel is built by setuptools")
    if not pythons.listed():
        pytest.skip("neither git nor an archive says which files belong to the sources")
    return pythons.built(tmp_path_factory.mktemp("published"))


@pytest.mark.slow
def test_an_archive_of_the_sources_holds_what_its_tests_read(published: tuple[Path, Path]) -> None:
    with tarfile.open(published[0]) as packed:
        held = {name.partition("/")[2] for name in packed.getnames()}
    wanted = {name for name in pythons.listed() if not (ROOT / name).is_symlink()}
    assert len(wanted) > 500
    assert wanted - held <= {".gitignore"}


@pytest.mark.slow
def test_a_wheel_made_of_an_archive_of_the_sources_holds_everything(published: tuple[Path, Path]) -> None:
    wheel = published[1]
    held = {name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("tensorgrad/")}
    wanted = {path.relative_to(ROOT).as_posix() for path in python_files()}
    assert wanted <= held
    stubs = {
        "tensorgrad/__init__.pyi",
        "tensorgrad/linalg.pyi",
        "tensorgrad/special.pyi",
        "tensorgrad/tensor/methods.pyi",
    }
    assert {"tensorgrad/py.typed", *stubs} <= held
    assert {"tensorgrad/data/digits.npz", "tensorgrad/data/ATTRIBUTION.md"} <= held
    viewer = [path.name for path in (ROOT / "viz" / "output").iterdir() if path.suffix in {".css", ".js"}]
    assert len(viewer) > 2
    assert {f"tensorgrad/viz/output/{name}" for name in viewer} <= held
    assert wheel.stat().st_size < LARGEST


@pytest.mark.slow
def test_the_wheel_runs_where_it_is_installed_and_nothing_of_the_checkout_is(
    published: tuple[Path, Path], tmp_path: Path
) -> None:
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, capture_output=True)
    inside = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = [str(inside), "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(published[1])]
    # Not where the sources lie: pip would take what is said there of an installation for one.
    subprocess.run(install, cwd=tmp_path, env=pythons.alone(), check=True, capture_output=True)
    library = str(Path(np.__file__).parents[1])
    # What it needs is taken from here, behind its own: no network is asked for.
    start = f"import sys; sys.path.append({library!r})\n{pythons.example()}{pythons.TRIAL}"
    answer = subprocess.run([str(inside), "-I", "-c", start], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.strip().endswith(": right")
    assert (tmp_path / "model.svg").read_text("utf-8").startswith("<svg")


def test_the_description_of_the_index_has_no_link_that_only_a_checkout_can_follow() -> None:
    settings = config()["metadata"]
    assert settings["long_description"] == "file: docs/description.md"
    text = (ROOT / "docs" / "description.md").read_text("utf-8")
    assert not [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("https://")]


def test_one_version_stands_everywhere() -> None:
    version = str(tg.__version__)
    assert config()["metadata"]["version"] == version
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert version in headings[:2]


def test_the_changelog_has_each_kind_once_and_a_version_is_dated_when_it_is_released() -> None:
    log = (ROOT / "CHANGELOG.md").read_text("utf-8")
    for part in re.split(r"^## ", log, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (\w+)$", part, re.MULTILINE)
        assert sorted(set(kinds)) == sorted(kinds), part.splitlines()[0]
        assert set(kinds) <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    (said,) = re.findall(rf"^## \[{re.escape(str(tg.__version__))}\] - (.+)$", log, re.MULTILINE)
    dated = re.search(r"^date-released: (.+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    assert said == (dated[1] if dated else "not released yet"), "what is in the wheel stands under its version"


@pytest.mark.slow
def test_the_wheel_names_the_licences_of_what_it_holds(published: tuple[Path, Path]) -> None:
    archive = zipfile.ZipFile(published[1])
    (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
    told = archive.read(name).decode("utf-8")
    data = {held for held in archive.namelist() if held.endswith((".npz", ".gz", ".csv", ".npy"))}
    assert data == {"tensorgrad/data/digits.npz"}, "name its licence, too"
    assert "\nLicense-Expression: MIT AND CC-BY-4.0\n" in told
    for notice in ("LICENSE", "THIRD-PARTY.md", "data/ATTRIBUTION.md"):
        assert f"\nLicense-File: {notice}\n" in told
        assert any(held.endswith(f".dist-info/licenses/{notice}") for held in archive.namelist())


def test_what_is_not_ours_is_named() -> None:
    notices = (ROOT / "THIRD-PARTY.md").read_text("utf-8").lower()
    assert "tensorgrad/data/digits.npz" in notices
    extras = config()["options.extras_require"]
    needed = [line for extra in extras.values() for line in extra.split() if "[" not in line]
    assert len(needed) > 20
    assert not {line for line in needed if line.partition(">")[0].lower() not in notices}


def test_the_readme_names_every_extra() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert not [extra for extra in config()["options.extras_require"] if f"`{extra}`" not in readme]
