"""The cheat sheet: what people ask first, answered from the grammar; and what may follow what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from harmony_grammar.docs.chart import chart
from harmony_grammar.docs.derivations import Derivations, drawn
from harmony_grammar.grammar import END_OF_INPUT
from harmony_grammar.grammar.meaning import COMPLETION, CONVERSATION, STARTS
from harmony_grammar.reading.headers import Machine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from harmony_grammar.docs.chart import Box
    from harmony_grammar.docs.derivations import Branch
    from harmony_grammar.docs.expressions import Expression
    from harmony_grammar.grammar import Rules

__all__ = ["Answer", "answers", "followers", "said"]

_DECLARED: Final = frozenset({"x"})  # any word: the parser then knows that words can be declared
_DEEPEST: Final = 20  # states on the stack; more than any grammar of messages that nests nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and its answer.

    Attributes:
        question: the question.
        lines: the answer, a sentence each.
        example: a text that shows it.
        tree: what the example consists of.
    """

    question: str
    lines: tuple[str, ...]
    example: str = ""
    tree: str = ""


def answers(
    rules: Rules, expressions: Mapping[str, Expression], after: Mapping[str, tuple[str, ...]]
) -> Iterator[Answer]:
    """The cheat sheet of a grammar.

    Args:
        rules: the grammar.
        expressions: its rules as they are written.
        after: what may follow each terminal.
    """
    yield _message(rules)
    yield _end(rules, after)
    yield _recipient(rules, expressions)
    yield _channel(rules, after)
    yield _result(rules)


def _example(rules: Rules, rule: str) -> str:
    return next(iter(rules.comments[rule].examples), "")


def _message(rules: Rules) -> Answer:
    whole = rules.meaning.starts[CONVERSATION]
    lines = (
        rules.comments[whole].sentence,
        rules.comments[rules.meaning.message].sentence,
    )
    question = "What does a conversation look like?"
    return Answer(question, lines, _example(rules, whole))


def _end(rules: Rules, after: Mapping[str, tuple[str, ...]]) -> Answer:
    used = {
        symbol.name
        for production in rules.productions[rules.meaning.last]
        for symbol in production.symbols
    }
    ends = [name for name in after if name in rules.terminators]
    lines = [
        f"{rules.words(name)} ends a generation: it is {rules.terminals[name].words}."
        for name in ends
        if name in used
    ]
    for name in (name for name in ends if name not in used):
        follow = _listed(said(rules, n) for n in after[name])
        lines.append(
            f"{rules.words(name)} ends a message and not the generation; after it comes {follow}."
        )
    return Answer(
        "Which tokens end a generation?",
        tuple(lines),
        _example(rules, rules.meaning.starts[COMPLETION]),
    )


def _recipient(rules: Rules, expressions: Mapping[str, Expression]) -> Answer:
    boxes = chart(rules, expressions, rules.meaning.starts[CONVERSATION]).boxes
    mine = [
        index
        for index, box in enumerate(boxes)
        if rules.meaning.fields.get(box.label) == "recipient"
    ]
    before = dict.fromkeys(_part(rules, box) for box in boxes if set(mine) & set(box.after))
    behind = dict.fromkeys(
        _part(rules, boxes[after]) for index in mine for after in boxes[index].after
    )
    place = (
        f"In the header: directly after {_listed(before)}, and directly before {_listed(behind)}."
    )
    names = {boxes[index].label for index in mine}
    comments = [rules.comments[rule] for rule in expressions if _uses(rules, rule, names)]
    written = [
        f"{_code(text)} is written by {writer}"
        for comment in comments
        for text, writer in zip(comment.examples, comment.writers, strict=True)
        if writer
    ]
    lines = (*(comment.sentence for comment in comments), place, *written)
    return Answer("Where may a recipient stand?", lines)


def _part(rules: Rules, box: Box) -> str:
    """What a part of a message is called in a sentence."""
    field = rules.meaning.fields.get(box.label)
    return f"a {field.replace('_', ' ')}" if field else _code(box.label)


def _uses(rules: Rules, rule: str, names: set[str]) -> bool:
    """Whether a rule that whole headers are made of uses one of these."""
    used = {s.name for p in rules.productions.get(rule, ()) for s in p.symbols}
    meaning = rules.meaning
    parts = (meaning.message, meaning.interim, meaning.last, meaning.open_message)
    whole = {*meaning.starts.values(), *parts}
    return bool(names & used) and rule not in whole


def _channel(rules: Rules, after: Mapping[str, tuple[str, ...]]) -> Answer:
    first = {
        symbol.name
        for rule, field in rules.meaning.fields.items()
        if field == "channel"
        for production in rules.productions.get(rule, ())
        for symbol in production.symbols[:1]
        if symbol.terminal
    }
    lines = []
    for name in (name for name in after if name in first):
        words = _listed(said(rules, n) for n in after[name] if n in rules.terminals)
        lines.append(f"After {rules.words(name)} comes a channel: {words}, with nothing between.")
    parts = (s.name for p in rules.productions[rules.meaning.interim] for s in p.symbols)
    header = next(name for name in parts if name in rules.comments)
    return Answer("What follows the channel token?", tuple(lines), _example(rules, header))


def _result(rules: Rules) -> Answer:
    derivations = Derivations(rules)
    lines = tuple(
        rules.comments[r].sentence for r, f in rules.meaning.fields.items() if f == "tool"
    )
    question = "What does a tool result look like?"
    for text in rules.comments[rules.meaning.message].examples:
        branch = derivations.of(rules.meaning.message, text)
        if branch is not None and any(
            rules.meaning.fields.get(name) == "tool" for name in _rules(branch)
        ):
            return Answer(question, lines, text, drawn(branch))
    return Answer(question, lines)


def _rules(branch: Branch) -> Iterator[str]:
    yield branch.name
    for below in branch.below:
        yield from _rules(below)


def _code(label: str) -> str:
    return f"`{label}`"


def _listed(words: Iterable[str]) -> str:
    """Words as a sentence has them: `a, b or c`."""
    *head, last = list(words) or ["nothing"]
    return f"{', '.join(head)} or {last}" if head else last


# --- what may follow what ---


def followers(rules: Rules, order: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The terminals that may follow each terminal.

    Args:
        rules: the grammar.
        order: its names in the order in which to list them.
    """
    found: dict[str, set[str]] = {}
    for start in STARTS:
        machine = Machine(rules, start, _DECLARED)
        todo, seen = [machine.root], {machine.root.stack}
        for configuration in todo:
            for name in configuration.expected - {END_OF_INPUT}:
                after = configuration.after(name)
                if after is not None:
                    found.setdefault(name, set()).update(after.expected)
                    if after.stack not in seen and len(after.stack) <= _DEEPEST:
                        seen.add(after.stack)
                        todo.append(after)
    listed = list(dict.fromkeys([*order, *rules.terminals, END_OF_INPUT]))
    return {name: tuple(sorted(after, key=listed.index)) for name, after in found.items()}


def said(rules: Rules, name: str) -> str:
    """What a terminal is called, those that the input declares included."""
    if name != END_OF_INPUT and rules.terminals[name].pattern is None:
        return "a word that the system message declares"
    return rules.words(name)
