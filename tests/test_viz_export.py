"""What leaves the browser: PDF, PNG, TikZ, JSON, Mermaid and DOT, each read back; and the paper that a picture fits."""

from __future__ import annotations

import html
import io
import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn
from tensorgrad.engine.primitive import PRIMITIVES
from tensorgrad.errors import MissingDependencyError, TensorgradError
from tensorgrad.viz import Drawing, draw
from tensorgrad.viz.output.drawing import FORMATS
from tensorgrad.viz.output.latex import latex
from tensorgrad.viz.output.setting import points
from tensorgrad.viz.picture.text import width
from tests.rendered import rendered
from tests.waiting import CEILING

SCHEMA = json.loads((Path(__file__).resolve().parent.parent / "docs" / "drawing.schema.json").read_text("utf-8"))
LETTERS = {"dims": {7: "N", 3: "D"}}


def by_hand(x, gamma, beta):
    mu = x.mean(0)
    xmu = x - mu
    var = (xmu**2).mean(0)
    xhat = xmu / (var + 1e-5).sqrt()
    return gamma * xhat + beta


def figure(**options) -> Drawing:
    """Figure 6-17 of a function as one writes it."""
    x = tg.tensor([[float(i * j % 5) for j in range(3)] for i in range(7)], requires_grad=True)
    gamma, beta = tg.ones(3, requires_grad=True), tg.zeros(3, requires_grad=True)
    return draw(by_hand, x, gamma, beta, names="variables", **LETTERS, **options)


def network(**options) -> Drawing:
    net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Sequential(nn.Linear(3, 3), nn.Tanh()), nn.Linear(3, 2))
    return draw(net, tg.ones(5, 4), **options)


def nan(**options) -> Drawing:
    with np.errstate(invalid="ignore"):
        return draw(lambda x: (x - 1).log().mean(), tg.tensor([0.5, 2.0], requires_grad=True), **options)


DRAWINGS = {
    "figure": figure,
    "network": network,
    "nan": nan,
    "rows": lambda: network(wrap=2),
    "book": lambda: figure(theme="book", width=340, fontsize=8),
    "title": lambda: network(title='A & "b" {c}_d'),
}


@pytest.fixture(scope="module", params=DRAWINGS)
def drawing(request) -> Drawing:
    return DRAWINGS[request.param]()


# Files


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_written_as_its_property_holds_it(tmp_path, suffix):
    if suffix in {".pdf", ".png"}:
        pytest.importorskip("typst")
    found = figure()
    path = found.save(tmp_path / f"graph{suffix.upper()}")
    held = getattr(found, suffix[1:])
    assert path.read_bytes() == (held if isinstance(held, bytes) else held.encode())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_an_unknown_suffix_tells_those_that_are_known(tmp_path):
    with pytest.raises(TensorgradError, match=r"'graph\.jpg': the name must end in \.svg, .*\.pdf, .*\.tex, .*\.dot"):
        figure().save(tmp_path / "graph.jpg")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("format", ["pdf", "png"])
def test_without_the_library_the_error_names_it_and_nothing_is_written(tmp_path, monkeypatch, format):
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(MissingDependencyError, match=rf"a drawing as \.{format} needs typst: pip install typst"):
        figure().save(tmp_path / f"graph.{format}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".tex", ".json", ".mmd", ".dot"])
def test_a_folder_that_is_not_there_is_told(tmp_path, suffix):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        figure().save(tmp_path / "nowhere" / f"graph{suffix}")


# On paper


def streams(pdf: bytes) -> bytes:
    """The content of a PDF, unpacked."""
    found = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)  # its last byte may be that of a line's end
    return b"".join(zlib.decompressobj().decompress(part) if part[:1] == b"\x78" else part for part in found)


