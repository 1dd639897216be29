"""What a grammar is refused for when it is loaded: a missing meaning, a text that is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.comments import definitions
from harmony_grammar.grammar.load import reach
from harmony_grammar.grammar.meaning import (
    BODY,
    DECLARED,
    KNOWN,
    MESSAGE,
    REQUIRED,
    ROLE,
    SPELLED,
    TOOL,
    BodyPart,
    Finder,
    spelling,
)

if TYPE_CHECKING:
    from harmony_grammar.grammar.load import Source

__all__ = ["require_meanings"]


def require_meanings(source: Source, text: str) -> None:
    """Refuse a grammar of which something would be lost.

    Args:
        source: the grammar, loaded.
        text: its text, to point into.

    Raises:
        GrammarError: if a label is unknown, a terminal that carries a field is bound to none, a
            declared terminal is declared by nothing, or a message has no author.
    """
    finder = Finder(source)
    for needed in REQUIRED:
        finder.rule(needed)
    for production in source.productions:
        label = production.label
        if label and label not in KNOWN and spelling(label) is None:
            raise _error(
                text,
                production.rule,
                label,
                f"the label `-> {label}` means nothing: the labels are "
                f"{', '.join(sorted(KNOWN))}, and `{SPELLED}NAME` for a spelling; "
                "remove it, or use one of these",
            )
    for rule, name in finder.unbound:
        raise _error(
            text,
            rule,
            name,
            f"{name} carries a field in `{rule}`, which is bound to none, so it would be lost: "
            "give it a rule of its own, which messages then keep as an extra field, or call it "
            f"_{name} if it is punctuation",
        )
    for rule in finder.lost:
        raise _error(
            text,
            rule,
            rule,
            f"`{rule}` has a text inside bodies that nothing is made of, so it would be lost: let "
            "it stand directly in a body, with one alternative and one text, or label it as what "
            f"it is ({', '.join(part.value for part in BodyPart)})",
        )
    _require_declared(finder, text)
    _require_authors(finder, text)
    _require_single_extras(finder, text)


def _require_declared(finder: Finder, text: str) -> None:
    """Each declared terminal is a channel, which a system message declares."""
    declared = {s.name for p in finder[DECLARED] for s in p.symbols}
    free = [name for name, terminal in finder.terminals.items() if terminal.pattern is None]
    for name in sorted(free, key=lambda name: name in declared):
        if name not in declared or len(free) > 1:
            rule = next(
                p.rule for p in finder.source.productions if name in {s.name for s in p.symbols}
            )
            raise _error(
                text,
                rule,
                name,
                f"nothing declares what {name} is: a system message declares channels, and one "
                f"terminal stands for them, in an alternative labelled `-> {DECLARED}`; give "
                "this one a pattern",
            )


def _require_authors(finder: Finder, text: str) -> None:
    """Each message says who speaks."""
    authors = {rule for rule, name in finder.fields.items() if name in {ROLE, TOOL}}
    for production in finder[MESSAGE]:
        rules = {s.name for s in production.symbols if not s.terminal}
        if not reach(finder.productions, rules) & authors:
            said = "a message says nothing of its author: begin it with a role or a tool"
            raise _error(text, production.rule, production.rule, said)


def _require_single_extras(finder: Finder, text: str) -> None:
    """A field that the grammar adds stands in a header once at most."""
    bodies = {p.rule for p in finder[BODY]}
    for rule in finder.productions:
        uses = {s.name for p in finder.productions[rule] for s in p.symbols if not s.terminal}
        reached = reach(finder.productions, uses)
        if rule in reached and not reached & bodies:
            for extra in sorted(reached & set(finder.extras)):
                raise _error(
                    text,
                    extra,
                    extra,
                    f"`{extra}` may stand in a header more than once, and a field has one value: "
                    "let it stand once, or make the whole list one rule",
                )


def _error(text: str, rule: str, word: str, message: str) -> GrammarError:
    """An error that points at a word in the definition of a rule."""
    for definition in definitions(text):
        owner = definition.name
        if rule == owner or rule.startswith(f"__{owner}_"):  # Lark names helpers after their rule
            found = re.search(rf"(?<!\w){re.escape(word)}(?!\w)", definition.text)
            lines = definition.text[: found.start() if found else 0].split("\n")
            line, column = definition.line + len(lines) - 1, len(lines[-1]) + 1
            return GrammarError(message, line=line, column=column, text=text)
    return GrammarError(message)
