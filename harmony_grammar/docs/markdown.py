"""The reference as Markdown: a page for each of its parts."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Final

from harmony_grammar.tokens import FIRST_SPECIAL_ID, VOCABULARY_SIZE, marker

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.docs.catalogue import Entry
    from harmony_grammar.docs.cheatsheet import Answer
    from harmony_grammar.docs.reference import DrawnExample, Reference, RuleEntry, TokenEntry

__all__ = ["PICTURE", "diagram_name", "pages"]

PICTURE: Final = "diagrams/completion.svg"
_MADE: Final = "<!-- Made by `harmony-grammar docs` from the grammar: change that, not this. -->"
_MARKUP: Final = re.compile(r"[|\\`*_\[\]]")
_KINDS: Final = {
    "error": ("Errors", "A strict reading stops at the first of these."),
    "repair": ("Repairs", "Recovery names these; a strict reading has a wider word for them."),
    "warning": ("Warnings", "The format allows these, and the linter tells you of them."),
    "input": ("Rows", "Commands say these of rows of data sets."),
}


def pages(reference: Reference) -> dict[str, str]:
    """The pages by their file names, in the order in which to read them."""
    made = {
        "index.md": _index(reference),
        "cheat-sheet.md": _cheat_sheet(reference.answers),
        "rules.md": _rules(reference),
        "headers.md": _headers(reference.rules),
        "completion.md": _completion(reference),
        "tokens.md": _tokens(reference),
        "errors.md": _errors(reference.codes),
    }
    return {name: "\n\n".join([_MADE, *parts]) + "\n" for name, parts in made.items()}


def diagram_name(rule: str) -> str:
    """The file of a rule's diagram."""
    return f"diagrams/rule-{rule.strip('_')}.svg"


# --- pieces ---


def code(text: str) -> str:
    """A text in a line, as code."""
    fence = "``" if "`" in text else "`"
    padded = text.startswith(("`", " ")) and text.endswith(("`", " ")) and text.strip()
    return f"{fence} {text} {fence}" if padded or fence == "``" else f"{fence}{text}{fence}"


def _cell(text: str) -> str:
    """A text in a table, as code; a bar would end the cell, whichever way it is quoted."""
    plain = escape(text, quote=False).replace("\n", "⏎")
    return f"<code>{_MARKUP.sub(lambda sign: f'&#{ord(sign.group())};', plain)}</code>"


def _words(said: str) -> str:
    """Words in a table, with what is quoted as code."""
    quoted = said.strip("`")
    if quoted == " ":
        return "a space"
    return _cell(quoted) if said != quoted else escape(said, quote=False)


def block(text: str, language: str = "text") -> str:
    """A block of code."""
    fence = "````" if "```" in text else "```"
    return f"{fence}{language}\n{text}\n{fence}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _items(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


# --- pages ---


def _index(reference: Reference) -> Iterator[str]:
    yield f"# {reference.title}: the reference"
    yield "All of these pages are made from the grammar, so they say what the programs do."
    yield _items(
        (
            "[Cheat sheet](cheat-sheet.md): what people ask first, on one page",
            f"[Rules](rules.md): all {len(reference.rules)}, each with a diagram and examples",
            "[Spellings](headers.md): which are in circulation, and who writes them",
            "[Completion](completion.md): what may follow what when a model speaks",
            "[Tokens](tokens.md): the special tokens and their ids",
            f"[Errors](errors.md): the {len(reference.codes)} codes, with bad and mended examples",
            "[The grammar as EBNF](grammar.ebnf)",
        )
    )


def _cheat_sheet(answers: Iterable[Answer]) -> Iterator[str]:
    yield "# Cheat sheet"
    for answer in answers:
        yield f"## {answer.question}"
        yield _items(answer.lines)
        if answer.example:
            yield block(answer.example)
        if answer.tree:
            yield block(answer.tree)


def _rules(reference: Reference) -> Iterator[str]:
    yield "# Rules"
    yield (
        "In the definitions, `|` parts alternatives, `?` is what may be left out, `*` what comes "
        "any number of times. In the diagrams, follow a line from left to right: round boxes are "
        "text, square ones are rules or patterns, and `␣` is a space."
    )
    for rule in reference.rules:
        yield from _rule(rule)
    yield "## Patterns and words"
    rows = (
        (_cell(t.name), _cell(t.ebnf.partition(" ::= ")[2]) if t.ebnf else "", escape(t.words))
        for t in reference.terminals
    )
    yield _table(("terminal", "text or pattern", "what it is"), rows)


