"""The gallery is what the code draws."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests import gallery_peers
from tests.gallery import DOCS, FIGURES, page, run, stands
from tests.gallery_networks import networks
from tests.gallery_peers import SAID, SAME, MissingError, needed

AGAIN = "write it anew: python -m tests.gallery"


@pytest.mark.parametrize("figure", FIGURES)
def test_a_picture_is_what_the_code_draws(figure) -> None:
    assert stands(f"gallery/{figure}.svg", run()[0][figure]), AGAIN


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_of_it_is_the_same_where_the_last_bit_of_every_product_sum_and_function_is_another(seed) -> None:
    command = [sys.executable, "-m", "tests.lastbit", str(seed), "tests.gallery", "--check", "--still"]
    run = subprocess.run(command, cwd=DOCS.parent, capture_output=True, text=True, check=False)
    assert run.returncode == 0, f"other bytes than in docs/: {run.stderr}"


def test_the_page_shows_every_picture_and_what_the_code_prints() -> None:
    assert (DOCS / "gallery.md").read_text("utf-8") == page(), AGAIN
    files = {f"{figure}.svg" for figure in FIGURES}
    assert run()[0].keys() == {*FIGURES}
    files |= {f"{subject}-{peer}.png" for subject, said in SAID.items() for peer in said}
    assert {path.name for path in (DOCS / "gallery").iterdir()} == files


THEN = {"decided", "functions", "functions-unfolded", "training", "values"}  # which were not there at first
AT_FIRST = 492_189  # bytes of all others, before files were looked at
WITHOUT_SCRIPT = 452_539
FRAMED = 452  # bytes of the frame around the layer that failed, which was not there at first either


@pytest.mark.parametrize(
    ("left", "most"), [("metadata", 0.4995 * AT_FIRST), ("metadata|script", 0.373 * WITHOUT_SCRIPT)]
)
def test_files_are_half_as_large_as_at_first_and_their_pictures_less(left: str, most: float) -> None:
    """But for what was not there: what is packed behind closed boxes, and most of what the viewer does."""
    others = [figure for figure in FIGURES if figure not in THEN and not figure.startswith("live-")]
    texts = [(DOCS / "gallery" / f"{name}.svg").read_text("utf-8") for name in others]
    assert len(others) == 13
    assert sum(len(re.sub(f"(?s)<({left}).*?</\\1>", "", text).encode()) for text in texts) < most + FRAMED


SEEN = {  # what stands on the pictures of those that draw by Graphviz, and what does not
    ("torchviz", "figure-6-17"): (["NativeBatchNormBackward0", "x", "weight", "bias"], ["mean", "var"]),
    ("torchview", "figure-6-17"): (["BatchNorm1d", "(7, 3)"], ["weight", "mean"]),
    ("torchviz", "values"): (["MulBackward0", "AddBackward0", "AccumulateGrad"], ["10.0", "-3.0"]),
    ("torchview", "values"): (["Expression"], ["Mul", "mul", "-3.0"]),
    ("torchviz", "network-folded"): (["fc1.weight", "MulBackward0", "(100, 64)"], ["Dropout", "Linear", "(32, 64)"]),
    ("torchview", "network-folded"): (["Linear", "Dropout", "relu", "(32, 64)"], ["fc1", "bn1", "weight"]),
    ("torchviz", "dropout"): (["MulBackward0", "(7, 3)"], ["mask", "Dropout"]),
    ("torchview", "dropout"): (["Dropout", "(7, 3)"], ["mask"]),
    ("torchviz", "functions"): (
        ["GeluBackward0", "LogSoftmaxBackward0", "NllLossBackward0", "fc1.weight"],
        ["Linear", "(5, 4)", "(5)"],
    ),
    ("torchview", "functions"): (["Linear", "gelu", "cross_entropy", "(5, 4)", "(5,)"], ["fc1", "weight"]),
    ("torchviz", "decided"): (["DivBackward0", "SumBackward0"], ["PowBackward0", "2.42", "item"]),
    ("torchview", "decided"): (["Scaled", "(3,)"], ["2.42", "item"]),
    ("torchviz", "backward"): (["SqrtBackward0", "MeanBackward1", "gamma"], ["mu", "xmu", "var", "xhat"]),
    ("torchviz", "double-backward"): (["PowBackward0", "MulBackward1", "dout"], ["pow", "SumBackward0", "2.0", "3.0"]),
    ("torchviz", "blocks"): (["TanhBackward0", "1.0.weight"], ["Sequential"]),
    ("torchview", "blocks"): (["Sequential", "Tanh"], ["weight", "x5"]),
    ("torchviz", "not-a-number"): (["LogBackward0"], ["nan", "NaN"]),
    ("torchview", "not-a-number"): (["Logarithm"], ["nan", "NaN", "log"]),
}


@pytest.mark.parametrize(("peer", "subject"), SEEN, ids=str)
@pytest.mark.filterwarnings("ignore")
def test_what_is_said_of_a_picture_is_seen_on_it(peer: str, subject: str) -> None:
    for library in ("torch", peer):
        pytest.importorskip(library, reason=f"{peer} draws where it is installed")
    if shutil.which("dot") is None:
        pytest.skip("no dot here")
    network, inputs = networks()[subject]
    source = getattr(gallery_peers, peer)((network.train(), inputs)).source
    there, missing = SEEN[peer, subject]
    assert [word for word in there if word not in source] == []
    assert [word for word in missing if re.search(rf"(?<![\w.]){re.escape(word)}", source)] == []
    if (peer, subject) == ("torchviz", "blocks"):
        assert len(set(re.findall(r"\t(\d+) \[", source))) == 50


def test_each_picture_has_others_beside_it_or_tells_where_they_stand() -> None:
    still = {figure for figure in FIGURES if not figure.startswith("live-")}  # no other makes live ones
    assert still - {*SAID, *SAME} == {"training", "failure"}  # not shown
    assert not {*SAID} & {*SAME}
    assert {*SAME.values()} <= {*SAID}


def test_what_is_said_is_said_of_networks_that_peers_are_given() -> None:
    pytest.importorskip("torch", reason="the networks are PyTorch's")
    assert networks().keys() == SAID.keys()


def test_a_peer_that_is_not_there_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingError, match="no_such_peer"):
        needed("no_such_peer", program=sys.executable)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingError, match="no dot here"):
        needed("sys", program="dot")
    assert needed("sys") == [sys]