def test_a_pdf_is_one_page_of_the_size_of_the_picture_with_texts_as_texts(drawing):
    pytest.importorskip("typst")
    left, bottom, right, top = drawing.scene.bounds()
    pdf = drawing.pdf
    everything = pdf + streams(pdf)
    boxes = re.findall(rb"/MediaBox ?\[([^\]]*)\]", everything)
    assert len(boxes) == 1
    assert [float(n) for n in boxes[0].split()] == pytest.approx([0, 0, right - left, top - bottom], abs=0.02)
    assert b"/FontFile" in everything
    shown = len(re.findall(rb"\bT[jJ]\b", everything))
    assert shown >= sum(bool(text.strip()) for text, _, _ in drawing.scene.texts())


def test_a_png_has_its_pixels_and_the_colours_of_the_theme():
    pytest.importorskip("typst")
    image = pytest.importorskip("PIL.Image")
    found = figure(theme="dark")
    with image.open(io.BytesIO(found.png)) as png:
        left, bottom, right, top = found.scene.bounds()
        assert png.size == pytest.approx(((right - left) * 192 / 72, (top - bottom) * 192 / 72), abs=1.5)
        assert png.convert("RGB").getpixel((2, 2)) == (0x16, 0x18, 0x1D)
        colours = {colour for _, colour in png.convert("RGB").getcolors(1 << 24)}
    assert {(0xFF, 0x6B, 0x6B), (0xE8, 0xE8, 0xE8), (0x22, 0x26, 0x2E)} <= colours


def long(**options) -> Drawing:
    """A chain of 200 operations: 22,000 points in one row."""

    def chain(x):
        for _ in range(200):
            x = x.tanh()
        return x

    return draw(chain, tg.zeros(1), grads=False, **options)


@pytest.mark.parametrize(("format", "most"), [("png", 6_000), ("pdf", 14_400), ("tex", 16_320)])
def test_what_is_larger_than_its_format_has_room_for_is_refused_and_the_cure_cures(format, most, tmp_path):
    found = long(wrap=False)
    for turned in (found, long(rankdir="TB")):
        with pytest.raises(TensorgradError, match=rf"points, and .*width={most}, with depth=1.* or save it as \.svg"):
            turned.save(tmp_path / f"graph.{format}")
    assert not list(tmp_path.iterdir())
    assert found.svg
    cured = long(width=most)
    left, _, right, _ = cured.scene.bounds()
    assert right - left <= most * 1.001
    if format != "tex":
        pytest.importorskip("typst")
    assert getattr(cured, format)


def test_a_png_of_the_largest_size_has_all_its_pixels():
    pytest.importorskip("typst")
    image = pytest.importorskip("PIL.Image")
    with image.open(io.BytesIO(long(width=6_000, wrap=False).png)) as png:
        assert png.width == pytest.approx(16_000, abs=16)


def test_no_place_of_tikz_is_farther_than_tex_can_count():
    text = long(width=16_320, wrap=False).tex
    places = [float(n) for pair in re.findall(r"\((-?[\d.]+),(-?[\d.]+)\)", text) for n in pair]
    assert max(map(abs, places)) <= 16_321


def test_the_words_for_a_picture_say_how_many_circles_they_leave_out():
    assert ", and 141 more" in long().description
    assert " more" not in figure().description


@pytest.mark.parametrize("theme", ["book", None])
@pytest.mark.parametrize("make", [figure, lambda **k: draw(nn.BatchNorm1d(3), tg.ones(7, 3, requires_grad=True), **k)])
def test_figure_6_17_fits_a_column_of_340_points_with_texts_of_8(theme, make):
    found = make(width="340pt", fontsize=8, theme=theme)
    root = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', found.svg)
    assert float(root[1]) <= 340
    assert float(root[2]) <= 480  # a page of a book has some 550
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"[^>]*>[^<]*\S[^<]*</text>', found.svg)]
    assert min(sizes) >= 8
    assert len([outline for outline in found.scene.outlines if outline.vertex.kind != "output"]) in (11, 12)