def _rule(rule: RuleEntry) -> Iterator[str]:
    yield f"## {code(rule.name)}"
    yield rule.sentence or "This rule only joins others."
    yield f"![The ways through {code(rule.name)}]({diagram_name(rule.name)})"
    yield block(rule.ebnf, "ebnf")
    for example in rule.examples:
        yield from _example(example)
    if rule.departure and rule.departure != "none.":
        yield f"**The reference implementation:** {rule.departure}"
    if rule.used_by:
        users = ", ".join(f"[{code(user)}](#{user})" for user in rule.used_by)
        yield f"Used by {users}."


def _example(example: DrawnExample) -> Iterator[str]:
    writer = f", written by {example.writer.rstrip('.')}" if example.writer else ""
    yield f"Example{writer}:"
    yield block(example.text)
    if example.tree is None:
        yield "**This example does not come from the rule.**"
    else:
        yield block(example.tree)


def _headers(rules: Iterable[RuleEntry]) -> Iterator[str]:
    yield "# Spellings in circulation"
    yield (
        "All of these are real, and all of them are read; the tree keeps which one it was. Here "
        "`⏎` is a line end."
    )
    for rule in rules:
        written = [example for example in rule.examples if example.writer]
        if written:
            yield f"## {rule.sentence}"
            rows = ((_cell(e.text), escape(e.writer, quote=False)) for e in written)
            yield _table(("spelling", "who writes it"), rows)
            yield f"The rule is [{code(rule.name)}](rules.md#{rule.name})."


def _completion(reference: Reference) -> Iterator[str]:
    boxes = reference.completion.boxes
    yield "# What may follow what in a completion"
    yield next(rule.sentence for rule in reference.rules if rule.name == reference.completion_rule)
    yield (
        "Round boxes are tokens, square ones are [rules](rules.md). A part that stands in two "
        "boxes is followed by something else in each."
    )
    yield f"![What may follow what in a completion]({PICTURE})"
    yield "The same in words:"
    numbers = {index: f"{index}. {box.label}" for index, box in enumerate(boxes)}
    rows = (
        (
            _cell(numbers[index]),
            ", ".join(_cell(numbers[after]) for after in box.after) or "nothing",
        )
        for index, box in enumerate(boxes)
    )
    yield _table(("after", "comes one of"), rows)


def _tokens(reference: Reference) -> Iterator[str]:
    yield "# Special tokens"
    yield (
        "A special token is an id, never its spelling: text that spells one with ordinary tokens "
        "is text."
    )
    rows = [_token(token) for token in reference.tokens]
    rows.append(
        (
            _cell(marker("reserved_N")),
            f"{reference.reserved} ids",
            f"the other ids from {FIRST_SPECIAL_ID} to {VOCABULARY_SIZE - 1}; in no message",
            "",
        )
    )
    yield _table(("spelling", "id", "what it is", "what may follow"), rows)


def _token(token: TokenEntry) -> tuple[str, str, str, str]:
    known = "none" if token.id is None else str(token.id)
    follow = ", ".join(map(_words, token.followers))
    return _cell(token.spelling), known, token.meaning or "stands in no message", follow


def _errors(codes: Sequence[Entry]) -> Iterator[str]:
    yield "# Codes"
    yield "Codes are stable: programs may compare them."
    for kind, (title, sentence) in _KINDS.items():
        mine = [entry for entry in codes if entry.kind == kind]
        yield f"## {title}"
        yield f"{sentence} There are {len(mine)}."
        for entry in mine:
            yield from _entry(entry)


def _entry(entry: Entry) -> Iterator[str]:
    yield f"### {code(entry.code)}"
    meaning = entry.meaning.rstrip(".")
    yield f"{meaning[:1].upper()}{meaning[1:]}."
    if entry.bad is not None:
        yield f"Bad, read as a {entry.start}:"
        yield block(str(entry.bad))
        yield block(entry.said)
        yield "Mended:"
        yield block(str(entry.good))
