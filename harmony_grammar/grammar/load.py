"""From a grammar text to plain data: what Lark reads out of it, and what its comments say.

Lark loads the text and builds the LALR(1) table, which is asked for in the way that Lark offers
to tools, its serialisation. What is kept of it is plain data, a `Source`, so that it can be
stored: the package carries the stored source of its own grammar, and so a program that uses the
default grammar never pays for loading Lark. A stored source names the
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
from harmony_grammar.grammar.comments import Comment, comments_of
from harmony_grammar.grammar.patterns import compile_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lark.exceptions import LarkError

__all__ = ["Production", "Source", "Symbol", "Terminal", "below", "digest", "load_source", "reach"]

# A table's action: a state to shift to, or the complement of a production to reduce by.
Table = tuple[dict[str, int], ...]

_PLACE: Final = re.compile(r" at line (\d+),? column (\d+)(?: in <string>)?")
_NAMED: Final = re.compile(r"[<'\"](_?[a-z]\w*)|(?:token|terminal|Token) '?(\w+)")


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
class Source:
    """A grammar text as plain data.

    Attributes:
        digest: the SHA-256 of the text.
        productions: all productions, in the order of the text.
        terminals: all terminals, by name.
        comments: the comments of the rules, by rule.
        table: for each state of the parser, its actions by symbol.
        starts: the first state, by what the start symbol is called.
        ends: the accepting state, by what the start symbol is called.
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


def load_source(text: str, starts: Mapping[str, str]) -> Source:
    """Load a grammar text.

    Args:
        text: a grammar in Lark's syntax.
        starts: the rules that a parse may begin with, by what each is called.

    Raises:
        GrammarError: if Lark cannot load it or it is not LALR(1); the error points into the text
            where the place is known.
    """
    from lark import Lark  # noqa: PLC0415  a program with the stored source never needs it
    from lark.exceptions import LarkError  # noqa: PLC0415
    from lark.grammar import Rule  # noqa: PLC0415
    from lark.lexer import Lexer, TerminalDef  # noqa: PLC0415

    class NoLexer(Lexer):
        """Stands in Lark's place for a lexer: terminals are scanned by automata of our own."""

        def __init__(self, _: object) -> None: ...

        def lex(self, lexer_state: object, parser_state: object) -> Iterator[Any]:  # noqa: ARG002
            return iter(())

    rules = tuple(starts.values())
    try:
        lark = Lark(text, parser="lalr", lexer=NoLexer, start=list(rules), strict=True)
        data, memo = lark.memo_serialize([TerminalDef, Rule])
    except (LarkError, re.error) as error:
        raise _grammar_error(error, text) from None
    return _source(text, starts, data, memo)


def _source(
    text: str, starts: Mapping[str, str], data: dict[str, Any], memo: dict[int, Any]
) -> Source:
    """What Lark's serialisation of a grammar says, as tools of its own read it, too."""
    numbers = {item["@"]: index for index, item in enumerate(data["rules"])}
    productions = tuple(_production(memo[item["@"]]) for item in data["rules"])
    table, state = _table(data["parser"]["parser"], starts.values(), numbers)
    built = data["parser"]["parser"]
    comments, words = comments_of(text)
    conf = data["parser"]["lexer_conf"]
    terminals = _terminals([memo[item["@"]] for item in conf["terminals"]], productions, words)
    _require_patterns(text, terminals.values())
    _require_distinct(table, terminals)
    return Source(
        digest=digest(text),
        productions=productions,
        terminals=terminals,
        comments=comments,
        table=table,
        starts={name: state[built["start_states"][rule]] for name, rule in starts.items()},
        ends={name: state[built["end_states"][rule]] for name, rule in starts.items()},
        ignored=tuple(conf["ignore"]),
    )


def _table(
    built: dict[str, Any], starts: Iterable[str], numbers: Mapping[int, int]
) -> tuple[Table, dict[int, int]]:
    """The LALR(1) table, and the number of each of Lark's states in it."""
    tokens = built["tokens"]
    actions: dict[int, list[tuple[str, bool, int]]] = {
        old: sorted(
            (tokens[token], not reduces, numbers[to["@"]] if reduces else to)
            for token, (reduces, to) in row.items()
        )
        for old, row in built["states"].items()
    }
    state = _numbered(actions, [built["start_states"][start] for start in starts])
    table = tuple(
        {name: state[to] if shifts else ~to for name, shifts, to in actions[old]} for old in state
    )
    return table, state


