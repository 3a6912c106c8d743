"""The gallery is what the code draws."""

from __future__ import annotations

import pytest

from tests.gallery import DOCS, FIGURES, page, torchviz

AGAIN = "write it anew: python -m tests.gallery"


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.name)
def test_a_picture_is_what_the_code_draws(figure) -> None:
    assert (DOCS / "gallery" / f"{figure.name}.svg").read_text("utf-8") == figure.drawing().svg, AGAIN


def test_the_page_shows_every_picture_and_what_the_code_prints() -> None:
    assert (DOCS / "gallery.md").read_text("utf-8") == page(), AGAIN
    files = {f"{figure.name}.svg" for figure in FIGURES} | {"torchviz.svg"}
    assert {path.name for path in (DOCS / "gallery").iterdir()} == files


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_torchvizs_picture_is_torchvizs() -> None:
    for library in ("torch", "torchviz"):
        pytest.importorskip(library, reason="torchviz draws where it is installed")
    assert (DOCS / "gallery" / "torchviz.svg").read_text("utf-8").count("<g ") == torchviz().count("<g ")
