"""HTML pages: their frame, their tables, and one style sheet, light and dark, no image and no font from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable

CSS = """
:root{color-scheme:light dark;--ink:#1b1f24;--mute:#57606a;--paper:#fff;--card:#f6f8fa;--line:#d0d7de;--good:#1a7f37;
--bad:#c8102e;--accent:#0b62d6}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ed;--mute:#9aa4af;--paper:#16181d;--card:#1f232a;--line:#3a414b;
--good:#4ac26b;--bad:#ff6b6b;--accent:#6ab0ff}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Roboto,Arial,
sans-serif}
main{max-width:76rem;margin:0 auto;padding:2rem 1.25rem 4rem}
header p{color:var(--mute);margin:.2rem 0 0}
h1{font-size:1.9rem;line-height:1.2;margin:0}
h2{font-size:1.25rem;margin:2.6rem 0 .3rem}
h2+p,.note{color:var(--mute);margin:.1rem 0 .9rem;max-width:60rem}
.alert{border-left:4px solid var(--bad);background:var(--card);padding:.6rem .9rem;border-radius:4px;margin:1.2rem 0 0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:.8rem;margin:1.4rem 0 0;padding:0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem}
.facts dt{color:var(--mute);font-size:.85rem}
.facts dd{margin:0;font-size:1.55rem;font-weight:600;font-variant-numeric:tabular-nums}
.facts small{display:block;text-wrap:balance;font-size:.85rem;font-weight:400;color:var(--mute)}
.good{color:var(--good)}.bad{color:var(--bad)}
figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:.6rem;overflow:hidden}
figure>svg{display:block;width:100%;height:auto}
iframe{display:block;width:100%;border:0;background:transparent}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:.35rem .7rem;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--mute);font-weight:600}
th:first-child,td:first-child,.left{text-align:left}
tbody tr:hover{background:var(--card)}
code{font:.92em ui-monospace,"Cascadia Mono",Menlo,Consolas,monospace}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(18rem,1fr));gap:0 2.5rem}
.beside{display:grid;grid-template-columns:minmax(14rem,17.5rem) minmax(0,1fr);gap:0 2.5rem}
@media (max-width:52rem){.beside{grid-template-columns:minmax(0,1fr)}.beside figure{max-width:20rem}}
.digits{display:grid;grid-template-columns:repeat(auto-fill,minmax(5rem,1fr));gap:.7rem;margin:0;padding:0;list-style:none}
.digits li{text-align:center;font-size:.88rem;font-variant-numeric:tabular-nums}
.digits svg{display:block;width:100%;height:auto;background:#fff;border:2px solid var(--line);border-radius:6px}
.digits .wrong svg{border-color:var(--bad)}
footer{color:var(--mute);font-size:.85rem;margin-top:3rem;border-top:1px solid var(--line);padding-top:.8rem}
@page{size:A4;margin:12mm}
@media print{:root{color-scheme:light;font-size:9pt;--ink:#000;--mute:#444;--paper:#fff;--card:#fff;--line:#bbb;
--good:#1a7f37;--bad:#c8102e;--accent:#0b62d6}
body{font-size:1rem;line-height:1.4}main{max-width:none;padding:0 .5mm}h2{margin:5mm 0 1mm}
h1,h2,h3,h4,h2+p{break-after:avoid}tr,li,.facts div,figure{break-inside:avoid}
.scroll{overflow:visible}th,td{white-space:normal;padding:.15rem .4rem}}
"""


def document(language: str, title: str, parts: Iterable[str], more_css: str = "") -> str:
    """Return the page with the `title` and the `parts` of its body, all of them HTML."""
    body = "\n".join(parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{CSS}{more_css}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


def table(headings: Iterable[str], rows: Iterable[Iterable[str]], css: str = "") -> str:
    """Return a table whose cells are HTML; with a class `css`, one of words, whose headings stand on the left."""
    of_head, of_table = (' class="left"', f' class="{css}"') if css else ("", "")
    head = "".join(f'<th scope="col"{of_head}>{heading}</th>' for heading in headings)
    body = "\n".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    whole = f"<table{of_table}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll">{whole}</div>'
