"""The site of the documents: every page, every public name, every link; nothing is fetched from elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tensorgrad.reference.manual import pages, surface

ROOT = Path(__file__).resolve().parent.parent
FETCHED = re.compile(r"<(?:script|link|img|iframe|source)\b[^>]*?(?:src|href)=[\"']?(?:https?:)?//[^\s>]*")


def test_every_public_name_has_its_place_in_the_reference() -> None:
    found = pages()
    missing = []
    for path in surface():
        home, _, name = path.rpartition(".")
        page = found.get(path, found.get(home, ""))
        if path not in found and f"\n## {name}\n" not in page:
            missing.append(path)
    assert missing == []


def test_every_part_of_the_reference_is_markdown_that_ends() -> None:
    for name, page in pages().items():
        assert page.count("```") % 2 == 0, name
        assert not re.search(r" at 0x[0-9a-f]+", page), f"{name}: an address of this run"


def built(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--config-file", str(config), "-d", str(folder)]
    settings = {**os.environ, "PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_site_is_built_and_fetches_nothing(tmp_path: Path) -> None:
    for needed in ("mkdocs", "material"):
        if importlib.util.find_spec(needed) is None:
            pytest.skip(f"{needed} is not installed: pip install -e '.[docs]' brings what makes the site")
    answer = built(tmp_path, ROOT / "mkdocs.yml")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.html")}
    documents = {path.name for path in (ROOT / "docs").glob("*.md")} - {"README.md"}
    assert {page.replace(".md", ".html") for page in documents} <= names
    assert {f"reference/{name}.html" for name in pages()} | {"index.html", "source/CONTRIBUTING.html"} <= names
    for name in names:
        assert FETCHED.findall((tmp_path / name).read_text("utf-8")) == [], name
    drawn = (tmp_path / "gallery.html").read_text("utf-8")
    assert 'href="gallery/values.svg"' in drawn, "a picture leads to itself, where it can be pointed at"


def test_every_document_is_listed_on_the_site() -> None:
    listed = re.findall(r": ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text("utf-8"), re.MULTILINE)
    beside = {"operations.md", "description.md"}  # in the reference; what the package index shows
    assert {*listed} | beside == {path.name for path in (ROOT / "docs").glob("*.md")}


def test_what_would_be_fetched_is_seen() -> None:
    assert FETCHED.search('<link rel="stylesheet" href="https://fonts.example.org/css">')
    assert FETCHED.search("<script async src=//cdn.example.org/x.js>")
    assert not FETCHED.search('<a href="https://example.org">')
