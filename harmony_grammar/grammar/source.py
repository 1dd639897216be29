"""From a grammar text to plain data: what Lark reads out of it, and what its comments say.

Lark loads the text and builds the LALR(1) table. What is kept of it is plain data, a `Source`,
so that it can be stored: the package carries the stored source of its own grammar, and so a
program that uses the default grammar never pays for loading Lark. A stored source names the
digest of the text it was made from; when the text is another, it is made anew.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from harmony_grammar.errors import GrammarError
from harmony_grammar.grammar.automata import overlap
from harmony_grammar.grammar.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lark import Lark
    from lark.exceptions import LarkError
    from lark.grammar import Rule

__all__ = ["Comment", "Production", "Source", "Symbol", "Terminal", "digest", "load_source"]

# A table's action: a state to shift to, or the complement of a production to reduce by.
Table = tuple[dict[str, int], ...]

_DEFINITION: Final = re.compile(r"^[?!]*(_?[a-zA-Z][a-zA-Z0-9_]*)(?:\{[^}]*\})?(?:\.-?\d+)?\s*:")
_REMARK: Final = re.compile(r"^(?P<indent>\s*)//\s?(?P<text>.*)$")
_TRAILING: Final = re.compile(r"\s//\s(?P<text>[^/]*)$")
_PLACE: Final = re.compile(r" at line (\d+),? column (\d+)(?: in <string>)?")
_NAMED: Final = re.compile(r"[<'\"](_?[a-z]\w*)|(?:token|terminal|Token) '?(\w+)")
_TAG: Final = re.compile(r"^(?P<tag>Example|Written by|Departure): (?P<text>.*)$")
_LINE_END: Final = "⏎"  # how an example writes a line end


@dataclass(frozen=True, slots=True)
class Symbol:
    """A symbol on the right of a production.

    Attributes:
        name: a rule's or a terminal's name.
        terminal: whether it is a terminal.
        kept: whether it is a terminal that carries (part of) a field.
    """

    name: str
    terminal: bool
    kept: bool


@dataclass(frozen=True, slots=True)
class Production:
    """One way to write a rule.

    Attributes:
        rule: the rule's name.
        symbols: what it consists of.
        label: the name of the alternative, if the grammar gives it one.
    """

    rule: str
    symbols: tuple[Symbol, ...]
    label: str | None


@dataclass(frozen=True, slots=True)
class Terminal:
    """A terminal: a fixed text, a regular expression, or declared and supplied by the input.

    Attributes:
        name: its name.
        pattern: the text or the expression; None if it is declared only.
        fixed: whether the pattern is a fixed text.
        flags: the flags of the expression.
        words: what it is called in messages to people.
        priority: terminals of a lower priority are read only where no others can be.
    """

    name: str
    pattern: str | None
    fixed: bool
    flags: str
    words: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Comment:
    """What the comment above a rule says.

    Attributes:
        sentence: the sentence of the format that the rule states.
        examples: texts that parse from the rule.
        departure: what the reference implementation does otherwise.
        line: the line of the rule in the grammar text.
        writers: for each example who writes it so; empty where the grammar does not say.
    """

    sentence: str
    examples: tuple[str, ...]
    departure: str
    line: int
    writers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """A grammar text as plain data.

    Attributes:
        digest: the SHA-256 of the text.
        productions: all productions, in the order of the text.
        terminals: all terminals, by name.
        comments: the comments of the rules, by rule.
        table: for each state of the parser, its actions by symbol.
        starts: the first state, by start symbol.
        ends: the accepting state, by start symbol.
        ignored: the terminals that may stand anywhere inside a body where no other matches.
    """

    digest: str
    productions: tuple[Production, ...]
    terminals: Mapping[str, Terminal]
    comments: Mapping[str, Comment]
    table: Table
    starts: Mapping[str, int]
    ends: Mapping[str, int]
    ignored: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The source as JSON text, for `from_json`."""
        data = asdict(self)
        data["productions"] = [
            [p.rule, [[s.name, s.terminal, s.kept] for s in p.symbols], p.label]
            for p in self.productions
        ]
        return json.dumps(data, ensure_ascii=False, indent=0, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Source:
        """The source that `to_json` wrote."""
        data: dict[str, Any] = json.loads(text)
        symbols = _Symbols()
        return cls(
            digest=data["digest"],
            productions=tuple(
                Production(rule, tuple([symbols[tuple(s)] for s in right]), label)
                for rule, right, label in data["productions"]
            ),
            terminals={name: Terminal(**t) for name, t in data["terminals"].items()},
            comments={
                name: Comment(
                    **{**c, "examples": tuple(c["examples"]), "writers": tuple(c["writers"])}
                )
                for name, c in data["comments"].items()
            },
            table=tuple(data["table"]),
            starts=data["starts"],
            ends=data["ends"],
            ignored=tuple(data.get("ignored", ())),
        )


class _Symbols(dict[tuple[str, bool, bool], Symbol]):
    """Symbols by what they are made of; each is made once, since most stand in several places."""

    def __missing__(self, key: tuple[str, bool, bool]) -> Symbol:
        self[key] = symbol = Symbol(*key)
        return symbol


def digest(text: str) -> str:
    """The digest by which a stored source knows its text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def load_source(text: str, starts: Sequence[str]) -> Source:
    """Load a grammar text.

    Args:
        text: a grammar in Lark's syntax.
        starts: the rules that a parse may begin with.

    Raises:
        GrammarError: if Lark cannot load it or it is not LALR(1); the error points into the text
            where the place is known.
    """
    from lark import Lark  # noqa: PLC0415  a program with the stored source never needs it
    from lark.exceptions import LarkError  # noqa: PLC0415

    _require_rules(text, starts)
    try:
        lark = Lark(text, parser=None, lexer="basic", start=list(starts), keep_all_tokens=False)
        rules, table, first, last = _table(lark, starts)
    except (LarkError, re.error) as error:
        raise _grammar_error(error, text) from None
    comments, words = _comments(text)
    terminals = _terminals(lark, rules, words)
    _require_distinct(table, terminals)
    return Source(
        digest=digest(text),
        productions=tuple(_production(rule) for rule in rules),
        terminals=terminals,
        comments=comments,
        table=table,
        starts=first,
        ends=last,
        ignored=tuple(lark.ignore_tokens),
    )


def _require_rules(text: str, starts: Sequence[str]) -> None:
    defined = {match[1] for line in text.splitlines() if (match := _DEFINITION.match(line))}
    for start in starts:
        if start not in defined:
            raise GrammarError(f"the grammar has no rule `{start}`, which a parse begins with")


def _table(
    lark: Lark, starts: Sequence[str]
) -> tuple[list[Rule], Table, dict[str, int], dict[str, int]]:
    """Build the LALR(1) table, refusing every conflict."""
    from lark.common import ParserConf  # noqa: PLC0415
    from lark.parsers.lalr_analysis import LALR_Analyzer, Shift  # noqa: PLC0415

    analyzer: Any = LALR_Analyzer(ParserConf(lark.rules, {}, list(starts)), strict=True)
    analyzer.compute_lalr()
    built = analyzer.parse_table
    number = {rule: index for index, rule in enumerate(lark.rules)}
    actions: list[dict[str, tuple[bool, Any]]] = [
        {symbol: (action is Shift, target) for symbol, (action, target) in sorted(row.items())}
        for _, row in sorted(built.states.items())
    ]
    state = _numbered(actions, [built.start_states[start] for start in starts])
    table = tuple(
        {s: state[to] if shifts else ~number[to] for s, (shifts, to) in actions[old].items()}
        for old in state
    )
    return (
        list(lark.rules),
        table,
        {start: state[old] for start, old in built.start_states.items()},
        {start: state[old] for start, old in built.end_states.items()},
    )


def _numbered(
    actions: Sequence[Mapping[str, tuple[bool, Any]]], first: Iterable[int]
) -> dict[int, int]:
    """Number the states in the order in which they are reached, since Lark's order is random."""
    state: dict[int, int] = {}
    todo = list(first)
    for old in todo:
        if old not in state:
            state[old] = len(state)
            todo.extend(to for shifts, to in actions[old].values() if shifts)
    return state


def _require_distinct(table: Table, terminals: Mapping[str, Terminal]) -> None:
    """Refuse terminals that may come at the same place and match the same text."""
    pairs = {
        (one, other)
        for state in table
        for one, other in combinations(sorted(name for name in state if name in terminals), 2)
    }
    for one, other in sorted(pairs):
        if text := _common(terminals[one], terminals[other]):
            raise GrammarError(
                f"the terminals {one} and {other} may stand at one place and both match {text!r}"
            )


def _common(one: Terminal, other: Terminal) -> str | None:
    """A text that cannot be told apart; a fixed text wins over a pattern."""
    if one.pattern is None or other.pattern is None or one.fixed != other.fixed:
        return None
    if one.priority != other.priority:
        return None
    if one.fixed:
        return one.pattern if one.pattern == other.pattern else None
    return overlap(
        compile_pattern(one.pattern, one.flags), compile_pattern(other.pattern, other.flags)
    )


def _production(rule: Rule) -> Production:
    symbols = tuple(
        Symbol(s.name, s.is_term, s.is_term and not s.filter_out)  # type: ignore[attr-defined]
        for s in rule.expansion
    )
    return Production(rule.origin.name, symbols, rule.alias)


def _terminals(lark: Lark, rules: Sequence[Rule], words: Mapping[str, str]) -> dict[str, Terminal]:
    out = {}
    for definition in lark.terminals:
        name, pattern = definition.name, definition.pattern
        fixed = pattern.type == "str"
        said = words.get(name, "")
        flags = "".join(sorted(pattern.flags))
        out[name] = Terminal(name, pattern.value, fixed, flags, said, definition.priority)
    used = {s.name for rule in rules for s in rule.expansion if s.is_term}
    declared = sorted(used - set(out))
    out.update({name: Terminal(name, None, fixed=False, flags="", words="") for name in declared})
    return out


def _comments(text: str) -> tuple[dict[str, Comment], dict[str, str]]:
    """The comments above rules, and the remarks behind terminals."""
    comments: dict[str, Comment] = {}
    words: dict[str, str] = {}
    above: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if remark := _REMARK.match(line):
            above.append(remark["text"])
            continue
        if definition := _DEFINITION.match(line):
            name = definition[1]
            if name.lstrip("_").isupper():
                trailing = _TRAILING.search(line)
                words[name] = trailing["text"].strip() if trailing else ""
            else:
                comments[name] = _comment(above, number)
        above = []
    return comments, words


def _comment(lines: Sequence[str], number: int) -> Comment:
    parts: list[list[str]] = [["Sentence", ""]]
    for line in _paragraph(lines):
        if match := _TAG.match(line):
            parts.append([match["tag"], match["text"]])
        else:
            parts[-1][1] += f" {line}"
    writers = _writers(parts)
    return Comment(
        sentence=_said("Sentence", parts),
        examples=tuple(example for example, _ in writers),
        departure=_said("Departure", parts),
        line=number,
        writers=tuple(writer for _, writer in writers),
    )


def _said(tag: str, parts: Iterable[Sequence[str]]) -> str:
    """What a comment says under a tag."""
    return " ".join(text.strip() for name, text in parts if name == tag)


def _writers(parts: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
    """The examples of a comment, each with who writes it so, which is said behind it."""
    found: list[tuple[str, str]] = []
    for tag, text in parts:
        if tag == "Example":
            found.append((text.strip().strip("`").replace(_LINE_END, "\n"), ""))
        elif tag == "Written by" and found:
            found[-1] = (found[-1][0], text.strip())
    return found


def _paragraph(lines: Sequence[str]) -> Iterator[str]:
    """The comment's own lines, without a heading such as `--- Messages ---`."""
    return (line for line in lines if line.strip() and not line.startswith("---"))


def _grammar_error(error: LarkError | re.error, text: str) -> GrammarError:
    """Say what Lark says, and where, in one of our own errors."""
    message = str(error).strip()
    if place := _PLACE.search(message):
        line, column = int(place[1]), int(place[2])
        message = message.split("\n", maxsplit=1)[0].replace(place[0], "").strip(" .:")
        return GrammarError(message, line=line, column=column)
    line_and_column = _mentioned(message, text)
    return GrammarError(message, line=line_and_column[0], column=line_and_column[1])


def _mentioned(message: str, text: str) -> tuple[int | None, int | None]:
    """Where the text first uses the name that a message without a place speaks of."""
    for found in _NAMED.finditer(message):
        name = found[1] or found[2]
        match = re.search(rf"^(?!\s*//)[^\n]*?\b({re.escape(name)})\b", text, re.MULTILINE)
        if match:
            return text.count("\n", 0, match.start(1)) + 1, _column(text, match.start(1))
    return None, None


def _column(text: str, offset: int) -> int:
    return offset - (text.rfind("\n", 0, offset) + 1) + 1