def test_the_book_writes_mathematics_and_ours_does_when_asked_to():
    for found in (figure(theme="book"), figure(math=True)):
        texts = {text for text, _, _ in found.scene.texts()}
        assert {"x̂", "dx̂", "μ", "xμ", "γ", "β", "×", "x²", "1/N Σᵢ"} <= texts
        assert 'font-style="italic"' in found.svg
        assert {"xhat", "mu"} <= {edge.forward for edge in found.edges}
    assert "xhat" in {text for text, _, _ in figure(theme="book", math=False).scene.texts()}


# Rows


def boxes(scene):
    found = [(t, x, y, width(t, s) * 0.45, s * 0.42) for t, (x, y), s in scene.texts() if t.strip()]
    return [(t, x - wide, y - high, x + wide, y + high) for t, x, y, wide, high in found]


@pytest.mark.parametrize("rows", [2, 3, 4])
def test_rows_are_narrower_and_hold_every_vertex_and_every_arrow_once(rows):
    plain, found = network(), network(wrap=rows)
    assert found.scene.wide < plain.scene.wide / rows * 1.8
    assert [o.vertex.label for o in found.scene.outlines] != []
    assert sorted(o.vertex.id for o in found.scene.outlines) == sorted(o.vertex.id for o in plain.scene.outlines)
    assert [arrow.id for arrow in found.scene.arrows] == [arrow.id for arrow in plain.scene.arrows]
    assert {f.module.id for f in found.scene.frames} == {f.module.id for f in plain.scene.frames}
    assert max(len(arrow.pieces) for arrow in found.scene.arrows) > 1
    for arrow in found.scene.arrows:  # every part bears the name of what goes along it
        assert not arrow.label or len(arrow.centers) >= 1
        assert all(len(piece) % 3 == 1 for piece in arrow.pieces)


@pytest.mark.parametrize("make", [figure, network, lambda **o: draw(nn.BatchNorm1d(3), tg.ones(7, 3), **o)])
@pytest.mark.parametrize("options", [{"width": 340, "fontsize": 8}, {"width": "12cm"}, {"wrap": 3}], ids=str)
def test_in_rows_no_text_stands_on_another(make, options):
    texts = boxes(make(**options).scene)
    for i, (text, left, low, right, high) in enumerate(texts):
        met = [t for t, a, b, c, d in texts[:i] if left < c and a < right and low < d and b < high]
        assert not met, f"{text!r} stands on {met[0]!r}"


@pytest.mark.parametrize("wrap", [None, True, 1, 2, 3, 5], ids=str)
@pytest.mark.parametrize("width", ["150pt", "200pt", "340pt"])
def test_rows_are_read_from_left_to_right_and_from_top_to_bottom(wrap, width):
    found = draw(lambda x: x.exp().sin().tanh().cos().sigmoid().abs().sqrt().log(), tg.tensor([0.5, 0.7]),
                 theme="book", width=width, wrap=wrap).scene  # fmt: skip
    rows = sorted({round(o.center[1]) for o in found.outlines}, reverse=True)
    read = sorted(found.outlines, key=lambda o: (rows.index(round(o.center[1])), o.center[0]))
    assert [o.vertex.id for o in read] == [o.vertex.id for o in found.outlines]
    assert len(rows) >= (wrap or 1)
    assert found.wide <= points(width) * 1.0001
    assert found.smallest_text() >= 8 - 1e-9


def test_an_arrow_ends_at_the_vertex_that_it_leads_to_in_whichever_row():
    found = figure(width=340, fontsize=8).scene
    place = {o.vertex.id: o for o in found.outlines}
    for arrow in found.arrows:
        tail, head = (place[end] for end in arrow.ends)
        for outline, point in ((tail, arrow.pieces[0][0]), (head, arrow.pieces[-1][-1])):
            (x, y), (w, h) = outline.center, outline.half
            assert abs(point[0] - x) <= w + 4
            assert abs(point[1] - y) <= h + 4


def test_a_title_and_a_caption_are_broken_to_the_width():
    found = network(width=240, fontsize=8, title="A title that needs more than one line here, and then some more")
    heads = [note for note in found.scene.notes if note.kind == "title"]
    assert len(heads) > 1
    assert found.scene.wide <= 240.1


