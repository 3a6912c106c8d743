"""The report of the demo: one HTML page that needs nothing beside it."""

from __future__ import annotations

import html
import platform
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

import tensorgrad
from tensorgrad.base.dtypes import Array
from tensorgrad.chapter6.network import predictions
from tensorgrad.functions.elementwise import softmax
from tensorgrad.testing import GradientReport
from tensorgrad.utils.webpage import document, table
from tensorgrad.viz import Drawing

from .network import Dataset, DigitNet
from .training import History, Settings

LOOK = """
iframe{aspect-ratio:var(--ratio)}
@media print{main{display:flex;flex-direction:column}.facts{grid-template-columns:repeat(4,1fr);gap:3mm}
.beside,footer{order:1}.beside{break-before:page;grid-template-columns:46mm 1fr;gap:0 5mm}footer{margin-top:5mm}
.two{grid-template-columns:1.2fr 1fr;gap:0 5mm}.digits{grid-template-columns:repeat(9,1fr);gap:1mm}
.digits li{font-size:.8rem}iframe{width:min(100%,calc(210mm*(var(--ratio))));margin:auto}td,th{font-size:.8rem}
td:nth-child(2){white-space:nowrap}}
"""
"""On paper: two pages of A4; the second has what stands beside the tall drawing of the network."""

SHOWN_DIGITS = 27
LIBRARIES = ("numpy", "matplotlib", "graphviz", "rich")


@dataclass(frozen=True)
class Report:
    """What the page shows; `curves` is an SVG, `gradients` None where the training was stopped before the check."""

    data: Dataset
    settings: Settings
    net: DigitNet
    history: History
    gradients: GradientReport | None
    batchnorm: Drawing
    network: Drawing
    curves: str


def page(report: Report) -> str:
    """Return the HTML page of `report`."""
    sections = [
        _header(report),
        _figure(
            "Training",
            "Cross entropy in nats, and the share of right answers, after each epoch; both in evaluation mode.",
            report.curves,
        ),
        '<div class="beside">'
        + _figure(
            "The network",
            "Each box is a layer. Values go down in black, gradients come up in red. Hover to follow one, click to pin "
            "it. Also in <code>network.svg</code>.",
            _framed(report.network),
        )
        + "<div>"
        + _gradients(report)
        + _digits(report)
        + _particulars(report)
        + "</div></div>",
        _figure(
            "Batch normalisation in detail",
            "The computational graph of one BatchNorm1d layer on a batch of N = 7 examples with D = 3 features: every "
            "primitive operation, and beside each value its gradient. Also in <code>figure-6-17.svg</code>.",
            _framed(report.batchnorm),
        ),
        _footer(report),
    ]
    return document("en", f"tensorgrad demo: {html.escape(report.data.name)}", sections, LOOK)


def _header(report: Report) -> str:
    history, gradients = report.history, report.gradients
    accuracy = f"{history.accuracy['test'][-1]:.2%}" if history.epochs else "none yet"
    verdict = gradients.verdict if gradients else "not run"
    colour = {"passed": "good", "failed": "bad"}.get(verdict, "")
    facts = [
        ("test accuracy", accuracy, f"{len(report.data.x_test):,} images held out", ""),
        ("training time", f"{history.seconds:.1f} s", f"{history.epochs} of {report.settings.epochs} epochs", ""),
        (
            "gradient check",
            verdict,
            f"largest relative error {gradients.largest_error:.1e}" if gradients else "training was stopped",
            colour,
        ),
        ("parameters", f"{sum(p.numel() for p in report.net.parameters()):,}", "learned with Adam", ""),
    ]
    cards = "".join(
        f'<div><dt>{name}</dt><dd class="{css}">{value}<small>{small}</small></dd></div>'
        for name, value, small, css in facts
    )
    stopped = (
        f'<p class="alert" role="status">Training was stopped by Ctrl-C after epoch {history.epochs} of '
        f"{report.settings.epochs}; the page shows the network as it was then.</p>"
        if history.stopped
        else ""
    )
    return (
        f"<header><h1>Learning to read {html.escape(report.data.name)}</h1>"
        f"<p>A network of two hidden layers, trained by tensorgrad on {len(report.data.x_train):,} images of "
        f"{report.data.side} by {report.data.side} pixels.</p></header>{stopped}<dl class='facts'>{cards}</dl>"
    )


def _figure(title: str, words: str, content: str) -> str:
    return f"<section><h2>{title}</h2><p>{words}</p><figure>{content}</figure></section>"


def _framed(drawing: Drawing) -> str:
    """Return the drawing in a frame of its own, where its ids, styles and script meet no other drawing's."""
    size = re.search(r'viewBox="[\d.]+ [\d.]+ ([\d.]+) ([\d.]+)"', drawing.svg)
    ratio = f"{size[1]} / {size[2]}" if size else "3 / 1"
    return (
        f'<iframe title="{html.escape(drawing.heading)}" style="--ratio:{ratio}" scrolling="no" '
        f'srcdoc="{html.escape(_tight(drawing))}"></iframe>'
    )


