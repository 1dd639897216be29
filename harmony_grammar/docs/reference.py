"""All that the documents say, as plain data."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.docs.catalogue import Entry, catalogue
from harmony_grammar.docs.chart import Chart, chart
from harmony_grammar.docs.cheatsheet import Answer, answers, followers, said
from harmony_grammar.docs.derivations import Derivations, drawn
from harmony_grammar.docs.expressions import FixedText, definition, definitions, names, replaced
from harmony_grammar.grammar.meaning import COMPLETION
from harmony_grammar.tokens import FIRST_SPECIAL_ID, marker

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from harmony_grammar.api import Grammar
    from harmony_grammar.docs.expressions import Expression, Name

__all__ = [
    "DrawnExample",
    "Reference",
    "RuleEntry",
    "TerminalEntry",
    "TokenEntry",
    "reference",
    "rules_of",
    "terminals_of",
]

_TITLE: Final = re.compile(r"\A\s*//\s*(?P<title>[^:.\n]+)")
_RESERVED: Final = re.compile(re.escape(marker("reserved_")[:-2]))


@dataclass(frozen=True, slots=True)
class DrawnExample:
    """A text that comes from a rule.

    Attributes:
        text: the text.
        writer: who writes it so; empty if everybody does.
        tree: how it comes from the rule; None if it does not.
    """

    text: str
    writer: str
    tree: str | None


@dataclass(frozen=True, slots=True)
class RuleEntry:
    """A rule.

    Attributes:
        name: its name.
        sentence: the sentence of the format that it states.
        ebnf: its definition, with fixed texts in place of their terminals.
        departure: what the reference implementation does otherwise.
        examples: its examples.
        used_by: the rules that use it.
    """

    name: str
    sentence: str
    ebnf: str
    departure: str
    examples: tuple[DrawnExample, ...]
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TerminalEntry:
    """A terminal.

    Attributes:
        name: its name.
        ebnf: its definition.
        words: what it is called in messages to people.
    """

    name: str
    ebnf: str
    words: str


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A special token.

    Attributes:
        spelling: how it is spelled.
        id: its id; None if it has none.
        meaning: what it is; empty if it stands in no message.
        followers: what may stand directly after it.
    """

    spelling: str
    id: int | None
    meaning: str
    followers: tuple[str, ...]


@dataclass(frozen=True)
class Reference:
    """All that the documents say.

    Attributes:
        title: what the grammar calls the format.
        rules: the rules, in the order of the grammar.
        terminals: the terminals, in the order of the grammar.
        tokens: the special tokens with a name of their own, by id.
        reserved: how many further special ids there are.
        completion: what may follow what in a completion.
        completion_rule: the rule of completions.
        codes: the codes of errors, repairs, warnings and rows.
        answers: the cheat sheet.
        expressions: the rules and terminals as they are written.
        resolved: the rules with fixed texts in place of their terminals.
    """

    title: str
    rules: tuple[RuleEntry, ...]
    terminals: tuple[TerminalEntry, ...]
    tokens: tuple[TokenEntry, ...]
    reserved: int
    completion: Chart
    completion_rule: str
    codes: tuple[Entry, ...]
    answers: tuple[Answer, ...]
    expressions: Mapping[str, Expression]
    resolved: Mapping[str, Expression]

    def to_dict(self) -> dict[str, Any]:
        """The reference as JSON-ready data; the rules are there as EBNF."""
        data = {name: getattr(self, name) for name in ("title", "reserved")}
        for name in ("rules", "terminals", "tokens", "codes", "answers"):
            data[name] = [asdict(entry) for entry in getattr(self, name)]
        return {**data, "completion": asdict(self.completion)["boxes"]}


