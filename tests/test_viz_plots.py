"""The plots around training: what is drawn is what was given, nothing is lost in silence, same numbers same bytes."""

from __future__ import annotations

import hashlib
import math
import os
import pickle
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import nn, optim, viz
from tensorgrad.errors import ArgumentError, AutogradError, DTypeError, MissingDependencyError, ShapeError
from tensorgrad.viz.plots.collecting import activations
from tensorgrad.viz.plots.linestyles import line_styles
from tensorgrad.viz.plots.series import panels
from tensorgrad.viz.plots.smoothing import smoothed
from tests.waiting import joined

ROOT = Path(__file__).resolve().parent.parent
WITHOUT = "matplotlib is not installed: there is nothing to draw with"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def mpl():
    return pytest.importorskip("matplotlib", reason=WITHOUT)


def bowl(x, y):
    return x**2 / 20 + y**2


def network() -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3), nn.Sigmoid())


def with_gradients() -> nn.Module:
    net = network()
    net(tg.rand(10, 6)).sum().backward()
    return net


EVERY = {
    "curves": lambda: viz.plot_curves({"train_loss": [1.0, 0.5], "test_loss": [1.1, 0.7], "accuracy": [0.5, 0.9]}),
    "smooth": lambda: viz.plot_curves({"loss": [1.0, np.nan, 0.5, 0.0, np.inf]}, smoothing="kaiser", log=True),
    "activations": lambda: viz.plot_activations(network(), tg.ones(10, 6), layers=["ReLU", "0"], title="<a & $b>"),
    "rows": lambda: viz.plot_activations({"a": {"1": [0.1], "2": [0.2]}, "b": {"1": [0.3]}}, log=True),
    "gradients": lambda: viz.plot_gradients({"weight": np.linspace(-1e-3, 2e-3, 50), "bias": tg.tensor([0.0, 1.0])}),
    "images": lambda: viz.plot_images(np.arange(36.0).reshape(4, 9) - 20, title="weights"),
    "paths": lambda: viz.plot_paths(bowl, {"SGD": [(-7, 2), (-6, -1)], "Adam": [(-7, 2), (-6, 1)]}),
    "one": lambda: viz.plot_paths(bowl, {"SGD": [(-7, 2), (-6, -1)]}, minimum=(0, 0), panels=False),
    "lr": lambda: viz.plot_lr(optim.lr_scheduler.StepLR(optim.SGD(network().parameters(), 0.1), 2), 5),
}


# --- every plot -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", EVERY)
def test_a_plot_is_written_as_svg_png_and_pdf_the_same_way_every_time(mpl, tmp_path, name) -> None:
    starts = {".svg": b"<svg", ".png": b"\x89PNG"} | ({".pdf": b"%PDF"} if name == "curves" else {})
    figures = EVERY[name](), EVERY[name]()
    for suffix, start in starts.items():
        first, second = (viz.save_figure(figures[i], tmp_path / f"{i}{suffix}").read_bytes() for i in (0, 1))
        assert first == second
        assert first.startswith(start)
    ET.fromstring((tmp_path / "0.svg").read_text("utf-8"))
    assert len(list(tmp_path.iterdir())) == 2 * len(starts)


