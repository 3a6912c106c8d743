"""The page on a run of the chapter: every figure, the numbers behind it, its source, and the verdicts."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tensorgrad.utils.webpage import document, table

from .texts import CHINESE, MORE_CSS

MNIST_FILES = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
MNIST_TOLD = "put {files} into a folder DIR, copied from another machine where downloads are blocked; add {way}."
TABLE_ROWS = 40  # what is longer stands in result.json


@dataclass(frozen=True)
class Outcome:
    """What came out of the experiment `name`, and what the book has of it.

    `figures` are its numbers in the book, `source` the text of its file, `result` what its result.json holds, None
    where it has not been run to its end, and `failure` the last line of its traceback and the place, if it raised.
    """

    name: str
    figures: tuple[str, ...]
    source: str
    result: dict[str, Any] | None
    failure: dict[str, str] | None

    def numbers(self) -> list[str]:
        """Return the numbers of its figures: those of the book, and what it has drawn beyond them."""
        drawn = [] if self.result is None else [figure["number"] for figure in self.result["figures"]]
        return list(dict.fromkeys([*self.figures, *drawn]))

    @property
    def passed(self) -> bool:
        """Whether it has been run to its end and bears out the book, as far as its data can."""
        return self.result is not None and bool(self.result["passed"])

    def verdicts(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the word and the record of each verdict."""
        if self.result is not None:
            data = self.result["settings"]["data"]
            for verdict in self.result["verdicts"]:
                asserted = verdict["on"] in ("any", data)
                yield "pass" if verdict["passed"] else "fail" if asserted else "needs MNIST", verdict

    def line(self) -> str:
        """Return the outcome as a line of a log."""
        if self.failure is not None:
            return f"{self.name}: {self.failure['error']} ({self.failure['place']})"
        if self.result is None:
            return f"{self.name}: not run"
        words = [word for word, _ in self.verdicts()]
        counts = [f"{words.count(word)} {word}" for word in ("pass", "fail", "needs MNIST") if word in words]
        return f"{self.name}: {', '.join(counts) or 'no conclusion'}, {self.result['seconds']:.1f} s"

    def problems(self) -> list[str]:
        """Return a line for each conclusion that fails, and for an error."""
        if self.failure is not None:
            return [self.line()]
        return [
            f"{self.name}: FAIL: {verdict['statement']['en']}: {verdict['measured']}"
            for word, verdict in self.verdicts()
            if word == "fail"
        ]


def figure_order(number: str) -> tuple[tuple[int, str], ...]:
    """Return the key that sorts figures as the book does.

    >>> sorted(["6-10", "6-9", "6-1"], key=figure_order)
    ['6-1', '6-9', '6-10']
    """
    return tuple((int(part), "") if part.isdecimal() else (0, part) for part in number.replace(".", "-").split("-"))


def page(outcomes: Sequence[Outcome], language: str) -> str:
    """Return the HTML page on `outcomes`, in the language "en" or "zh"; it refers to files in the folders beside it."""
    return Writer(outcomes, language).page()


