"""The package as it is published: wheel and archive of the sources, on each Python, with the oldest and newest NumPy.

`python -m tests.pythons` builds both, and for every Python that is found installs the wheel in an environment of its
own, twice, and runs the example of the description there; `--tests` runs the quick tests of the archive besides. It
needs pip to reach a package index; what cannot be had is said, and makes the command fail.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests import oldest

ROOT = Path(__file__).resolve().parent.parent
PYTHONS = ("python3.11", "python3.12", "python3.13")
BUILD = """
import os, sys, tarfile
from setuptools import build_meta

target = sys.argv[1]  # setuptools writes its own
archive = build_meta.build_sdist(target)
with tarfile.open(os.path.join(target, archive)) as packed:
    packed.extractall(os.path.join(target, "unpacked"), filter="data")
os.chdir(os.path.join(target, "unpacked", archive.removesuffix(".tar.gz")))
print("wheel", build_meta.build_wheel(target))
"""


def listed(*options: str) -> list[str]:
    """Return the files of the sources: those that git has, or of which an archive says that it holds them."""
    names: list[str] = []
    if git := shutil.which("git"):
        asked = [git, "ls-files", "-z", *options]
        names = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.split("\0")
    if not any(names):
        names = [name for path in ROOT.glob("*.egg-info/SOURCES.txt") for name in path.read_text("utf-8").splitlines()]
    return [name for name in names if name and (ROOT / name).is_file()]


def sources(target: Path) -> None:
    """Copy what belongs to the sources, without the links, which no archive holds."""
    for name in listed():
        if not (ROOT / name).is_symlink():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target / name)


def built(folder: Path) -> tuple[Path, Path]:
    """Return the archive and the wheel of the sources, made in `folder`."""
    sources(folder / "sources")
    answer = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=folder / "sources", capture_output=True, text=True, check=False
    )
    if answer.returncode:
        raise RuntimeError(answer.stderr)
    (archive,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return archive, wheel


def example() -> str:
    """Return the example of the description."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "description.md").read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


TRIAL = """
import sys, numpy, tensorgrad
assert tensorgrad.__file__.startswith(sys.prefix), tensorgrad.__file__
print(f"Python {sys.version.split()[0]}, NumPy {numpy.__version__}: right")
"""


def tried(python: str, wheel: Path, numpy: str, folder: Path) -> str:
    """Return what the example says in an environment with that Python, the wheel, and a NumPy, or why there is none."""
    environment = folder / f"{Path(python).name}-{re.sub(r'[^0-9.]', '', numpy) or 'newest'}"
    inside = str(environment / "bin" / "python")
    steps = (
        [python, "-m", "venv", str(environment)],
        [inside, "-m", "pip", "install", "-q", "--disable-pip-version-check", str(wheel), numpy],
        [inside, "-W", "error", "-c", example() + TRIAL],
    )
    for step in steps:
        answer = subprocess.run(step, cwd=folder, env=alone(), capture_output=True, text=True, check=False)
        if answer.returncode:
            return f"{Path(python).name} with {numpy}: failed\n{answer.stderr[-2000:]}"
    return answer.stdout.strip()


def alone() -> dict[str, str]:
    """Return the environment without what leads Python to other places."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}


def quick_tests(archive: Path, folder: Path) -> str:
    """Return how the quick tests of the unpacked archive end."""
    root = folder / "unpacked" / archive.name.removesuffix(".tar.gz")
    answer = subprocess.run(["make", "test-fast"], cwd=root, env=alone(), capture_output=True, text=True, check=False)
    last = answer.stdout.strip().splitlines()[-1:] or ["nothing was printed"]
    return f"tests of the archive: {'right' if not answer.returncode else 'failed'}, {last[0]}"


def main() -> None:
    """Try everything, and say it; the exit status is 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tests", action="store_true", help="run the quick tests of the archive, too")
    given = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        archive, wheel = built(folder)
        for python in filter(_runs, PYTHONS):
            for numpy in (f"numpy=={_oldest_of(python)}", "numpy"):
                lines.append(tried(python, wheel, numpy, folder))
                print(lines[-1], flush=True)
        if given.tests:
            lines.append(quick_tests(archive, folder))
            print(lines[-1], flush=True)
    sys.exit(any("failed" in line for line in lines) or None)


def _runs(python: str) -> bool:
    """Return whether there is such a Python: a name on the path may lead to none."""
    return (
        bool(shutil.which(python))
        and not subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode
    )


def _oldest_of(python: str) -> str:
    """Return the oldest NumPy that is allowed and has a wheel for a Python: 2.1 is the first for 3.13."""
    return "2.1.0" if python.endswith("3.13") else oldest.requirements()["numpy"]


if __name__ == "__main__":
    main()
