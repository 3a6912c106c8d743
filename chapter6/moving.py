"""Figures 6-3 to 6-8 as pages: the paths of the optimisers step by step, at any learning rate.

A page is one file. Without scripts it is a whole picture, of what the library computed; its script has the formulas of
the optimisers for the one function of these figures, and the tests hold them against the library.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tensorgrad.utils.webpage import document
from tensorgrad.viz.plots.canvas import COLOURS

MOST = {"SGD": 1.1, "Momentum": 0.5, "AdaGrad": 3.0, "Adam": 1.0}
"""The largest learning rate of each slider: beyond 1, SGD leaves the valley."""
LEVELS = np.arange(1, 13) ** 2 / 5.0  # closer together near the minimum: evenly spaced ellipses


class Way(NamedTuple):
    """What an optimiser did: its learning rate and its points (steps, 2)."""

    rate: float
    points: np.ndarray


def moving(ways: Mapping[str, Way], title: str) -> str:
    """Return the page of the paths `ways`, by the name of the optimiser, as those of `MOST`."""
    first = next(iter(ways.values())).points
    steps = len(first) - 1
    bar = (
        f'<p class="bar" hidden><button type="button" aria-pressed="false">▶ {_both("play", "播放")}</button>'
        f'<label>{_both("step", "步")} <input id="step" type="range" min="0" max="{steps}" value="{steps}"></label>'
        f"<span>{steps}</span></p>"
    )
    panels = "".join(_panel(name, way) for name, way in ways.items())
    told = _both(
        "f(x, y) = x²/20 + y² on contours; ring: start, cross: minimum",
        "f(x, y) = x²/20 + y² 的等高线；圆圈：起点，十字：最小值",
    )
    whole = f'<div id="zh">{bar}<div class="panels">{panels}</div><p class="told">{told}</p></div>'
    return document("en", title, [whole, f"<script>{SCRIPT.replace('START', str(first[0].tolist()))}</script>"], LOOK)


def _both(english: str, chinese: str) -> str:
    """Return a word in both languages; the address ``page.html#zh`` shows the Chinese ones."""
    return f'<span lang="en">{english}</span><span lang="zh">{chinese}</span>'


def _panel(name: str, way: Way) -> str:
    """Return one optimiser: its name and rate, and its path over the contours, in the units of x and y."""
    contours = "".join(f'<ellipse rx="{np.sqrt(20 * c):.4g}" ry="{np.sqrt(c):.4g}"/>' for c in LEVELS)
    x, y = way.points[-1].tolist()
    (x0, y0), colour = way.points[0].tolist(), COLOURS[list(MOST).index(name)]
    places = [f"{x} {y}" for x, y in way.points.tolist()]
    path = (
        f'<path class="line" d="M{"L".join(places)}"/><path class="dots" d="M{"h0M".join(places)}h0"/>'
        f'<circle class="start" cx="{x0}" cy="{y0}" r=".25"/><circle class="now" cx="{x}" cy="{y}" r=".17"/>'
    )
    numbers = "".join(f'<text x="{30 * v + 330}" y="317">{v}</text>' for v in range(-10, 11, 5))
    numbers += "".join(f'<text class="y" x="24" y="{155 - 30 * v}">{v}</text>' for v in range(-4, 5, 2))
    names = '<text x="405" y="317">x</text><text class="y" x="24" y="15">y</text>'
    value = f"f = {x * x / 20 + y * y:.3g}"
    return (
        f'<section class="panel" aria-label="{name}" data-name="{name}" style="--hue:{colour}"><h2>{name} '
        f'<span class="value">{value}</span></h2><p class="rate" hidden><label>{_both("learning rate", "学习率")} '
        f'<input type="range" min="0.01" max="{MOST[name]}" step="0.01" value="{way.rate}">'
        f"</label><span>{way.rate}</span></p>"
        f'<svg viewBox="0 0 640 324" role="img" aria-label="{name}: {value}">{numbers}{names}'
        '<svg x="30" width="600" height="300" viewBox="-10 -5 20 10"><g transform="scale(1 -1)"><g class="contours">'
        f'{contours}</g><path class="cross" d="M-.4 0h.8M0-.4v.8"/>{path}</g></svg>'
        '<path class="frame" d="M30 0V300H630"/></svg></section>'
    )