# Options


def test_lengths():
    assert [points(length) for length in ("1in", "2.54cm", "25.4 mm", 72, "72pt", "96px")] == pytest.approx([72] * 6)


@pytest.mark.parametrize(("options", "told"), [
    ({"width": "wide"}, "'wide' is no length"), ({"width": -1}, "-1 is no length"), ({"fontsize": 0}, "0 is no length"),
    ({"theme": "neon"}, "theme='neon'.*'light', 'dark', 'print', 'book'"),
    ({"style": {"colour": "#000000"}}, "knows no 'colour': its keys are .*ink"),
    ({"style": {"ink": "red"}}, "'#c8102e'"),
    ({"style": {"font": "x;}</style>"}}, "names of fonts"), ({"wrap": True}, "needs width="),
    ({"wrap": 2, "rankdir": "TB"}, "leave out rankdir"), ({"width": 60, "fontsize": 8}, "points wide with texts of 8"),
])  # fmt: skip
def test_what_cannot_be_is_refused(options, told):
    with pytest.raises(TensorgradError, match=told):
        _ = figure(**options).scene


def test_width_alone_keeps_texts_of_eight_points():
    assert network(width="12cm").scene.smallest_text() >= 8 - 1e-9
    assert network(width="12cm").scene.wide <= points("12cm") * 1.0001
    flat = network(width="12cm", wrap=False).scene
    assert flat.wide == pytest.approx(points("12cm"))
    assert flat.smallest_text() < 8


def test_fontsize_alone_is_the_size_of_the_smallest_text():
    assert figure(fontsize=20).scene.smallest_text() == pytest.approx(20)


@pytest.mark.parametrize(("theme", "ink", "ground"), [
    ("light", "#111111", "#ffffff"), ("dark", "#e8e8e8", "#16181d"), ("print", "#000000", "none"),
    ("book", "#000000", "none"),
])  # fmt: skip
def test_a_theme_is_the_same_in_every_format(theme, ink, ground):
    found = figure(theme=theme)
    assert f"--f:{ink}" in found.svg
    assert f"--g:{ground}" in found.svg.split("</style>")[0].rsplit(".tg.tg{")[-1]
    assert f'color="{ink}"' in found.positioned
    assert json.loads(found.json)["colours"]["ink"] == ink
    assert f"{{tgink}}{{HTML}}{{{ink[1:].upper()}}}" in found.tex


def test_style_changes_a_part_of_a_theme():
    found = figure(theme="print", style={"red": "#00aa00", "font": "Futura"})
    assert "#00aa00" in found.svg
    assert "fontname=Futura" in found.positioned
    assert "#cc0000" not in found.svg


# TikZ


def test_tikz_is_balanced_and_holds_every_element(drawing):
    text = drawing.tex
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert all(line.count("$") % 2 == 0 for line in text.replace(r"\$", "").splitlines())
    circles = len(re.findall(r"circle \[radius=", text))
    assert circles == sum(o.round and o.vertex.kind != "output" for o in drawing.scene.outlines)
    assert text.count("-- cycle;") == len(drawing.scene.arrows)
    texts = [line for line in text.splitlines() if line.startswith(r"\node")]
    assert len(texts) == sum(1 for _ in drawing.scene.texts())


def test_every_sign_of_the_table_of_operations_is_one_of_tex():
    for primitive in PRIMITIVES.values():
        for italic in (True, False):
            text = latex(f"x{primitive.symbol}", italic=italic)
            assert text.isascii(), (primitive.name, text)


def test_tikz_writes_a_real_hat_and_real_subscripts():
    text = figure(theme="book").tex
    assert r"$\hat{x}$" in text
    assert r"$d\hat{x}$" in text
    assert r"$dx_{1}$" in text
    assert r"$x\mu{}$" in text
    assert r"$x^{2}$" in text


