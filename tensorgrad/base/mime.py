"""What a notebook asks for: some of the MIME types that an object can be shown as, and no endless text."""

from __future__ import annotations

from collections.abc import Container, Iterable

SVG, HTML, TEXT = "image/svg+xml", "text/html", "text/plain"
LINES = 200


def wanted(types: Iterable[str], include: Container[str] | None, exclude: Container[str] | None) -> list[str]:
    """Return those of `types` that are shown: of `include` alone, if it names any, and never of `exclude`.

    As IPython defines the arguments of ``_repr_mimebundle_``.

    >>> wanted([SVG, HTML, TEXT], include=[HTML, TEXT], exclude=[TEXT])
    ['text/html']
    """
    return [kind for kind in types if (not include or kind in include) and not (exclude and kind in exclude)]


def shortened(text: str) -> str:
    r"""Return `text`; of more than `LINES` lines the first and the last, and how many there are between them.

    >>> shortened("\n".join(map(str, range(1000)))).splitlines()[99:102]
    ['99', '... 800 lines more ...', '900']
    """
    lines = text.split("\n")
    if len(lines) <= LINES:
        return text
    half = LINES // 2
    return "\n".join([*lines[:half], f"... {len(lines) - 2 * half:,} lines more ...", *lines[-half:]])