def reference(grammar: Grammar) -> Reference:
    """Gather all that there is to say about a grammar."""
    expressions = definitions(grammar.text)
    after = followers(grammar.rules, expressions)
    resolved = {name: _resolved(grammar, e) for name, e in _rules(grammar, expressions)}
    title = _TITLE.match(grammar.text)
    tokens = tuple(_tokens(grammar, after))
    return Reference(
        title=title["title"] if title else "The format",
        rules=rules_of(grammar),
        terminals=terminals_of(grammar),
        tokens=tokens,
        reserved=len(grammar.special_tokens) - sum(token.id is not None for token in tokens),
        completion=chart(grammar.rules, expressions, grammar.rules.meaning.starts[COMPLETION]),
        completion_rule=grammar.rules.meaning.starts[COMPLETION],
        codes=tuple(catalogue(grammar)),
        answers=tuple(answers(grammar.rules, expressions, after)),
        expressions=expressions,
        resolved=resolved,
    )


def rules_of(grammar: Grammar) -> tuple[RuleEntry, ...]:
    """The rules of a grammar, in its order."""
    expressions = definitions(grammar.text)
    resolved = {name: _resolved(grammar, e) for name, e in _rules(grammar, expressions)}
    return tuple(_rule_entries(grammar, resolved))


def terminals_of(grammar: Grammar) -> tuple[TerminalEntry, ...]:
    """The terminals of a grammar, in its order."""
    return tuple(_terminal_entries(grammar, definitions(grammar.text)))


def _rules(
    grammar: Grammar, expressions: Mapping[str, Expression]
) -> Iterator[tuple[str, Expression]]:
    return ((n, e) for n, e in expressions.items() if n not in grammar.rules.terminals)


def _resolved(grammar: Grammar, expression: Expression) -> Expression:
    """An expression with fixed texts in place of their terminals."""

    def literal(name: Name) -> Expression:
        terminal = grammar.rules.terminals.get(name.name)
        fixed = terminal is not None and terminal.fixed and terminal.pattern is not None
        return FixedText(str(terminal and terminal.pattern)) if fixed else name

    return replaced(expression, literal)


def _rule_entries(grammar: Grammar, resolved: Mapping[str, Expression]) -> Iterator[RuleEntry]:
    derivations = Derivations(grammar.rules)
    uses = {name: {used.name for used in names(e)} for name, e in resolved.items()}
    for name, expression in resolved.items():
        comment = grammar.rules.comments[name]
        examples = []
        for text, writer in zip(comment.examples, comment.writers, strict=True):
            branch = derivations.of(name, text)
            examples.append(DrawnExample(text, writer, None if branch is None else drawn(branch)))
        users = tuple(user for user, used in uses.items() if name in used)
        ebnf = definition(name, expression)
        yield RuleEntry(name, comment.sentence, ebnf, comment.departure, tuple(examples), users)


def _terminal_entries(
    grammar: Grammar, expressions: Mapping[str, Expression]
) -> Iterator[TerminalEntry]:
    declared = [name for name in grammar.rules.terminals if name not in expressions]
    for name in [*(n for n in expressions if n in grammar.rules.terminals), *declared]:
        words = (
            said(grammar.rules, name) if name in declared else grammar.rules.terminals[name].words
        )
        ebnf = definition(name, expressions[name]) if name in expressions else ""
        yield TerminalEntry(name, ebnf, words)


def _tokens(grammar: Grammar, after: Mapping[str, tuple[str, ...]]) -> Iterator[TokenEntry]:
    """The special tokens that the grammar uses, and those that only the vocabulary names."""
    named = dict(grammar.rules.specials)
    ids = grammar.special_tokens
    others = [s for s in ids if s not in named and not _RESERVED.match(s)]
    for spelling in sorted([*named, *others], key=lambda s: ids.get(s, FIRST_SPECIAL_ID)):
        name = named.get(spelling)
        meaning = grammar.rules.terminals[name].words if name else ""
        follow = tuple(said(grammar.rules, n) for n in after.get(name or "", ()))
        yield TokenEntry(spelling, ids.get(spelling), meaning, follow)