def _tight(drawing: Drawing) -> str:
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(drawing.heading)}</title><style>body{{margin:0}}svg{{display:block;width:100%}}</style>"
        f"{drawing.svg}</html>"
    )


def _gradients(report: Report) -> str:
    if report.gradients is None:
        return "<section><h2>Gradient check</h2><p>Not run, because the training was stopped.</p></section>"
    rows = [
        (
            f"<code>{html.escape(p.name)}</code>",
            " × ".join(map(str, p.shape)),
            str(p.directions),
            str(p.coordinates),
            f"{p.largest_error:.1e}",
            f"{p.estimate:.1e}",
            f'<span class="{"good" if p.verdict == "passed" else "bad"}">{p.verdict}</span>',
        )
        for p in report.gradients.parameters
    ]
    problems = "".join(f'<p class="alert">{html.escape(problem)}</p>' for problem in report.gradients.problems)
    headings = ("parameter", "shape", "directions", "coordinates", "relative error", "error estimate", "verdict")
    return (
        "<section><h2>Gradient check</h2><p>The gradients of the trained network's loss by backpropagation, in "
        "training mode with a fixed Dropout mask and in float64, against extrapolated central differences: along "
        "random directions in which the whole parameter moves, and at single coordinates drawn at random. The relative "
        "error is the largest one found; the estimate is what the numerical derivative itself may be off by there.</p>"
        f"{problems}{table(headings, rows)}</section>"
    )


def _digits(report: Report) -> str:
    shares = softmax(predictions(report.net, report.data.x_test), -1).array
    labels, answers = report.data.y_test.array, shares.argmax(1)
    wrong = np.flatnonzero(answers != labels)
    chosen = [*wrong[: SHOWN_DIGITS // 2], *np.flatnonzero(answers == labels)][:SHOWN_DIGITS]
    items = "\n".join(
        _digit(report.data.x_test.array[i].reshape(report.data.side, -1), int(labels[i]), int(answers[i]), shares[i])
        for i in chosen
    )
    count = "none is" if not len(wrong) else "one is" if len(wrong) == 1 else f"{len(wrong):,} are"
    return (
        f"<section><h2>Test images</h2><p>Of {len(labels):,} images that the network has not seen in training, "
        f"{count} read wrongly; mistakes come first, framed in red. Below each image is the answer, and how sure of it "
        f'the network is.</p><ul class="digits">{items}</ul></section>'
    )


def _digit(image: Array, label: int, answer: int, shares: Array) -> str:
    right = label == answer
    says = f"{answer}, {shares[answer]:.0%}" if right else f'<span class="bad">{answer}, {shares[answer]:.0%}</span>'
    truth = "" if right else f"<br>is a {label}"
    return f'<li class="{"right" if right else "wrong"}">{picture(image, f"image of a {label}")}{says}{truth}</li>'


def picture(image: Array, name: str) -> str:
    """Return an image (rows, columns) from 0, paper, to 1, ink, as SVG: a path for each of 16 shades of ink.

    >>> picture(np.eye(2), "a diagonal").count("M")
    2
    """
    shades = np.rint(np.clip(image, 0, 1) * 16).astype(int)
    rows, columns = shades.shape
    paths = "".join(
        f'<path fill-opacity="{shade / 16:.2f}" d="{"".join(_runs(shades == shade))}"/>'
        for shade in range(1, 17)
        if (shades == shade).any()
    )
    return (
        f'<svg viewBox="0 0 {columns} {rows}" role="img" aria-label="{html.escape(name)}" fill="#111" '
        f'shape-rendering="crispEdges">{paths}</svg>'
    )


def _runs(mask: Array) -> list[str]:
    """Return an SVG path for each pixel that is set."""
    return [f"M{x} {y}h1v1h-1z" for y, x in np.argwhere(mask)]


def _particulars(report: Report) -> str:
    s = report.settings
    settings = [
        ("data", html.escape(s.data)),
        ("seed", str(s.seed)),
        ("epochs", str(s.epochs)),
        ("images in a batch", str(s.batch)),
        ("rate of learning", f"{s.rate:g}, falling evenly to {s.rate / 10:g}"),
        ("Dropout", f"{s.dropout:.0%} of the hidden units"),
    ]
    versions = [("tensorgrad", tensorgrad.__version__), ("Python", platform.python_version())]
    versions += [(name, installed(name)) for name in LIBRARIES]
    return (
        '<section class="two"><div><h2>Settings</h2>' + table(("setting", "value"), settings) + "</div>"
        "<div><h2>Versions</h2>" + table(("library", "version"), versions) + "</div></section>"
    )


def _footer(report: Report) -> str:
    s = report.settings
    where = " --mnist-dir DIR" if s.data == "mnist" else ""
    command = f"tensorgrad demo --data {s.data}{where} --seed {s.seed} --epochs {s.epochs}"
    return (
        f"<footer>Written by <code>{html.escape(command)}</code>. The same seed gives the same numbers on the same "
        "machine, except for the time.</footer>"
    )


def installed(name: str) -> str:
    """Return the version of the library `name`, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
