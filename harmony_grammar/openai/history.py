"""The history of a request as messages: what both APIs have in common.

Each API is read into entries, one for each thing that is said: an instruction, a question, some
reasoning, an answer, a call, a result. `History` makes messages of them: it finds out which
function a result is of, on which channel something was said, and what reasoning is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from harmony_grammar.openai.notes import ConversionError, NoteCode
from harmony_grammar.tree import Author, ContentType, Message, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent
from harmony_grammar.tree.tools import FUNCTIONS
from harmony_grammar.writing.renderer import Manner

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.notes import NoteList
    from harmony_grammar.openai.options import Options
    from harmony_grammar.openai.request_tools import Tools

__all__ = [
    "Ask",
    "Call",
    "Entry",
    "History",
    "Instruct",
    "KnownCall",
    "Result",
    "Run",
    "Say",
    "Think",
    "dropped",
    "manner_of",
]

_JSON: Final = "json"


class Instruct(NamedTuple):
    """Instructions of the system or the developer."""

    path: str
    text: str


class Ask(NamedTuple):
    """What a user says."""

    path: str
    text: str
    name: str | None = None


class Think(NamedTuple):
    """Reasoning."""

    path: str
    text: str


class Say(NamedTuple):
    """What the model says to the user; before a call or as an answer, which None leaves open."""

    path: str
    text: str
    phase: Literal["preamble", "answer"] | None = None


class Call(NamedTuple):
    """A call of a function."""

    path: str
    id: str | None
    name: str
    arguments: str
    namespace: str | None = None


class Result(NamedTuple):
    """What a tool returns."""

    path: str
    id: str | None
    name: str | None
    text: str


class Run(NamedTuple):
    """A call of a predefined tool, which the host has run, and what came of it."""

    path: str
    recipient: str
    code: str
    output: str | None


Entry: TypeAlias = "Instruct | Ask | Think | Say | Call | Result | Run"


class KnownCall(NamedTuple):
    """A call of the history.

    Attributes:
        recipient: whom it is addressed to.
        message: the message that it is.
    """

    recipient: str
    message: Message


Placed: TypeAlias = "tuple[Message, str]"
"""A message, and the JSON pointer to what it was made of."""


@dataclass(slots=True)
class History:
    """Makes messages of entries, in order; it can be gone on with.

    Attributes:
        calls: the calls that have an id; of equal ids the last call.
        waiting: the calls without a result, by id, in order.
    """

    grammar: Grammar
    options: Options
    notes: NoteList
    tools: Tools
    calls: dict[str, KnownCall] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)

    def copy(self, notes: NoteList) -> History:
        """The same history, to be gone on with."""
        return History(
            self.grammar,
            self.options,
            notes,
            self.tools,
            dict(self.calls),
            dict(self.waiting),
        )

    def messages(self, entries: Sequence[Entry]) -> list[Placed]:
        """The messages that entries are.

        Raises:
            ConversionError: if a result is of no known call.
        """
        made: list[Placed] = []
        reasoning = self.grammar.rules.meaning.reasoning
        for entry in self._in_order(list(entries)):
            if isinstance(entry, Ask) and made and made[-1][0].channel == reasoning:
                self.notes.add(NoteCode.UNFINISHED, made[-1][1])
            made += [(message, entry.path) for message in self._made(entry)]
        return made

    def register(self, call_id: str, recipient: str, message: Message) -> None:
        """Remember a call, of which there may be a result."""
        self.calls[call_id] = KnownCall(recipient, message)
        self.waiting[call_id] = recipient

    # --- order ---

    def _in_order(self, entries: list[Entry]) -> Iterator[Entry]:
        """The entries, with the phase of what is said, and results in the order of calls."""
        phases = _phases(entries)
        at = 0
        while at < len(entries):
            entry = entries[at]
            if isinstance(entry, Result):
                end = at
                while end < len(entries) and isinstance(entries[end], Result):
                    end += 1
                yield from self._results([e for e in entries[at:end] if isinstance(e, Result)])
                at = end
                continue
            yield entry._replace(phase=phases[at]) if isinstance(entry, Say) else entry
            at += 1

    def _results(self, results: list[Result]) -> Iterator[Result]:
        """Results that stand together; those of one function in the order of its calls.

        The format tells results apart by the name of the tool alone.
        """
        places = {name: place for place, name in enumerate(self.waiting)}
        of_tool: dict[str, list[int]] = {}
        for index, result in enumerate(results):
            if result.id in places:
                of_tool.setdefault(self.waiting[result.id], []).append(index)
        order = list(range(len(results)))
        for indices in of_tool.values():
            sorted_ones = sorted(indices, key=lambda i: places[results[i].id or ""])
            if sorted_ones != indices:
                self.notes.add(NoteCode.ORDER, results[indices[0]].path)
            for index, other in zip(indices, sorted_ones, strict=True):
                order[index] = other
        for index in order:
            yield results[index]

    # --- messages ---

    def _made(self, entry: Entry) -> Iterator[Message]:
        meaning = self.grammar.rules.meaning
        if isinstance(entry, Instruct):
            yield Message.from_role_and_content(
                Role.DEVELOPER, DeveloperContent(instructions=entry.text)
            )
        elif isinstance(entry, Ask):
            self._abandon(entry.path)
            yield Message(Author(Role.USER, entry.name), [TextContent(entry.text)])
        elif isinstance(entry, Think):
            yield self._model(entry.text, meaning.reasoning)
        elif isinstance(entry, Say):
            self._abandon(entry.path)
            preamble = entry.phase == "preamble"
            yield self._model(entry.text, meaning.preamble if preamble else meaning.answer)
        elif isinstance(entry, Call):
            yield self._call(entry)
        elif isinstance(entry, Result):
            yield self._result(entry)
        else:
            yield self._model(entry.code, meaning.reasoning, entry.recipient)
            if entry.output is not None:
                yield self._from_tool(entry.recipient, entry.output, meaning.reasoning)

    def _model(self, text: str, channel: str, recipient: str | None = None) -> Message:
        return Message(Author(Role.ASSISTANT), [TextContent(text)], channel, recipient)

    def _from_tool(self, name: str, text: str, channel: str) -> Message:
        back = self.grammar.rules.opening_role
        return Message(Author(Role.TOOL, name), [TextContent(text)], channel, back)

    def _call(self, call: Call) -> Message:
        recipient = self.tools.recipient(call.name, call.namespace, call.path)
        rules = self.grammar.rules
        marker = rules.literal(rules.meaning.constrain_marker)
        kind = _JSON if self.options.spelling == "openai" else f"{marker}{_JSON}"
        message = self._model(call.arguments, rules.calls_channel, recipient)
        message.content_type = ContentType(kind)
        if call.id is not None:
            if call.id in self.waiting:
                raise ConversionError(f"two calls have the id {call.id!r}", f"{call.path}/id")
            self.register(call.id, recipient, message)
        return message

    def _result(self, result: Result) -> Message:
        rules = self.grammar.rules
        recipient = self.waiting.pop(result.id or "", None)
        if recipient is None and result.id in self.calls:
            recipient = self.calls[result.id].recipient
        if recipient is None and result.name:
            recipient = self.tools.recipient(result.name, None, result.path)
            self._answered(recipient)
        if recipient is None and self.options.stray_results == "keep":
            self.notes.add(NoteCode.STRAY_RESULT, result.path)
            recipient = self.tools.recipient(result.id or "unknown", None, result.path)
        if recipient is None:
            said = f"no call has the id {result.id!r}" if result.id else "it has no id of a call"
            raise ConversionError(
                f"{said}, so nothing says which tool this is the result of: send the call "
                "as well, or give the result a name",
                result.path,
            )
        return self._from_tool(recipient, result.text, rules.calls_channel)

    def _answered(self, recipient: str) -> None:
        """A result without an id answers the first call of its tool."""
        for known, waits in self.waiting.items():
            if waits == recipient:
                del self.waiting[known]
                return

    def _abandon(self, path: str) -> None:
        """Somebody else speaks, and nothing came of the calls before."""
        for name in self.waiting:
            self.notes.add(NoteCode.NO_RESULT, path, f"the call {name!r}")
        self.waiting.clear()


def _phases(entries: Sequence[Entry]) -> dict[int, Literal["preamble", "answer"]]:
    """The phases of what the model says: before a call of the same turn it is no answer."""
    found: dict[int, Literal["preamble", "answer"]] = {}
    call_follows = False
    for index in range(len(entries) - 1, -1, -1):
        entry = entries[index]
        if isinstance(entry, (Call, Run)):
            call_follows = True
        elif isinstance(entry, (Ask, Result, Instruct)):
            call_follows = False
        elif isinstance(entry, Say):
            found[index] = entry.phase or ("preamble" if call_follows else "answer")
    return found


def dropped(messages: Sequence[Message], grammar: Grammar, keep: str) -> set[int]:
    """Which messages a prompt leaves out: reasoning that has led to an answer.

    Everything on a channel of reasoning before the last answer goes: thoughts, calls of
    predefined tools and their results. Calls of functions, their results and preambles stay.

    Args:
        messages: the messages.
        grammar: the grammar.
        keep: `auto`; `all` for nothing; `none` for all thoughts, also those of this turn.

    Returns:
        Their indices.
    """
    meaning = grammar.rules.meaning
    if keep == "all":
        return set()
    model = meaning.model_role
    answers = [
        index
        for index, message in enumerate(messages)
        if message.author.role == model and message.channel == meaning.answer
    ]
    last = answers[-1] if answers else -1
    gone = {
        index
        for index, message in enumerate(messages)
        if meaning.is_reasoning(message.channel)
        and not _is_of_function(message)
        and (index < last or (keep == "none" and message.recipient is None))
    }
    gone.update(_orphans(messages, gone))
    return gone


def _is_of_function(message: Message) -> bool:
    """Whether a message is a call of a function, or its result, wherever it stands."""
    name = message.author.name if message.author.role is Role.TOOL else message.recipient
    return name is not None and name.startswith(f"{FUNCTIONS}.")


def _orphans(messages: Sequence[Message], gone: set[int]) -> Iterator[int]:
    """Results of calls that are left out, which stand on another channel."""
    lost: list[str] = []
    for index, message in enumerate(messages):
        if message.author.role is Role.TOOL and message.author.name in lost:
            lost.remove(message.author.name)
            if index not in gone:
                yield index
        elif index in gone and message.recipient and message.author.role is not Role.TOOL:
            lost.append(message.recipient)


def manner_of(options: Options, tools: Tools) -> Manner:
    """How messages are written."""
    spelling: Literal["openai", "model"] = "model" if options.spelling == "model" else "openai"
    return Manner(spelling, bool(tools.functions))
