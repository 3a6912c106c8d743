"""The gallery is what the code draws."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.gallery import DOCS, FIGURES, page, stands, torchviz

AGAIN = "write it anew: python -m tests.gallery"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_picture_is_what_the_code_draws(figure) -> None:
    assert stands(f"gallery/{figure.name}.svg", figure.drawing().svg), AGAIN


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_of_it_is_the_same_where_the_last_bit_of_every_product_sum_and_function_is_another(seed) -> None:
    command = [sys.executable, "-m", "tests.lastbit", str(seed), "tests.gallery", "--check"]
    run = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"other bytes than in docs/: {run.stderr}"


def test_the_page_shows_every_picture_and_what_the_code_prints() -> None:
    assert (DOCS / "gallery.md").read_text("utf-8") == page(), AGAIN
    files = {f"{figure.name}.svg" for figure in FIGURES} | {"torchviz.svg"}
    assert {path.name for path in (DOCS / "gallery").iterdir()} == files


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchvizs_picture_is_torchvizs() -> None:
    for library in ("torch", "torchviz"):
        pytest.importorskip(library, reason="torchviz draws where it is installed")
    assert (DOCS / "gallery" / "torchviz.svg").read_text("utf-8").count("<g ") == torchviz().count("<g ")