SCRIPT = """
const rules = {
  SGD: (w, g, s, lr) => w - lr * g,
  Momentum: (w, g, s, lr) => w + (s.v = 0.9 * (s.v ?? 0) - lr * g),
  AdaGrad: (w, g, s, lr) => w - lr * g / (Math.sqrt(s.h = (s.h ?? 0) + g * g) + 1e-7),
  Adam: (w, g, s, lr) => {
    s.t = (s.t ?? 0) + 1;
    s.m = (s.m ?? 0) + 0.1 * (g - (s.m ?? 0));
    s.v = (s.v ?? 0) + 0.001 * (g * g - (s.v ?? 0));
    return w - lr * Math.sqrt(1 - 0.999 ** s.t) / (1 - 0.9 ** s.t) * s.m / (Math.sqrt(s.v) + 1e-7);
  },
};
function points(name, lr, steps) {
  const state = [{}, {}], all = [START];
  while (all.length <= steps) {
    const w = all.at(-1), g = [w[0] / 10, 2 * w[1]];
    all.push(w.map((_, i) => rules[name](w[i], g[i], state[i], lr)));
  }
  return all;
}
const step = document.getElementById('step'), button = document.querySelector('button');
function show() {
  step.parentElement.nextElementSibling.textContent = step.value;
  for (const panel of document.querySelectorAll('.panel')) {
    const rate = panel.querySelector('input'), find = name => panel.querySelector(name);
    const passed = points(panel.dataset.name, +rate.value, +step.value), [x, y] = passed.at(-1);
    find('.line').setAttribute('d', 'M' + passed.map(p => p.join(' ')).join('L'));
    find('.dots').setAttribute('d', passed.map(p => `M${p.join(' ')}h0`).join(''));
    find('.now').setAttribute('cx', x);
    find('.now').setAttribute('cy', y);
    const value = `f = ${+(x * x / 20 + y * y).toPrecision(3)}`;
    find('.value').textContent = value;
    find('svg').setAttribute('aria-label', `${panel.dataset.name}: ${value}`);
    rate.parentElement.nextElementSibling.textContent = rate.value;
  }
}
let timer;
function play(on) {
  clearInterval(timer);
  timer = on && setInterval(() => {
    step.value = +step.value + 1;
    show();
    if (step.value === step.max) play(false);
  }, 200);
  button.setAttribute('aria-pressed', on);
  button.firstChild.data = on ? '❚❚ ' : '▶ ';
}
button.onclick = () => {
  if (!timer && step.value === step.max) step.value = 0;
  show();
  play(!timer);
};
step.addEventListener('input', () => play(false));
document.addEventListener('input', show);
for (const control of document.querySelectorAll('[hidden]')) control.hidden = false;
"""
"""Each formula is that of the book, for one parameter: g its gradient, s what is kept of it from step to step."""

LOOK = """
[lang=zh],:target [lang=en]{display:none}:target [lang=zh]{display:inline}[hidden]{display:none!important}
main{padding:.4rem}#zh{display:flex;flex-direction:column;gap:.4rem;height:calc(100vh - .8rem)}
.bar,.rate,label{display:flex;align-items:center;gap:.6rem;margin:0}label,input{flex:1;min-width:4rem}
input{accent-color:var(--colour,var(--accent))}label+span{min-width:2.5rem}
.panels{flex:1;min-height:0;display:grid;gap:.4rem 1rem;
grid-template-columns:repeat(auto-fit,minmax(max(min(20rem,100%),34%),1fr))}
.panel{display:flex;flex-direction:column;min-height:0;--colour:var(--hue)}.panel>svg{flex:1;min-height:0;width:100%}
@media (prefers-color-scheme:dark){.panel{--colour:color-mix(in srgb,var(--hue),#fff 35%)}}
h2{font-size:1rem;margin:0}.value,.told{color:var(--mute);font-weight:400;margin:0}.value{margin-left:.6rem}
svg text{fill:var(--mute);font-size:15px;text-anchor:middle}svg .y{text-anchor:end}
svg path,svg ellipse,svg circle{fill:none;stroke:var(--colour);stroke-width:2;vector-effect:non-scaling-stroke}
svg .contours ellipse,svg .frame{stroke:var(--mute);stroke-width:.7}svg .cross{stroke:var(--ink)}
svg .dots{stroke-width:6;stroke-linecap:round}svg .now{fill:var(--colour)}
@media (max-width:40rem){#zh{height:auto}}
@media print{.bar,.rate{display:none}}
"""
