"""A module as a notebook shows it: its tree as HTML that folds, with classes, settings, parameters and their shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tensorgrad.engine.tensor import Tensor

from .parameter import Parameter, is_lazy
from .registry import Registry

ROWS = 300
LONGEST = 200  # characters of a module's settings
OPEN_LEVELS = 2  # deeper ones are folded at first

# Colours come from the notebook around it, light or dark; what is less important is lighter, not grey.
_CSS = """
.tg-outline{font:13px/1.6 ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace;color:inherit}
.tg-outline summary{cursor:pointer}
.tg-outline summary:focus-visible{outline:2px solid currentColor;outline-offset:1px}
.tg-outline details>div{margin-left:.4em;padding-left:1.1em;
border-left:1px solid color-mix(in srgb,currentColor 25%,transparent)}
.tg-outline details>div>div{padding-left:1em}
.tg-outline .less{opacity:.75}
"""


def outline(module: Registry) -> str:
    """Return the tree of `module` as HTML: each module a ``<details>`` with its name, class, settings and size.

    A parameter that several modules share is counted in each of them. After `ROWS` lines the rest is left out.

    >>> from tensorgrad import nn
    >>> "<b>Linear</b>(in_features=3, out_features=2, bias=True)" in outline(nn.Linear(3, 2))
    True
    """
    return f'<div class="tg-outline"><style>{_CSS}</style>{"".join(_Outline().tree("", module))}</div>'


class _Outline:
    """The walk over a tree: how many lines there are by now, and which modules the walk is inside of."""

    def __init__(self) -> None:
        self.rows = 0
        self.around: list[Registry] = []

    def tree(self, name: str, module: Registry) -> Iterator[str]:
        """Yield the HTML of `module`, known as `name` to the one around it, and of all below."""
        self.rows += 1
        head = f"{_label(name)}<b>{_escaped(type(module).__name__)}</b>({_settings(module)}){_size(module)}"
        registries: list[Mapping[str, Any]] = [module._parameters, module._buffers, module._modules]
        held = [(key, value) for registry in registries for key, value in registry.items() if value is not None]
        if not held or any(module is other for other in self.around):
            yield f"<div>{head}</div>"
            return
        yield f"<details{' open' * (len(self.around) < OPEN_LEVELS)}><summary>{head}</summary><div>"
        self.around.append(module)
        for place, (key, value) in enumerate(held):
            if self.rows >= ROWS:
                yield f'<div class="less">... {len(held) - place:,} more</div>'
                break
            yield from self.line(key, value) if isinstance(value, Tensor) else self.tree(key, value)
        self.around.pop()
        yield "</div></details>"

    def line(self, name: str, x: Tensor) -> Iterator[str]:
        """Yield the HTML of a parameter or buffer: its name, dtype and shape."""
        self.rows += 1
        what = f"{x.dtype}, shape not known before the first call" if is_lazy(x) else f"{x.dtype}{list(x.shape)}"
        kind = "buffer" if not isinstance(x, Parameter) else "" if x.requires_grad else "frozen"
        yield f'<div>{_label(name)}{_escaped(what)} <span class="less">{kind}</span></div>'


def _escaped(text: str) -> str:
    import html  # it brings the names of all characters: only a notebook needs it

    return html.escape(text)


def _label(name: str) -> str:
    return f"{_escaped(name)}: " if name else ""


def _settings(module: Registry) -> str:
    text = " ".join(module.extra_repr().split())
    return _escaped(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")


def _size(module: Registry) -> str:
    """Return how many numbers the parameters hold, each parameter counted once; "" if there is none."""
    parameters = list(module.parameters())
    if not parameters:
        return ""
    known = [p.array.size for p in parameters if not is_lazy(p)]
    told = [f"{sum(known):,} parameters"] if known else []
    told += ["parameters of unknown shape"] if len(known) < len(parameters) else []
    return f' <span class="less">{" and ".join(told)}</span>'
