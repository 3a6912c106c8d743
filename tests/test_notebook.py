"""What a notebook shows: a real one is run, and its cells hold drawings, outlines and texts."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.base.mime import LINES
from tensorgrad.graph import Graph
from tests.waiting import CEILING, worked

ROOT = Path(__file__).resolve().parent.parent
HTML, SVG, TEXT = "text/html", "image/svg+xml", "text/plain"

CELLS = {
    "setup": """
import tensorgrad as tg
from tensorgrad import nn, viz
from tensorgrad.graph import Graph
model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.ReLU())
x = tg.tensor([[1.0, 2.0, 3.0], [3.0, 1.0, 2.0]], requires_grad=True)
weights = tg.ones(3, requires_grad=True)
weights.name = "weights"
loss = (weights * 2).sum()
""",
    "graph": "Graph.of(loss)",
    "drawing": "viz.draw(model, x)",
    "module": "model",
    "tensor": "weights",
    "freed": "loss.backward()\nGraph.of(loss)",
}


class Page(HTMLParser):
    """The text of an HTML fragment and the documents in its frames; every element must be closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.words, self.frames = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        if tag not in {"meta", "br", "path"}:
            self.open.append(tag)
        self.frames += [value for key, value in attrs if key == "srcdoc"]

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of CELLS shows, by MIME type; a cell that shows nothing has an empty dictionary."""
    nbformat = pytest.importorskip("nbformat", reason="running a notebook needs nbclient: pip install nbclient")
    nbclient = pytest.importorskip("nbclient", reason="running a notebook needs nbclient: pip install nbclient")
    pytest.importorskip("ipykernel", reason="running a notebook needs ipykernel: pip install ipykernel")
    folder = tmp_path_factory.mktemp("notebook")
    own = {f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in ("RUNTIME", "CONFIG", "DATA")}
    own |= {"IPYTHONDIR": str(folder / "ipython"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS.values()])
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # those of the libraries that run notebooks
        for name, value in own.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(
            notebook,
            timeout=CEILING,
            startup_timeout=CEILING,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
        )
        client.execute()  # an exception in a cell is one here
    return {
        name: {kind: data for output in cell.outputs for kind, data in output.get("data", {}).items()}
        for name, cell in zip(CELLS, notebook.cells, strict=True)
    }


@pytest.mark.parametrize("cell", ["graph", "drawing", "freed"])
def test_a_cell_shows_a_drawing_in_three_forms(outputs, cell):
    assert set(outputs[cell]) == {HTML, SVG, TEXT}
    ET.fromstring(outputs[cell][SVG])
    (frame,) = Page(outputs[cell][HTML]).frames
    assert outputs[cell][SVG].strip() in frame
    assert outputs[cell][TEXT].split(": ")[0].isidentifier()


def test_the_drawings_show_the_names_and_the_gradients(outputs):
    (graph,), (drawing,) = (Page(outputs[cell][HTML]).frames for cell in ("graph", "drawing"))
    for name in (">weights<", ">dweights<", ">dout<"):
        assert name in graph
    for name in ("0: Linear", "1: BatchNorm1d", ">γ<", ">dxμ₁<"):
        assert name in drawing


def test_a_module_is_shown_as_its_outline(outputs):
    assert set(outputs["module"]) == {HTML, TEXT}
    words = Page(outputs["module"][HTML]).text
    for told in (
        "0: Linear(in_features=3, out_features=2, bias=True) 8 parameters",
        "weight: float32[2, 3]",
        "2: ReLU",
    ):
        assert told in words
    assert outputs["module"][TEXT].startswith("Sequential(\n  (0): Linear(in_features=3,")


def test_a_tensor_is_shown_as_its_text_alone(outputs):
    assert outputs["tensor"] == {TEXT: "tensor([1., 1., 1.], requires_grad=True)"}


def of_a_kind(kind: str):
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    graph = Graph.of((x * x).sum())
    return {"graph": graph, "drawing": viz.draw(graph), "module": nn.Linear(3, 2)}[kind]


@pytest.mark.parametrize(
    ("kind", "types"), [("graph", [TEXT, SVG, HTML]), ("drawing", [TEXT, SVG, HTML]), ("module", [TEXT, HTML])]
)
def test_include_and_exclude_choose_what_is_made(kind, types):
    found = of_a_kind(kind)
    bundle = found._repr_mimebundle_()
    assert set(bundle) == set(types)
    assert found._repr_mimebundle_(None, None) == found._repr_mimebundle_([], ()) == bundle
    for one in types:
        assert found._repr_mimebundle_(include=[one]) == {one: bundle[one]}
        assert found._repr_mimebundle_(exclude={one}) == {k: v for k, v in bundle.items() if k != one}
        assert found._repr_mimebundle_(include=types, exclude=[one]).keys() == set(types) - {one}
    assert found._repr_mimebundle_(include=["application/pdf"]) == {}


@pytest.mark.parametrize("kind", ["graph", "drawing"])
def test_text_alone_is_had_without_a_picture(kind, monkeypatch):
    monkeypatch.setattr("tensorgrad.viz.output.setting.Page.scene", lambda *_: pytest.fail("placed"))
    assert TEXT in of_a_kind(kind)._repr_mimebundle_(include=[TEXT])


def test_showing_changes_nothing():
    net = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Dropout(0.5))
    x = tg.randn(5, 3, requires_grad=True)
    y = net(x).sum()
    before = {name: value.array.tobytes() for name, value in net.state_dict().items()}
    random = tg.get_rng_state().array.tobytes()
    Graph.of(y)._repr_mimebundle_()
    net._repr_mimebundle_()
    assert x.grad is None
    assert all(p.grad is None for p in net.parameters())
    assert {name: value.array.tobytes() for name, value in net.state_dict().items()} == before
    assert tg.get_rng_state().array.tobytes() == random
    y.backward()
    assert x.grad is not None


def failing_hook():
    def fails(g):
        raise KeyError("no such gradient")

    x = tg.ones(2, requires_grad=True)
    x.register_hook(fails)
    return (x * 2).sum()


def test_a_graph_whose_gradients_fail_is_shown_without_them_and_says_why():
    (page,) = Page(Graph.of(failing_hook())._repr_mimebundle_()[HTML]).frames
    assert "Values alone, without gradients: " in page
    assert "no such gradient" in page
    assert '<g id="f' in page
    assert '<g id="b' not in page


def test_a_long_program_is_drawn_and_told_in_part_and_at_once():
    x = tg.ones(2, requires_grad=True)
    y = x
    for _ in range(5000):
        y = y * 1.0001
    graph = Graph.of(y.sum())
    with worked() as work:
        bundle = graph._repr_mimebundle_()
    assert work.seconds < 20
    assert len(bundle[TEXT].splitlines()) == LINES + 1
    assert f"... {5003 - LINES:,} lines more ..." in bundle[TEXT]
    assert "earlier operations are left out" in bundle[SVG]


# --- the outline of a module ------------------------------------------------------------------------------------------


def outline(module: nn.Module) -> str:
    return module._repr_mimebundle_(include=[HTML])[HTML]


class Evil(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_parameter("<script>alert(1)</script>", nn.Parameter(tg.ones(1)))
        self.add_module("</details>&\"'", nn.ReLU())

    def extra_repr(self) -> str:
        return "<img src=x onerror=alert(1)>"


def test_names_and_settings_are_escaped():
    page = outline(Evil())
    words = Page(page).text
    for shown in (
        "<script>alert(1)</script>: float32[1]",
        "</details>&\"': ReLU()",
        "Evil(<img src=x onerror=alert(1)>)",
    ):
        assert shown in words
    assert "<script" not in page
    assert "<img" not in page


def test_every_parameter_and_buffer_has_its_shape_and_kind():
    net = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2).double(), nn.LazyLinear(3))
    net[1].weight.requires_grad = False
    words = Page(outline(net)).text
    for told in (
        "Sequential() 18 parameters and parameters of unknown shape",
        "0: BatchNorm1d(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True) 8 parameters",
        "running_mean: float32[4] buffer",
        "weight: float64[2, 4] frozen",
        "2: LazyLinear(in_features=0, out_features=3, bias=True) parameters of unknown shape",
        "weight: float32, shape not known before the first call",
    ):
        assert told in words
    assert "0 parameters" not in Page(outline(nn.ReLU())).text


def test_a_shared_parameter_is_counted_once():
    inner = nn.Linear(3, 3)
    assert "Sequential() 12 parameters" in Page(outline(nn.Sequential(inner, nn.ReLU(), inner))).text


def test_deep_levels_are_folded_at_first():
    net = nn.Linear(1, 1)
    for _ in range(4):
        net = nn.Sequential(net)
    page = outline(net)
    assert page.count("<details open>") == 2
    assert page.count("<details>") == 3


def test_a_module_within_itself_ends():
    net = nn.Sequential(nn.ReLU())
    net.add_module("again", net)
    assert Page(outline(net)).text.count("Sequential") == 2


def test_a_big_module_is_listed_in_part_and_at_once():
    net = nn.Sequential(*(nn.Linear(2, 2) for _ in range(5000)))
    with worked() as work:
        page = outline(net)
    assert work.seconds < 5
    assert len(page) < 100_000
    words = Page(page).text
    assert f"Sequential() {6 * 5000:,} parameters" in words
    assert "more" in words.splitlines()[-1]


def test_colours_are_those_of_the_notebook():
    page = outline(nn.Linear(1, 1))
    assert "color:inherit" in page
    assert "#" not in page.partition("</style>")[0]
