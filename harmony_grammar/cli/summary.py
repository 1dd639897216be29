"""The summary of a check: how much of it is as it should be, and what was found, with examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.cli.results import STATUSES

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterator

    from harmony_grammar.cli.output import Part
    from harmony_grammar.cli.results import Found, Totals

__all__ = ["STYLES", "counted", "summary", "verdicts"]

STYLES: Final = dict(zip(STATUSES, ("green", "yellow", "red", "red"), strict=True))
_SEVERITIES: Final = {"error": "bold red", "warning": "bold yellow"}
_MOST_SAID: Final = 68  # characters of an example


def counted(number: int, noun: str) -> str:
    """A number and what it counts: `1 row`, `20,000 rows`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def verdicts(statuses: Counter[str]) -> Iterator[Part]:
    """How many of something have each verdict."""
    before = ": "
    for status, style in STYLES.items():
        if number := statuses[status]:
            yield before
            yield f"{number:,} {status}", style
            before = ", "


def summary(totals: Totals) -> list[list[Part]]:
    """The lines of a summary."""
    rows = [list(_ending(totals))] if totals.interrupted or totals.enough else []
    if totals.statuses or not totals.data_sets:
        rows.append(_of_transcripts(totals))
    if totals.data_sets:
        rows += [_of_data_sets(totals), *_table(totals)]
    return rows


def _ending(totals: Totals) -> Iterator[Part]:
    why = (
        "interrupted" if totals.interrupted else f"stopped after {counted(totals.errors, 'error')}"
    )
    yield f"{why}: this is what was read until then", "bold"


def _of_transcripts(totals: Totals) -> list[Part]:
    parts: list[Part] = [(counted(totals.statuses.total(), "file"), "bold")]
    parts += verdicts(totals.statuses)
    if totals.codes and not totals.data_sets:
        found = ", ".join(f"{code} {number}" for code, number in sorted(totals.codes.items()))
        parts.append(f"; found {found}")
    return parts


def _of_data_sets(totals: Totals) -> list[Part]:
    rows = totals.rows
    head = f"{counted(totals.data_sets, 'data set')}, {counted(rows.rows, 'row')}, "
    head += counted(rows.messages, "message")
    return [(head, "bold"), *verdicts(rows.statuses)]


def _table(totals: Totals) -> Iterator[list[Part]]:
    """What was found, most often first, with the first example of each."""
    codes = sorted(totals.codes.items(), key=lambda item: (-item[1], item[0]))
    if not codes:
        return
    wide = max(len("finding"), *(len(code) for code, _ in codes))
    digits = max(len("count"), *(len(f"{number:,}") for _, number in codes))
    yield []
    yield [(f"{'count':>{digits}}  {'finding':<{wide}}  {'severity':<8}  the first of them", "dim")]
    for code, number in codes:
        example = totals.examples[code]
        severity = example.diagnostic.severity.value
        yield [
            f"{number:>{digits},}  {code:<{wide}}  ",
            (f"{severity:<8}", _SEVERITIES[severity]),
            f"  {_example(example)}",
        ]


def _example(found: Found) -> str:
    row = "" if found.row is None else f":{found.row}"
    said = found.diagnostic.message
    said = said if len(said) <= _MOST_SAID else said[: _MOST_SAID - 1] + "…"
    return f"{found.name}{row}: {said}"
