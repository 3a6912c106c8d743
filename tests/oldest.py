"""`python -m tests.oldest` prints the oldest libraries that setup.cfg allows, as constraints for pip.

Only what every installation needs, and only wheels: where the oldest release has none for this Python, the next one
that has stands in for it, which is said.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.cfg"


def pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", *arguments, "--disable-pip-version-check"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def requirements() -> dict[str, str]:
    """From each library that an installation needs to the oldest version that setup.cfg allows."""
    config = configparser.ConfigParser()
    config.read(SETUP, "utf-8")
    lines = config["options"]["install_requires"].split()
    return {name: lowest for name, _, lowest in (line.partition(">=") for line in lines)}


def release(version: str) -> tuple[int, ...]:
    """The numbers of a version, without zeros at its end: 2.0 and 2.0.0 are one."""
    return tuple(map(int, re.findall(r"\d+", re.sub(r"(\.0)+$", "", version))))


def allowed(name: str, lowest: str) -> list[str]:
    """The versions of the library `name` from `lowest` on, the oldest first."""
    answer = pip("index", "versions", name)
    found = re.search(r"^Available versions: (.*)$", answer.stdout, re.MULTILINE)
    if found is None:
        raise SystemExit(f"pip does not say which versions of {name} there are: {answer.stderr.strip()}")
    return sorted((v for v in found[1].split(", ") if release(v) >= release(lowest)), key=release)


def oldest(name: str, lowest: str) -> str:
    """The first of the versions from `lowest` on that pip installs from a wheel."""
    for version in allowed(name, lowest):
        tried = pip(
            "install", "--dry-run", "--no-deps", "--only-binary=:all:", "--ignore-installed", f"{name}=={version}"
        )
        if tried.returncode == 0:
            if release(version) != release(lowest):
                print(f"{name} {lowest} has no wheel for this Python: {version} stands in for it", file=sys.stderr)
            return version
    raise SystemExit(f"{name}: no version from {lowest} on has a wheel that pip can install here")


if __name__ == "__main__":
    for name, lowest in requirements().items():
        print(f"{name}=={oldest(name, lowest)}")