class Writer:
    """What writes the page on the chapter; that on the papers says other things in some of its places."""

    title_of_all = "Chapter 6: techniques related to learning"
    about = (
        "The figures of the chapter of Deep Learning from Scratch, computed by tensorgrad, and whether what the "
        "book concludes from them comes out."
    )
    concluded = "conclusion of the book"

    def __init__(self, outcomes: Sequence[Outcome], language: str) -> None:
        self.language = language
        self.outcomes = outcomes
        self.figures = sorted(
            ((number, outcome) for outcome in outcomes for number in outcome.numbers()),
            key=lambda pair: figure_order(pair[0]),
        )

    def say(self, words: str | dict[str, str]) -> str:
        """Return `words`, in English or in both languages, in the language of the page, escaped."""
        both = words if isinstance(words, dict) else {"en": words, "zh": CHINESE[words]}
        return html.escape(both[self.language])

    def page(self) -> str:
        """Return the page."""
        lang = {"zh": "zh-Hans"}.get(self.language, self.language)
        last = {outcome.name: number for number, outcome in self.figures}
        sections = [
            self.figure(number, outcome) + (self.behind(outcome) if last[outcome.name] == number else "")
            for number, outcome in self.figures
        ]
        title, about = self.say(self.title_of_all), self.say(self.about)
        header = f"<header><h1>{title}</h1><p>{about}</p></header>"
        return document(lang, title, [header, self.facts(), self.contents(), *sections], MORE_CSS)

    def facts(self) -> str:
        """Return how much of the chapter is there and holds."""
        words = [word for outcome in self.outcomes for word, _ in outcome.verdicts()]
        there = sum(_record(outcome, number) is not None for number, outcome in self.figures)
        asserted = sum(word != "needs MNIST" for word in words)
        holds = words.count("pass")
        facts = [
            ("figures", f"{there} / {len(self.figures)}", ""),
            ("conclusions that hold", f"{holds} / {asserted}", "bad" if "fail" in words else "good"),
            ("needs MNIST", str(len(words) - asserted), ""),
        ]
        cards = "".join(f'<div><dt>{self.say(n)}</dt><dd class="{css}">{text}</dd></div>' for n, text, css in facts)
        told = ""
        if asserted < len(words):
            files = ", ".join(f"<code>{name}-ubyte.gz</code>" for name in MNIST_FILES)
            way = "<code>--data mnist --mnist-dir DIR</code>"
            told = f'<p class="note">{self.say("needs MNIST")}: {self.say(MNIST_TOLD).format(files=files, way=way)}</p>'
        return f'<dl class="facts">{cards}</dl>{told}'

    def contents(self) -> str:
        """Return the table of contents, with a mark for what does not hold."""
        items = "".join(
            f'<li><a href="#figure-{number}">{self.heading(number)}</a>'
            f"{self.title(number, outcome)} {self.mark(outcome)}</li>\n"
            for number, outcome in self.figures
        )
        title = f'<h2 id="list">{self.say("Contents")}</h2>'
        return f'<nav id="contents" aria-labelledby="list">{title}<ol>{items}</ol></nav>'

    def heading(self, number: str) -> str:
        """Return the name of a figure."""
        chapter, figure, *beyond = number.split("-")
        more = f" ({self.say('beyond the book')}: {html.escape('-'.join(beyond))})" if beyond else ""
        return f"{self.say('Figure')} {chapter}-{figure}{more}"

    def command(self, number: str, outcome: Outcome) -> str:  # noqa: ARG002 - that on the papers asks the outcome
        """Return the command that draws a figure."""
        return f"tensorgrad chapter6 {number}"

    def before(self, outcome: Outcome) -> str:  # noqa: ARG002 - that on the papers says something here
        """Return what stands above a figure."""
        return ""

    def title(self, number: str, outcome: Outcome) -> str:
        """Return the caption of a figure as it stands in the contents, nothing for one that is not there."""
        record = _record(outcome, number)
        return f" {self.say(record['caption'])}" if record else ""

    def mark(self, outcome: Outcome) -> str:
        """Return in a word how the experiment came out."""
        if outcome.failure is not None:
            return f'<span class="bad">{self.say("stopped with an error")}</span>'
        if outcome.result is None:
            return ""
        word, css = ("pass", "good") if outcome.passed else ("fail", "bad")
        return f'<span class="{css}">{self.say(word)}</span>'

    def figure(self, number: str, outcome: Outcome) -> str:
        """Return the section on a figure: its picture and caption."""
        start = f'<section id="figure-{number}"><h2>{self.heading(number)}</h2>{self.before(outcome)}'
        record = _record(outcome, number)
        if record is None:
            why = f"{self.say('not run yet; run it by')} <code>{html.escape(self.command(number, outcome))}</code>"
            return f'{start}<p class="note">{self.alert(outcome) or why}</p></section>'
        files = {file.rpartition(".")[2]: f"{outcome.name}/{file}" for file in record["files"]}
        caption = self.say(record["caption"])
        drawn = "png" not in files
        words = {"html": "by itself", "svg": "interactive drawing (SVG)" if drawn else "as SVG", "png": "as PNG"}
        links = [f'<a href="{files[kind]}">{self.say(word)}</a>' for kind, word in words.items() if kind in files]
        links.append(f'<a href="#{outcome.name}">{self.say("Verdicts, numbers and source")}</a>')
        if "html" in files:
            target = "#zh" if self.language == "zh" else ""
            shown = f'<iframe src="{files["html"]}{target}" title="{caption}"></iframe>'
        else:
            shown = f'<a href="{files["svg"]}"><img src="{files["svg"]}" alt="{caption}"></a>'
        wide = ' class="drawn" tabindex=0' if drawn else ""  # a wide one is moved by the arrow keys
        return (
            f"{start}<figure{wide}>{shown}<figcaption>{caption}</figcaption></figure>"
            f'<p class="note">{" · ".join(links)}</p></section>'
        )

    def alert(self, outcome: Outcome) -> str:
        """Return the error that the experiment raised, if it did."""
        if outcome.failure is None:
            return ""
        told = f"<code>{html.escape(outcome.failure['error'])}</code> ({html.escape(outcome.failure['place'])})"
        log = f'<a href="{outcome.name}/log.txt">{self.say("log")}</a>'
        return f'<span class="bad">{self.say("stopped with an error")}</span>: {told} {log}'

    def behind(self, outcome: Outcome) -> str:
        """Return what stands behind the figures of an experiment."""
        of = outcome.result
        code = f"<pre tabindex=0><code>{html.escape(outcome.source)}</code></pre>"
        return "\n".join(
            [
                f'<section class="behind" id="{outcome.name}">',
                f"<h3>{self.say('Experiment')} <code>{outcome.name}</code></h3>",
                *([] if of is None else [self.verdicts(outcome), self.settings(outcome), self.numbers(outcome)]),
                f"<details><summary>{self.say('Source')}: <code>{outcome.name}.py</code></summary>{code}</details>",
                f'<p class="top"><a href="#contents">{self.say("back to the contents")}</a></p></section>',
            ]
        )

    def verdicts(self, outcome: Outcome) -> str:
        """Return the table of the book's conclusions."""
        css = {"pass": "good", "fail": "bad", "needs MNIST": "needs"}
        rows = [
            (f'<span class="{css[word]}">{self.say(word)}</span>', self.say(v["statement"]), html.escape(v["measured"]))
            for word, v in outcome.verdicts()
        ]
        return table(map(self.say, ("verdict", self.concluded, "measured")), rows, "wide") if rows else ""

    def seeds(self, outcome: Outcome) -> str:
        """Return the seed, or seeds, of a run."""
        assert outcome.result is not None
        return str(outcome.result["settings"]["seed"])

    def settings(self, outcome: Outcome) -> str:
        """Return the settings in a line."""
        assert outcome.result is not None
        given, seconds = outcome.result["settings"], outcome.result["seconds"]
        data = self.say("the bundled 8x8 digits") if given["data"] == "digits" else "MNIST"
        facts = [("data", data), ("seed", self.seeds(outcome)), ("time", f"{seconds:.1f} s")]
        told = " · ".join(f"{self.say(name)}: {value}" for name, value in facts)
        return f"<h4>{self.say('Settings')}</h4><p>{told}</p>"

    def numbers(self, outcome: Outcome) -> str:
        """Return the numbers of an experiment, long lists summed up, and the way to all of them."""
        assert outcome.result is not None
        rows = list(_flat(outcome.result["numbers"]))
        cells = [(f"<code>{html.escape(name)}</code>", self.value(value)) for name, value in rows[:TABLE_ROWS]]
        more = len(rows) - TABLE_ROWS
        rest = f"<p>{self.say('and {count} more in result.json').format(count=more)}</p>" if more > 0 else ""
        links = f'<a href="{outcome.name}/result.json">{self.say("all numbers (JSON)")}</a>'
        folded = f"<details><summary>{self.say('Numbers')} ({len(rows)})</summary>"
        shown = table(map(self.say, ("name", "value")), cells, "wide") if cells else ""
        return f"{folded}{shown}{rest}</details><p>{links}</p>"

    def value(self, value: Any) -> str:
        """Return a value as a cell; of a list of numbers, how many and between which."""
        numbers = list(_leaves(value)) if isinstance(value, list) else []
        if len(numbers) > 5 and all(isinstance(n, int | float) for n in numbers):
            return self.say("{count} numbers from {low} to {high}").format(
                count=len(numbers), low=f"{min(numbers):.4g}", high=f"{max(numbers):.4g}"
            )
        text = f"{value:.6g}" if isinstance(value, float) else json.dumps(value, ensure_ascii=False).strip('"')
        return html.escape(text if len(text) <= 120 else f"{text[:119]}…")


def _record(outcome: Outcome, number: str) -> dict[str, Any] | None:
    """Return what the result says of a figure, if it has been drawn."""
    figures = [] if outcome.result is None else outcome.result["figures"]
    return next((figure for figure in figures if figure["number"] == number), None)


def _flat(numbers: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in numbers.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _leaves(values: list[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list):
            yield from _leaves(value)
        else:
            yield value