@pytest.mark.skipif(not any(map(shutil.which, ("pdflatex", "tectonic"))), reason="no TeX here")
def test_tikz_compiles(drawing, tmp_path):
    path = drawing.save(tmp_path / "graph.tex")
    program = shutil.which("pdflatex")
    command = [program, "-interaction=batchmode", "-halt-on-error", path.name] if program else ["tectonic", path.name]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=CEILING)
    assert (tmp_path / "graph.pdf").stat().st_size > 1000


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no TeX here")
def test_every_sign_compiles(tmp_path):
    signs = "".join(dict.fromkeys("".join(p.symbol for p in PRIMITIVES.values()) + 'αΩ#$%&_{}~^\\<>|"…*ᵢ⁻¹'))
    for italic in (True, False):
        pages = [draw(lambda x: x.exp(), tg.ones(2), title=part, math=italic) for part in (signs[:60], signs[60:])]
        for page in pages:
            path = page.save(tmp_path / "signs.tex")
            command = ["pdflatex", "-interaction=batchmode", "-halt-on-error", path.name]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=CEILING)


# JSON


def checked(value, schema, where="$"):
    """Complain where `value` is not as `schema` has it: the words of JSON Schema that the file uses."""
    if "$ref" in schema:
        return checked(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], where)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None), "integer": int}
    if "type" in schema:
        wanted = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        ok = any(isinstance(value, int | float) and not isinstance(value, bool) if t == "number" else
                 isinstance(value, kinds[t]) for t in wanted)  # fmt: skip
        assert ok, f"{where}: {value!r} is no {wanted}"
    assert value == schema.get("const", value), where
    assert "enum" not in schema or value in schema["enum"], f"{where}: {value!r}"
    assert not isinstance(value, str) or re.search(schema.get("pattern", ""), value), where
    if isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9), where
        for i, item in enumerate(value):
            checked(item, schema.get("items", {}), f"{where}[{i}]")
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= set(value), where
        others, known = schema.get("additionalProperties", {}), schema.get("properties", {})
        for key, item in value.items():
            assert others is not False or key in known, f"{where}.{key}"
            checked(item, known.get(key, others), f"{where}.{key}")
    return None


def test_json_is_as_the_schema_says(drawing):
    found = json.loads(drawing.json)
    checked(found, SCHEMA)
    ids = {node["id"] for node in found["nodes"]}
    assert all({arrow["tail"], arrow["head"]} <= ids for arrow in found["arrows"])
    assert len(found["arrows"]) == len(drawing.scene.arrows)
    for arrow in found["arrows"]:
        assert all(0 <= x <= found["width"] and 0 <= y <= found["height"] for path in arrow["paths"] for x, y in path)


def test_norms_are_those_of_the_arrays_and_unknown_where_they_are_not_finite():
    x = tg.tensor([3.0 + 4.0j, 0.0], requires_grad=True)
    arrows = json.loads(draw(lambda x: x.abs().sum(), x).json)["arrows"]
    assert arrows[0]["norm"] == 5.0
    assert {arrow["norm"] for arrow in json.loads(nan().json)["arrows"]} >= {None}


def test_the_check_sees_what_the_schema_forbids():
    found = json.loads(figure().json)
    for spoil in (lambda f: f.pop("font"), lambda f: f["nodes"][0].update(kind="x"), lambda f: f.update(width="3"),
                  lambda f: f["arrows"][0]["paths"][0][0].pop(), lambda f: f["colours"].update(ink="red")):  # fmt: skip
        spoilt = json.loads(json.dumps(found))
        spoil(spoilt)
        with pytest.raises(AssertionError):
            checked(spoilt, SCHEMA)


def test_the_schema_is_one_that_others_read():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(figure().json))


# Mermaid and DOT


