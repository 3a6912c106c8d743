"""The page on the papers, beside that on the chapter; and its table for the documents."""

from __future__ import annotations

import ast
import html
from collections.abc import Sequence

from tensorgrad.chapter6.page import Outcome, Writer
from tensorgrad.utils.webpage import table

from .bars import PAPERS
from .findings import FINDINGS


def paper_page(outcomes: Sequence[Outcome], language: str) -> str:
    """Return the HTML page on `outcomes`, in the language "en" or "zh"; it refers to files in the folders beside it."""
    return PaperWriter(outcomes, language).page()


class PaperWriter(Writer):
    """What writes the page: a table of all papers, then each with its claim, its bar and what is smaller here."""

    title_of_all = "What the papers say, and what comes out here"
    about = (
        "Eight papers that chapter 6 tells of, each with what it claims, and an experiment that a CPU can do in "
        "minutes. The bars were fixed before the run, the seeds are 0, 1, 2 and so on."
    )
    concluded = "what the paper says"

    def __init__(self, outcomes: Sequence[Outcome], language: str) -> None:
        super().__init__(outcomes, language)
        self.figures = [(number, outcome) for outcome in outcomes for number in outcome.numbers()]

    def heading(self, number: str) -> str:
        """Return the source of the paper that a figure belongs to."""
        return html.escape(PAPERS[next(outcome.name for n, outcome in self.figures if n == number)].source)

    def command(self, number: str, outcome: Outcome) -> str:  # noqa: ARG002 - one figure to a paper
        """Return the command that runs the experiment."""
        return f"tensorgrad chapter6 papers {outcome.name}"

    def before(self, outcome: Outcome) -> str:
        """Return what the paper claims, the bar, what is smaller here, and what was found."""
        paper = PAPERS[outcome.name]
        parts = [
            ("the paper", self.say(paper.claim._asdict())),
            ("the bar", html.escape(paper.bar_in(self.language))),
            ("what is smaller here", self.say(paper.smaller._asdict())),
        ]
        if outcome.name in FINDINGS:
            parts.append(("what was found", self.say(FINDINGS[outcome.name]._asdict())))
        return "".join(f"<p><strong>{self.say(name)}</strong>: {text}</p>" for name, text in parts)

    def seeds(self, outcome: Outcome) -> str:
        """Return the seeds, which are the same in every run."""
        return ", ".join(map(str, range(PAPERS[outcome.name].seeds)))

    def settings(self, outcome: Outcome) -> str:
        """Return the settings: data, seeds, time, and the constants of the experiment as they stand in its source."""
        lines = outcome.source.splitlines()
        constants = "\n".join(
            "\n".join(lines[node.lineno - 1 : node.end_lineno])
            for node in ast.parse(outcome.source).body
            if isinstance(node, ast.Assign) and not ast.unparse(node).startswith("LOOKS")
        )
        return f"{super().settings(outcome)}<pre tabindex=0><code>{html.escape(constants)}</code></pre>"

    def contents(self) -> str:
        """Return the table of all papers: source, bar, what was measured, verdict."""
        css = {"pass": "good", "fail": "bad", "needs MNIST": "needs"}
        rows = []
        for number, outcome in self.figures:
            found = list(outcome.verdicts())
            words = "<br>".join(f'<span class="{css[word]}">{self.say(word)}</span>' for word, _ in found)
            measured = "<br>".join(html.escape(verdict["measured"]) for _, verdict in found)
            link = f'<a href="#figure-{number}">{self.heading(number)}</a>'
            bar = html.escape(PAPERS[outcome.name].bar_in(self.language))
            rows.append((link, bar, measured or self.mark(outcome), words))
        heads = map(self.say, ("source", "the bar", "measured", "verdict"))
        return f'<nav id="contents" aria-label="{self.say("Contents")}">{table(heads, rows, "wide")}</nav>'


def as_document(outcomes: Sequence[Outcome]) -> str:
    """Return the table, and what was found, in Markdown."""
    lines = ["| source | the bar | measured | verdict | time |", "|---|---|---|---|---|"]
    for outcome in outcomes:
        found = [(word, verdict["measured"].replace("|", "\\|")) for word, verdict in outcome.verdicts()]
        cells = [PAPERS[outcome.name].source, PAPERS[outcome.name].bar_in("en")]
        cells += ["<br>".join(text for _, text in found) or outcome.line(), "<br>".join(word for word, _ in found)]
        cells.append(f"{outcome.result['seconds']:.0f} s" if outcome.result else "")
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## What is smaller here", ""]
    lines += [f"* **{paper.source}**: {paper.smaller.en}" for paper in PAPERS.values()]
    lines += ["", "## What was found about bars", ""]
    lines += [f"* **{paper.source}**: {FINDINGS[name].en}" for name, paper in PAPERS.items() if name in FINDINGS]
    return "\n".join(lines) + "\n"