SCRIPT = """
import hashlib, sys
sys.path.insert(0, "tests")
from test_viz_plots import EVERY
from tensorgrad import viz
for name in sys.argv[1:]:
    print(hashlib.sha256(viz.figure_svg(EVERY[name]()).encode()).hexdigest())
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.slow
def test_another_process_draws_the_same_bytes_and_never_loads_pyplot(mpl) -> None:
    names = ["curves", "activations", "images", "paths"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "1"}
    command = [sys.executable, "-c", SCRIPT, *names]
    answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=environment)
    svgs = [viz.figure_svg(EVERY[name]()) for name in names]
    assert answer.stdout.split() == [hashlib.sha256(svg.encode()).hexdigest() for svg in svgs]


def test_the_svg_follows_a_dark_page_and_escapes_its_title(mpl) -> None:
    svg = viz.figure_svg(viz.plot_curves({"loss": [1.0, 0.1]}, title='<a & "$b"]]>'))
    root = ET.fromstring(svg)
    assert root.find(f"{SVG}title").text == '<a & "$b"]]>'
    assert "prefers-color-scheme:dark" in svg
    assert "currentColor" in svg
    assert "#222222" not in svg
    texts = {"".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    assert {"epoch", "loss", '<a & "$b"]]>'} <= texts


@pytest.mark.parametrize("name", ["損失", "_private", "$x$", "$", "a\x00b", "%s{}", "<b>&amp;", "\\frac{1}{0}", ""])
def test_any_name_of_a_line_is_shown_letter_by_letter(mpl, name) -> None:
    root = ET.fromstring(viz.figure_svg(viz.plot_curves({"loss": {name: [1.0, 0.5], "other": [2.0, 1.0]}})))
    texts = {"".join(element.itertext()).strip("\u200b") for element in root.iter(f"{SVG}text")}
    assert name.replace("\x00", "␀") in texts | {""}


def test_a_figure_shows_itself_in_a_notebook_and_can_be_pickled(mpl) -> None:
    figure = EVERY["activations"]()
    assert figure._repr_svg_() == viz.figure_svg(figure)
    assert viz.figure_svg(pickle.loads(pickle.dumps(figure))) == viz.figure_svg(figure)


def test_settings_of_the_user_neither_change_a_plot_nor_are_changed(mpl) -> None:
    before = viz.figure_svg(EVERY["curves"]())
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "lines.linewidth": 9}):
        settings = dict(mpl.rcParams)
        assert viz.figure_svg(EVERY["curves"]()) == before
        assert dict(mpl.rcParams) == settings


def test_threads_draw_at_the_same_time(mpl) -> None:
    expected, found = viz.figure_svg(EVERY["curves"]()), []
    threads = [
        threading.Thread(target=lambda: found.append(viz.figure_svg(EVERY["curves"]())), daemon=True) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    joined(*threads)
    assert found == [expected] * 4


def test_an_unknown_suffix_is_refused_and_nothing_is_written(mpl, tmp_path) -> None:
    with pytest.raises(ArgumentError, match=r"must end in \.svg, \.png or \.pdf"):
        viz.save_figure(EVERY["curves"](), tmp_path / "plot.docx")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", EVERY)
def test_without_matplotlib_a_plot_says_what_to_install(monkeypatch, name) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"matplotlib: pip install matplotlib$"):
        EVERY[name]()


# --- curves -----------------------------------------------------------------------------------------------------------


def drawn(axes) -> dict[str, tuple[list[float], list[float]]]:
    """The lines of `axes` that have a name."""
    lines = [line for line in axes.get_lines() if not line.get_label().startswith("_child")]
    return {line.get_label(): (list(line.get_xdata()), list(line.get_ydata())) for line in lines}


def test_the_numbers_drawn_are_the_numbers_given(mpl) -> None:
    series = {
        "train_loss": [3.0, 2.0, 1.0],
        "test_loss": np.array([3.5, 2.5]),
        "test_accuracy": [tg.tensor(0.5), None, tg.tensor(0.75, requires_grad=True)],
        "train_accuracy": tg.tensor([0.5, 1.0, 0.25]),
    }
    loss, accuracy = viz.plot_curves(series).axes
    assert drawn(loss) == {"train": ([1, 2, 3], [3, 2, 1]), "test": ([1, 2], [3.5, 2.5])}
    assert drawn(accuracy) == {"test": ([1, 3], [0.5, 0.75]), "train": ([1, 2, 3], [0.5, 1.0, 0.25])}
    assert (loss.get_ylabel(), accuracy.get_ylabel()) == ("loss", "accuracy")


def test_a_mapping_of_mappings_names_the_panels_and_x_is_the_users(mpl) -> None:
    series = {"cost": {"a": [1, 2], "b": [3, 4]}, "norm": {"a": [5, 6]}}
    figure = viz.plot_curves(series, x=[10, 20], unit="step")
    assert [axes.get_ylabel() for axes in figure.axes] == ["cost", "norm"]
    assert drawn(figure.axes[0]) == {"a": ([10, 20], [1, 2]), "b": ([10, 20], [3, 4])}
    assert figure.axes[1].get_xlabel() == "step"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a", "b"]


def test_panels_that_compare_one_metric_share_its_scale_and_say_it(mpl) -> None:
    series = {"plain": {"train_accuracy": [0.5, 1.0], "test_accuracy": [0.4, 0.7]}, "decay": {"train_accuracy": [0.2]}}
    figure = viz.plot_curves(series | {"cost": {"a": [7.0]}})
    plain, decay, cost = figure.axes
    assert [(axes.get_title(), axes.get_ylabel()) for axes in figure.axes] == [
        ("plain", "accuracy"),
        ("decay", "accuracy"),
        ("", "cost"),
    ]
    assert plain.get_ylim() == decay.get_ylim() != cost.get_ylim()
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["train", "test", "a"]
    assert plain.yaxis.get_major_formatter()(0.5) == "50%"


def test_limits_are_those_of_every_panel(mpl) -> None:
    figure = viz.plot_curves({"loss": [3.0, 0.5], "accuracy": [0.1, 0.9]}, limits=(0, 2))
    assert [axes.get_ylim() for axes in figure.axes] == [(0, 2), (0, 2)]


def test_training_is_solid_and_test_dashed_in_the_colour_of_the_thing() -> None:
    found = panels({"SGD train_loss": [1], "SGD test_loss": [1], "Adam train_loss": [1], "Adam val_loss": [1]}, None)
    styles = list(line_styles(found).values())
    assert [style.dashes for style in styles] == ["-", "--", "-", "-."]
    assert styles[0].colour == styles[1].colour != styles[2].colour == styles[3].colour
    assert styles[0].marker == styles[1].marker != styles[2].marker


@pytest.mark.parametrize("names", [["loss", "train_loss", "test_loss", "val_loss", "dev_loss"], map(str, range(56))])
def test_no_two_lines_of_a_panel_look_the_same(names) -> None:
    found = panels({name: [1.0] for name in names}, None)
    styles = line_styles(found)
    assert len(set(styles.values())) == len(styles) == len(found.popitem()[1])


def test_nan_is_a_gap_and_marked_where_it_happens(mpl) -> None:
    figure = viz.plot_curves({"loss": [1.0, np.nan, 3.0, np.inf, 5.0, 6.0]})
    (axes,) = figure.axes
    line, alone, marks = axes.get_lines()
    assert np.array_equal(line.get_ydata(), [1, np.nan, 3, np.nan, 5, 6], equal_nan=True)
    assert list(alone.get_xdata()) == [1, 3]  # no line shows a point between two gaps
    assert (list(marks.get_xdata()), set(marks.get_ydata())) == ([2, 4], {1.0})
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["NaN or infinite"]


def test_on_a_logarithmic_axis_zero_is_marked_at_the_lower_edge(mpl) -> None:
    figure = viz.plot_curves({"loss": [1.0, 0.0, 0.1, -1.0], "accuracy": [0.0, 0.1, 0.2, 1.0]}, log="loss")
    loss, accuracy = figure.axes
    assert (loss.get_yscale(), accuracy.get_yscale()) == ("log", "linear")
    marks = loss.get_lines()[-1]
    assert (list(marks.get_xdata()), set(marks.get_ydata())) == ([2, 4], {0.0})


@pytest.mark.parametrize("values", [[0.5, 0.2], [0.6, 0.05], [300.0, 0.002]])
def test_a_logarithmic_axis_has_plain_numbers(mpl, values) -> None:
    root = ET.fromstring(viz.figure_svg(viz.plot_curves({"loss": values}, log=True)))
    texts = {"".join(element.itertext()) for element in root.iter(f"{SVG}text")}
    assert (
        len(
            texts
            & ({"0.05", "0.1", "0.2", "0.3", "0.4", "0.5"} if values[0] < 1 else {"0.01", "0.1", "1", "10", "100"})
        )
        >= 3
    )


def test_the_legend_stands_below_and_covers_no_axes(mpl) -> None:
    figure = viz.plot_curves({f"run {i} {split}_loss": [1.0, 2.0] for i in range(6) for split in ("train", "test")})
    viz.figure_svg(figure)  # the layout is made when it is drawn
    box = figure.legends[0].get_window_extent()
    assert box.y1 <= figure.axes[0].get_tightbbox().y0 + 1
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.x1


def test_raw_values_stand_pale_behind_the_smoothed(mpl) -> None:
    values = np.sin(np.arange(30.0))
    raw, front, _ = viz.plot_curves({"loss": values}, smoothing="kaiser").axes[0].get_lines()
    assert np.array_equal(raw.get_ydata(), values)
    assert np.array_equal(front.get_ydata(), smoothed(values, "kaiser"))
    assert raw.get_alpha() < 0.5
    assert raw.get_zorder() < front.get_zorder()


@pytest.mark.parametrize("n", [11, 12, 40])
def test_the_kaiser_window_smooths_as_the_books_formula(n) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    extended = [*x[10:0:-1], *x, *x[:-11:-1]]  # mirrored: the first value once, the last twice
    w = np.i0(2 * np.sqrt(1 - (np.arange(11) / 5 - 1) ** 2)) / np.i0(2)
    expected = [sum(w[k] * extended[i + k] for k in range(11)) / w.sum() for i in range(n + 10)][5 : n + 5]
    assert np.allclose(smoothed(x, "kaiser"), expected, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("n", range(11))
def test_short_curves_keep_their_length_and_constants_their_value(n) -> None:
    for smoothing in ("kaiser", "exponential", 0.99):
        assert np.allclose(smoothed(np.full(n, 3.0), smoothing), np.full(n, 3.0))


def test_exponential_smoothing_weighs_the_past_and_corrects_the_bias() -> None:
    x = np.random.default_rng(0).standard_normal(20)
    for smoothing, w in ((0.9, 0.9), ("exponential", 0.6), (0.0, 0.0)):
        expected = [np.average(x[: i + 1], weights=w ** np.arange(i, -1.0, -1)) for i in range(20)]
        assert np.allclose(smoothed(x, smoothing), expected, rtol=1e-13)


@pytest.mark.parametrize("smoothing", ["kaiser", 0.8])
def test_smoothing_leaves_gaps_and_is_finite_beside_them(smoothing) -> None:
    x = np.arange(30.0)
    x[[0, 7, 8, 29]] = np.nan, np.inf, np.nan, -np.inf
    assert np.array_equal(np.isfinite(smoothed(x, smoothing)), np.isfinite(x))
    y = np.full(30, 2.0)
    y[10] = np.nan
    assert np.nanmax(abs(smoothed(y, smoothing) - 2)) < 1e-12


@pytest.mark.parametrize(
    ("series", "options", "error", "words"),
    [
        ({}, {}, ArgumentError, "found no line"),
        ({"loss": {}}, {}, ArgumentError, "found no line"),
        ({"loss": [1], "other": {"a": [1]}}, {}, ArgumentError, "found both"),
        ({"loss": [[1, 2], [3, 4]]}, {}, ShapeError, r"'loss' has shape \(2, 2\)"),
        ({"loss": [[1, 2], [3]]}, {}, ShapeError, "different lengths"),
        ({"loss": ["low"]}, {}, DTypeError, "'loss'"),
        ({"loss": [1j]}, {}, DTypeError, "real numbers"),
        ({"loss": [1, 2, 3]}, {"x": [1, 2]}, ShapeError, "does not fit the 3 values"),
        ({"loss": [1]}, {"smoothing": "gauss"}, ArgumentError, "'gauss' is not known"),
        ({"loss": [1]}, {"smoothing": 1.0}, ArgumentError, "from 0 to below 1"),
        ({"loss": [1]}, {"log": ["accuracy"]}, ArgumentError, "the panels are 'loss'"),
    ],
)
def test_what_is_no_curve_is_refused(series, options, error, words) -> None:
    with pytest.raises(error, match=words):
        viz.plot_curves(series, **options)


# --- activations and gradients ----------------------------------------------------------------------------------------


def bars(axes) -> tuple[np.ndarray, np.ndarray]:
    values, edges, _ = axes.patches[0].get_data()
    return np.array(values), np.array(edges)


def test_a_histogram_counts_every_value_and_tells_the_rest(mpl) -> None:
    rng = np.random.default_rng(0)
    values = rng.uniform(-0.5, 1.5, (40, 25))
    values[0, :7] = 0.0, 1.0, 0.0, np.nan, np.inf, 0.005, 0.995
    (axes,) = viz.plot_activations({"layer 1": tg.tensor(values)}, bounds=(0, 1)).axes
    shares, edges = bars(axes)
    assert np.allclose(edges, np.arange(31) / 30)
    inside = values[(values >= 0) & (values <= 1)]
    assert np.allclose(shares * 1000, np.histogram(inside, edges)[0])
    assert shares.sum() * 1000 == pytest.approx(inside.size)
    name, told, moments = axes.get_title().split("\n")
    finite = values[np.isfinite(values)]
    saturated = np.sum(~((values > 0.01) & (values < 0.99)) & ~np.isnan(values))
    assert name == "layer 1"
    outside = finite.size - inside.size
    assert told == f"0.2% zero, {saturated / 1000:.1%} saturated, {outside / 1000:.1%} outside, 0.2% not finite"
    assert moments == f"mean {finite.mean():.2g}, std {finite.std():.2g}"


def test_layers_share_their_bins_and_zero_is_an_edge_of_them(mpl) -> None:
    layers = {"a": np.linspace(-1, 2, 50), "b": np.maximum(np.linspace(-3, 3, 51), 0)}
    figure = viz.plot_activations(layers, bins=10)
    (a, edges), (b, others) = map(bars, figure.axes)
    assert np.array_equal(edges, others)
    assert len(a) == 10
    assert 0.0 in edges
    assert edges[0] <= -1
    assert edges[-1] >= 3
    assert a.sum() == pytest.approx(1)
    assert b.sum() == pytest.approx(1)
    assert b[edges[:-1] < 0].sum() == 0  # what is rectified is not drawn left of zero


def test_rows_of_layers_make_rows_of_panels(mpl) -> None:
    rows = {row: {f"layer {i}": np.full(3, i / 5) for i in range(n)} for row, n in (("std 1", 3), ("He", 2))}
    figure = viz.plot_activations(rows, limits=(0, 1))
    assert [axes.get_visible() for axes in figure.axes] == [True] * 5 + [False]
    assert [figure.axes[i].get_ylabel() for i in (0, 3)] == ["std 1", "He"]
    assert [bars(axes)[0].argmax() for axes in figure.axes[:5]] == [0, 6, 12, 0, 6]


def test_the_layers_of_a_module_are_those_it_runs(mpl) -> None:
    net = network().eval()
    x = tg.rand(10, 6)
    figure = viz.plot_activations(net, x)
    names = [axes.get_title().split("\n")[0] for axes in figure.axes]
    kinds = ["Linear", "BatchNorm1d", "ReLU", "Dropout", "Linear", "Sigmoid"]
    assert names == [f"{i}: {kind}" for i, kind in enumerate(kinds)]
    (last,) = viz.plot_activations(net, x, layers=["Sigmoid"]).axes
    shares, edges = bars(last)
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    assert np.allclose(shares * 30, np.histogram(net(x).detach().numpy(), edges)[0])
    assert "saturated" in last.get_title()


@pytest.mark.parametrize("training", [True, False])
def test_watching_a_module_leaves_no_trace(training) -> None:
    net = network().train(training)
    state = {name: value.numpy().copy() for name, value in net.state_dict().items()}
    before = tg.get_rng_state().numpy().copy()
    found = activations(net, (tg.ones(10, 6, requires_grad=True),), [])
    assert [layer.values.shape for layer in found] == [(10, 8)] * 4 + [(10, 3)] * 2
    assert np.array_equal(tg.get_rng_state().numpy(), before)
    for name, value in net.state_dict().items():
        assert np.array_equal(value.numpy(), state[name]), name
    assert all(layer.training == training for layer in net.modules())
    assert all(p.grad is None for p in net.parameters())
    assert not any(layer._hooks and layer._hooks.after for layer in net.modules())


def test_hooks_are_removed_and_statistics_put_back_after_an_exception() -> None:
    class Breaks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(self.norm(x))

    net = Breaks()
    with pytest.raises(RuntimeError):
        activations(net, (tg.rand(5, 2),), [])
    assert not any(layer._hooks and layer._hooks.after for layer in net.modules())
    assert net.norm.running_mean.tolist() == [0, 0]
    assert net.norm.num_batches_tracked.item() == 0
    assert tg.is_grad_enabled()


def test_a_buffer_that_forward_replaces_is_put_back() -> None:
    class Counts(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()
            self.register_buffer("calls", tg.zeros(()))

        def forward(self, x):
            self.calls = self.calls + 1
            return self.act(x)

    net = nn.Sequential(Counts())
    buffer = net[0].calls
    activations(net, (tg.ones(2),), [])
    assert net[0].calls is buffer
    assert buffer.item() == 0


def test_a_layer_that_runs_twice_is_numbered_and_a_layer_alone_is_one() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.Tanh()
            self.rnn = nn.RNN(2, 3)

        def forward(self, x):
            return self.act(self.rnn(self.act(x))[0])

    found = activations(Twice(), (tg.rand(4, 5, 2),), [])
    assert [layer.name for layer in found] == ["act: Tanh", "rnn: RNN", "act: Tanh #2"]
    assert [layer.values.shape for layer in found] == [(4, 5, 2), (4, 5, 3), (4, 5, 3)]
    assert [layer.name for layer in activations(nn.ReLU(), (tg.ones(3),), [])] == ["ReLU"]


class Functional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(2, 2)

    def forward(self, x):
        return x @ self.fc.weight


@pytest.mark.parametrize(
    ("source", "inputs", "options", "words"),
    [
        ({}, (), {}, "the mapping is empty"),
        ({"a": []}, (), {}, "there are no values"),
        ({"a": [1], "b": {"c": [1]}}, (), {}, "found both"),
        ({"a": [1]}, (tg.ones(2),), {}, "takes no inputs"),
        ([1.0], (), {}, "expected a module or a mapping, found list"),
        (Functional(), (tg.ones(1, 2),), {}, r"ran none of its layers \(fc: Linear\)"),
        (network(), (tg.ones(2, 6),), {"layers": ["Tanh"]}, "'Tanh' is no layer"),
        ({"a": [1]}, (), {"bins": 0}, "bins=0"),
        ({"a": [1]}, (), {"limits": (1, 0)}, r"limits=\(1, 0\)"),
        ({"a": [1]}, (), {"bounds": (0, np.inf)}, "two finite numbers"),
    ],
)
def test_what_is_no_activation_is_refused(source, inputs, options, words) -> None:
    with pytest.raises(ArgumentError, match=words):
        viz.plot_activations(source, *inputs, **options)


def test_values_that_are_all_alike_or_not_finite_are_drawn(mpl) -> None:
    figure = viz.plot_activations({"ones": np.ones(5), "nan": [np.nan, np.inf]})
    assert bars(figure.axes[0])[0].sum() == 1
    assert bars(figure.axes[1])[0].sum() == 0
    assert "100% not finite" in figure.axes[1].get_title()


def test_gradients_are_counted_and_their_norms_compared(mpl) -> None:
    net = with_gradients()
    net[4].bias.grad = None
    figure = viz.plot_gradients(net)
    *histograms, norms = figure.axes
    named = dict(net.named_parameters())
    assert [axes.get_title().split("\n")[0] for axes in histograms] == list(named)
    found = norms.get_lines()[0].get_xdata()
    for name, axes, norm in zip(named, histograms, found, strict=True):
        if name == "4.bias":
            assert np.isnan(norm)
            assert "no values" in axes.get_title()
        else:
            g = named[name].grad.numpy().astype(np.float64)
            shares, edges = bars(axes)
            assert shares.sum() == pytest.approx(1)
            assert edges[0] == -edges[-1]
            assert np.allclose(shares * g.size, np.histogram(g, edges)[0])
            assert norm == pytest.approx(np.sqrt((g**2).sum()))
    assert [text.get_text().strip() for text in norms.texts][-1] == "no gradient"


def test_a_mapping_holds_gradients_or_the_parameters_that_have_them(mpl) -> None:
    net = nn.Linear(3, 2)
    net(tg.rand(10, 3)).square().sum().backward()
    parameters = dict(net.named_parameters())
    arrays = {name: p.grad.numpy() for name, p in parameters.items()}
    expected = viz.figure_svg(viz.plot_gradients(net))
    assert viz.figure_svg(viz.plot_gradients(parameters)) == expected
    assert viz.figure_svg(viz.plot_gradients(arrays)) == expected


def test_gradients_that_are_not_there_yet_say_how_to_get_them() -> None:
    with pytest.raises(AutogradError, match=r"call backward\(\) first"):
        viz.plot_gradients(network())
    with pytest.raises(ArgumentError, match="no parameter"):
        viz.plot_gradients(nn.ReLU())
    with pytest.raises(ArgumentError, match="found list"):
        viz.plot_gradients([1.0])


# --- images, paths, rates ---------------------------------------------------------------------------------------------


def test_weights_are_the_pixels_on_a_scale_symmetric_about_zero(mpl) -> None:
    weights = np.random.default_rng(0).standard_normal((7, 12))
    figure = viz.plot_images(weights, shape=(4, 3), columns=3)
    image = figure.axes[0].images[0]
    mosaic = image.get_array()
    assert image.get_clim() == (-abs(weights).max(), abs(weights).max())
    for i, row in enumerate(weights):
        y, x = i // 3 * 5, i % 3 * 4
        assert np.array_equal(mosaic[y : y + 4, x : x + 3], row.reshape(4, 3))
    assert (~np.ma.getmaskarray(mosaic)).sum() == weights.size
    assert len(figure.axes) == 2  # one colour bar


def test_what_is_left_out_and_what_is_not_finite_is_told(mpl) -> None:
    weights = np.ones((30, 9))
    weights[2, 4] = np.nan
    figure = viz.plot_images(weights, limit=12, columns=5)
    assert figure.get_suptitle() == "18 of 30 images are left out; × marks 1 value not finite"
    marks = figure.axes[0].get_lines()[0]
    assert (list(marks.get_xdata()), list(marks.get_ydata())) == ([9], [1])


def test_the_channels_of_a_convolution_stand_in_a_row(mpl) -> None:
    weights = nn.Conv2d(3, 4, 2).weight
    axes = viz.plot_images(weights).axes[0]
    mosaic = axes.images[0].get_array()
    assert mosaic.shape == (11, 8)
    assert np.array_equal(mosaic[9:11, 3:5], weights.detach().numpy()[3, 1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("channel", "output")


@pytest.mark.parametrize(
    ("weights", "options", "error", "words"),
    [
        (np.ones((2, 3, 4)), {}, ShapeError, r"shape \(2, 3, 4\), expected \(out, in\)"),
        (np.ones((2, 12)), {}, ShapeError, "no squares"),
        (np.ones((2, 12)), {"shape": (5, 2)}, ShapeError, "does not hold rows of 12"),
        (np.ones((2, 1, 3, 3)), {"shape": (2, 2)}, ShapeError, "leave it out"),
        (np.ones((0, 4)), {}, ArgumentError, "has no values"),
        (np.full((1, 4), np.nan), {}, ArgumentError, "all 4 values are NaN"),
        (np.ones((2, 4)), {"limit": 0}, ArgumentError, "limit=0"),
        ([[1, 2], [3]], {}, ShapeError, "different lengths"),
    ],
)
def test_what_is_no_image_is_refused(weights, options, error, words) -> None:
    with pytest.raises(error, match=words):
        viz.plot_images(weights, **options)


def descent(optimizer, steps=30, **settings) -> list[list[float]]:
    p = tg.tensor([-7.0, 2.0], dtype=tg.float64, requires_grad=True)
    rule = optimizer([p], **settings)
    path = [p.tolist()]
    for _ in range(steps):
        rule.zero_grad()
        bowl(p[0], p[1]).backward()
        rule.step()
        path.append(p.tolist())
    return path


def test_paths_are_drawn_where_the_optimisers_went(mpl) -> None:
    paths = {"SGD": descent(optim.SGD, lr=0.95), "AdaGrad": descent(optim.Adagrad, lr=1.5)}
    figure = viz.plot_paths(bowl, paths, minimum=(0, 0))
    for axes, (name, path) in zip(figure.axes, paths.items(), strict=True):
        line = next(line for line in axes.get_lines() if len(line.get_xdata()) == 31)
        assert np.array_equal(np.transpose(line.get_data()), path)
        value = bowl(*path[-1])
        assert axes.get_title() == f"{name}: f = {value:.3g} after 30 steps"
        star = next(line for line in axes.get_lines() if line.get_marker() == "*")
        assert np.ravel(star.get_data()).tolist() == [0, 0]
        (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
        assert x0 < -7 < 0 < x1
        assert y0 < -2 < 2 < y1


def test_the_lowest_point_of_the_grid_is_marked_where_the_minimum_is_not_known(mpl) -> None:
    figure = viz.plot_paths(lambda x, y: (x - 1).square() + y.abs(), {"a": [(0, 0)]}, limits=((-2, 2), (-1, 1)))
    star = next(line for line in figure.axes[0].get_lines() if line.get_marker() == "*")
    assert np.ravel(star.get_data()) == pytest.approx([1, 0], abs=1e-12)
    assert "lowest point of the grid" in {text.get_text() for text in figure.legends[0].get_texts()}


def test_a_path_that_leaves_the_numbers_says_when(mpl) -> None:
    figure = viz.plot_paths(bowl, {"SGD": [(1, 1), (2, 2), (np.inf, 1), (np.nan, np.nan)]})
    assert figure.axes[0].get_title() == "SGD: not finite from step 2 on"


def test_a_flat_function_has_no_contours_and_is_drawn(mpl) -> None:
    viz.figure_svg(viz.plot_paths(lambda x, y: 0 * x, {"a": [(0, 0), (1, 1)]}))


@pytest.mark.parametrize(
    ("function", "paths", "options", "error", "words"),
    [
        (bowl, {}, {}, ArgumentError, "found no path"),
        (bowl, {"a": []}, {}, ShapeError, r"expected \(steps \+ 1, 2\)"),
        (bowl, {"a": [[1, 2, 3]]}, {}, ShapeError, r"shape \(1, 3\)"),
        (bowl, {"a": [(1, 2), (3,)]}, {}, ShapeError, "different lengths"),
        (bowl, {"a": [(np.nan, 0)]}, {}, ArgumentError, "no point of 'a' is finite"),
        (bowl, {"a": [(1, 2)]}, {"levels": 0}, ArgumentError, "levels=0"),
        (bowl, {"a": [(1, 2)]}, {"minimum": (1, 2, 3)}, ShapeError, "minimum"),
        (bowl, {"a": [(1, 2)]}, {"limits": ((0, 1), (1, 0))}, ArgumentError, r"limits=\(1, 0\)"),
        (lambda x, y: (x * y).sum(), {"a": [(1, 2)]}, {}, ShapeError, "element by element"),
        (
            lambda x, y: np.frompyfunc(math.sin, 1, 1)(x),
            {"a": [(1, 2)]},
            {},
            ArgumentError,
            "write it with operators and tensorgrad's",
        ),
        (lambda x, y: x * np.nan, {"a": [(1, 2)]}, {}, ArgumentError, "finite nowhere"),
    ],
)
def test_what_is_no_path_is_refused(function, paths, options, error, words) -> None:
    with pytest.raises(error, match=words):
        viz.plot_paths(function, paths, **options)


def test_the_rates_are_those_that_the_schedule_will_set_and_nothing_moves(mpl) -> None:
    p = tg.zeros(3, requires_grad=True)
    optimizer = optim.SGD([{"params": [p]}, {"params": [tg.ones(1, requires_grad=True)], "lr": 0.5}], lr=0.1)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)
    state = repr((scheduler.state_dict(), optimizer.state_dict()))
    figure = viz.plot_lr(scheduler, 9)
    assert repr((scheduler.state_dict(), optimizer.state_dict())) == state
    expected = []
    for _ in range(9):
        expected.append(scheduler.get_last_lr())
        optimizer.step()
        scheduler.step()
    lines = drawn(figure.axes[0])
    assert lines["group 0"][1] == [a for a, _ in expected]
    assert lines["group 1"][1] == [b for _, b in expected]


def test_a_schedule_that_waits_for_a_measurement_is_refused() -> None:
    optimizer = optim.SGD([tg.zeros(1, requires_grad=True)], lr=0.1)
    with pytest.raises(ArgumentError, match="waits for a measured value"):
        viz.plot_lr(optim.lr_scheduler.ReduceLROnPlateau(optimizer), 5)
    with pytest.raises(ArgumentError, match="found SGD"):
        viz.plot_lr(optimizer, 5)
    with pytest.raises(ArgumentError, match="steps=0"):
        viz.plot_lr(optim.lr_scheduler.StepLR(optimizer, 2), 0)