def test_mermaid_read_back_has_every_vertex_and_every_arrow(drawing):
    text = drawing.mmd
    body = text.rpartition("---\n")[2]
    assert body.startswith(f"flowchart {drawing.page.rankdir}\n")
    arrows = re.findall(r"^ *(\w+) (?:-->|-\.->)(?:\|\"[^\"\n]*\"\|)? (\w+)$", body, re.MULTILINE)
    want = [arrow.ends for arrow in drawing.scene.arrows]
    assert sorted(arrows) == sorted(want)
    nodes = set(re.findall(r'^ *(\w+)(?:\(\(|\(\[|\[)"[^"\n]*"(?:\)\)|\]\)|\])$', body, re.MULTILINE))
    assert nodes == {o.vertex.id for o in drawing.scene.outlines}
    lines = [line.strip() for line in body.splitlines()]
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end")
    red = re.search(r"linkStyle ([\d,]+) stroke:(#\w+)", body)
    if red:
        order = [arrow.kind for arrow in drawing.scene.arrows]
        assert {order[int(i)] for i in red[1].split(",")} == {"bwd"}


def test_the_positioned_dot_draws_the_picture_itself(drawing):
    raw = json.loads(rendered(drawing.positioned, engine="nop2", format="json"))
    assert "layout=nop2" in drawing.positioned
    centers = {o["name"]: tuple(map(float, o["pos"].split(","))) for o in raw["objects"] if "pos" in o}
    first = drawing.scene.outlines[0]
    shift = [a - b for a, b in zip(centers[first.vertex.id], first.center, strict=True)]  # Graphviz begins at 0, 0
    for outline in drawing.scene.outlines:
        x, y = centers[outline.vertex.id]
        assert (x - shift[0], y - shift[1]) == pytest.approx(outline.center, abs=0.25)
    drawn = {edge["id"]: edge for edge in raw["edges"]}
    for arrow in drawing.scene.arrows:
        assert drawn[arrow.id]["pos"].count(";") == len(arrow.pieces) - 1
        assert ("lp" in drawn[arrow.id]) == bool(arrow.label and arrow.centers)


def test_a_notebook_is_told_why_there_is_no_picture():
    chain = draw(lambda x: x.exp().sin().exp().sin().exp(), tg.ones(2), width=60, fontsize=30)
    with pytest.raises(TensorgradError):
        _ = chain.svg
    (text,) = chain._repr_mimebundle_().values()
    assert "(no picture: " in text


def test_the_package_graphviz_goes_on_from_there():
    graphviz = pytest.importorskip("graphviz")
    found = figure()
    assert isinstance(found.source, graphviz.Source)
    assert isinstance(found.digraph, graphviz.Digraph)
    assert found.source.source.strip() == found.digraph.source.strip() == found.positioned.strip()
    more = found.digraph
    more.node("mine", pos="10,10!", label="mine")
    assert b">mine<" in rendered(more.source, engine="nop2", format="svg")


@pytest.mark.parametrize("title", ["", 'A "net" <b> & \\l more'])
def test_what_is_too_long_for_an_arrow_stands_below_in_dot_and_mermaid_too(title: str) -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3), nn.Tanh())
    drawing = draw(net, tg.ones(2, 3, requires_grad=True), labels="formulas", title=title)
    wanted: dict[str, str] = {}  # what wraps has several lines, of one number
    for note in drawing.scene.notes:
        if note.kind.startswith("legend"):
            first = note.id.partition("_")[0]
            wanted[first] = f"{wanted.get(first, '')} {note.text}".strip()
    assert len(wanted) > 4
    shown = ET.fromstring(rendered(drawing.dot, engine="dot", format="svg")).iter("{http://www.w3.org/2000/svg}text")
    lines = [text.text or "" for text in shown]
    assert set(wanted.values()) <= set(lines)
    assert title in lines or not title
    (box,) = re.findall(r'^  legend\["(.*)"\]$', drawing.mmd, re.MULTILINE)
    assert html.unescape(box.replace("#42;", "*")).split("<br/>") == list(wanted.values())
    assert "…" not in drawing.dot
    for text in (drawing.dot, drawing.mmd):
        keys = set(re.findall(r'"\((\d+)\)"', text))
        assert keys == {line[1] for line in wanted.values() if line[0] == "("}