def _numbered(
    actions: Mapping[int, Sequence[tuple[str, bool, int]]], first: Iterable[int]
) -> dict[int, int]:
    """Number the states in the order in which they are reached, since Lark's order is random."""
    state: dict[int, int] = {}
    todo = list(first)
    for old in todo:
        if old not in state:
            state[old] = len(state)
            todo.extend(to for _, shifts, to in actions[old] if shifts)
    return state


def _require_patterns(text: str, terminals: Iterable[Terminal]) -> None:
    """Refuse what is no regular expression, which Lark leaves to its lexer to find out."""
    for terminal in terminals:
        wrong = None if terminal.fixed else _wrong(terminal.pattern or "")
        if wrong:
            line, column = _first_use(terminal.name, text)
            message = f"the pattern of {terminal.name} is no regular expression: {wrong}"
            raise GrammarError(message, line=line, column=column, text=text)


def _wrong(pattern: str) -> str | None:
    """Why a pattern is no regular expression, if it is none."""
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    return None


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


def _production(rule: Mapping[str, Any]) -> Production:
    symbols = tuple(
        Symbol(s["name"], "filter_out" in s, not s.get("filter_out", True))
        for s in rule["expansion"]
    )
    return Production(rule["origin"]["name"], symbols, rule["alias"])


def _terminals(
    defined: Sequence[Mapping[str, Any]],
    productions: Sequence[Production],
    words: Mapping[str, str],
) -> dict[str, Terminal]:
    out = {}
    for definition in defined:
        name, pattern = definition["name"], definition["pattern"]
        fixed = pattern["__type__"] == "PatternStr"
        flags = "".join(sorted(pattern["flags"]))
        said = words.get(name, "")
        out[name] = Terminal(name, pattern["value"], fixed, flags, said, definition["priority"])
    used = {s.name for production in productions for s in production.symbols if s.terminal}
    declared = sorted(used - set(out))
    out.update({name: Terminal(name, None, fixed=False, flags="", words="") for name in declared})
    return out


def _grammar_error(error: LarkError | re.error, text: str) -> GrammarError:
    """Say what Lark says, and where, in one of our own errors."""
    message = str(error).strip()
    if place := _PLACE.search(message):
        line, column = int(place[1]), int(place[2])
        message = message.split("\n", maxsplit=1)[0].replace(place[0], "").strip(" .:")
        return GrammarError(message, line=line, column=column, text=text)
    line_and_column = _mentioned(message, text)
    return GrammarError(message, line=line_and_column[0], column=line_and_column[1], text=text)


def _mentioned(message: str, text: str) -> tuple[int | None, int | None]:
    """Where the text first uses the name that a message without a place speaks of."""
    uses = (_first_use(found[1] or found[2], text) for found in _NAMED.finditer(message))
    return next((use for use in uses if use[0] is not None), (None, None))


def _first_use(name: str, text: str) -> tuple[int | None, int | None]:
    """The line and the column of the first use of a name."""
    match = re.search(rf"^(?!\s*//)[^\n]*?\b({re.escape(name)})\b", text, re.MULTILINE)
    if match is None:
        return None, None
    return text.count("\n", 0, match.start(1)) + 1, _column(text, match.start(1))


def _column(text: str, offset: int) -> int:
    return offset - (text.rfind("\n", 0, offset) + 1) + 1


def below(productions: Mapping[str, Sequence[Production]], rule: str) -> list[Symbol]:
    """The terminals that a rule consists of, in the order of the text, each once."""
    found: dict[str, Symbol] = {}
    seen: set[str] = set()

    def collect(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for production in productions.get(name, ()):
            for symbol in production.symbols:
                if symbol.terminal:
                    found.setdefault(symbol.name, symbol)
                else:
                    collect(symbol.name)

    collect(rule)
    return list(found.values())


def reach(productions: Mapping[str, Sequence[Production]], starts: Iterable[str]) -> frozenset[str]:
    """The rules that some rules use, and those that they use, themselves included."""
    found = dict.fromkeys(starts)
    todo = list(found)
    for rule in todo:
        symbols = (s for p in productions.get(rule, ()) for s in p.symbols if not s.terminal)
        todo.extend(fresh := [s.name for s in symbols if s.name not in found])
        found.update(dict.fromkeys(fresh))
    return frozenset(found)
