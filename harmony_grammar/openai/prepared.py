"""`Prepared`: the prompt that a request asks for, and all that its completions need.

A prompt consists of pieces, one for each message. A piece that the model has sampled keeps its
ids, so the next prompt begins with exactly the ids of this one and of its completion.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from harmony_grammar.errors import ConstraintError
from harmony_grammar.masking import Constraint
from harmony_grammar.openai.choices import AnswerForm, Effort, ToolChoice
from harmony_grammar.openai.completion import CompletionReader
from harmony_grammar.openai.history import History, Instruct, dropped, manner_of
from harmony_grammar.openai.notes import NoteCode, NoteList
from harmony_grammar.openai.plain import Contents
from harmony_grammar.openai.request_tools import BROWSER, Tools
from harmony_grammar.tree import Author, Conversation, Message, OpenMessage, Role, TextContent
from harmony_grammar.tree.contents import DeveloperContent, SystemContent
from harmony_grammar.tree.tools import ToolNamespaceConfig

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from harmony_grammar.api import Grammar
    from harmony_grammar.openai.chat_output import ChatOutput, ChatStream
    from harmony_grammar.openai.history import Entry
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.openai.options import Options
    from harmony_grammar.openai.request_tools import RequestTool
    from harmony_grammar.openai.responses_output import Dialect, ResponsesOutput, ResponsesStream

__all__ = ["Finish", "IdSpan", "KnownCalls", "Prepared", "RequestSettings"]

Finish = Literal["stop", "length", "abort", "content_filter", "error"]
Part = Literal["header", "body", "end"]


class PromptMessage(NamedTuple):
    """A message of a prompt.

    Attributes:
        message: the message.
        path: where the request says it; empty if nowhere.
        ids: its ids, if it was sampled.
        bounds: where its body begins and ends in them.
        sampled: which of them the model has sampled, from one to another.
    """

    message: Message
    path: str
    ids: tuple[int, ...] | None = None
    bounds: tuple[int, int] = (0, 0)
    sampled: tuple[int, int] = (0, 0)


class IdSpan(NamedTuple):
    """Ids of a prompt that have one origin.

    Attributes:
        start, end: which ids.
        message: the index of their message; that of the open one is the number of the others.
        part: which part of it they are: `header`, `body` or `end`.
        sampled: whether the model has sampled them.
    """

    start: int
    end: int
    message: int
    part: Part
    sampled: bool


class KnownCalls(NamedTuple):
    """A call of the history, by its id.

    Attributes:
        name: the recipient, as the prompt has it.
        message: the index of its message in the conversation; None if that was left out.
    """

    name: str
    message: int | None


@dataclass(slots=True)
class RequestSettings:
    """What a request says besides its history."""

    grammar: Grammar
    options: Options
    notes: NoteList
    api: Literal["chat", "responses"]
    strict_default: bool
    model: str = ""
    choice: ToolChoice = field(default_factory=ToolChoice)
    effort: Effort = field(default_factory=Effort)
    form: AnswerForm = field(default_factory=AnswerForm)
    most: int | None = None
    legacy: bool = False
    include: tuple[str, ...] = ()
    echo: dict[str, Any] = field(default_factory=dict)
    keep: str = ""
    tools: Tools = field(init=False)
    contents: Contents = field(init=False)

    def __post_init__(self) -> None:
        self.keep = self.options.keep_reasoning
        self.tools = Tools(self.grammar, self.options, self.notes, self.strict_default)
        self.contents = Contents(self.notes, self.options.media)

    def prepared(self, entries: Sequence[Entry], prefill: str | None) -> Prepared:
        """The prompt of a history.

        Args:
            entries: the history.
            prefill: what the answer begins with; None if the model is to begin.

        Raises:
            ConversionError: if the history cannot be said.
        """
        leading: list[Instruct] = []
        for entry in entries:
            if not isinstance(entry, Instruct):
                break
            leading.append(entry)
        later = [e for e in entries[len(leading) :] if not _is_empty(e)]
        pieces = [PromptMessage(self._system(), "")]
        developer = self._developer([entry.text for entry in leading if entry.text.strip()])
        if developer is not None:
            path = leading[0].path if leading else "/tools" if self.tools.functions else ""
            pieces.append(PromptMessage(developer, path))
        history = History(self.grammar, self.options, self.notes, self.tools)
        pieces += [PromptMessage(message, path) for message, path in history.messages(later)]
        opened = _opened(self.grammar, prefill) if self.options.generation_prompt else None
        if opened is None:
            self._end(pieces[-1].message)
        return Prepared(self, _kept(pieces, self), opened, history)

    def _end(self, message: Message) -> None:
        """End the model's turn for good, which whoever trains on it wants it to learn."""
        meaning = self.grammar.rules.meaning
        if message.author.role == meaning.model_role and message.channel == meaning.answer:
            message.terminator = self.grammar.rules.literal(meaning.end_of_turn)

    def _system(self) -> Message:
        options = self.options
        content = SystemContent(
            reasoning_effort=self.effort.level, conversation_start_date=options.date
        )
        if options.identity is not None:
            content.model_identity = options.identity
        for name in self.tools.builtins:
            content.with_tools(
                ToolNamespaceConfig.browser() if name == BROWSER else ToolNamespaceConfig.python()
            )
        return Message(Author(Role.SYSTEM), [content])

    def _developer(self, instructions: Sequence[str]) -> Message | None:
        spaces = list(self.tools.descriptions())
        told = self.form.told
        if not (instructions or spaces or told):
            return None
        content = DeveloperContent(instructions="\n\n".join(instructions) or None)
        for space in spaces:
            content.with_tools(space)
        if told is not None:
            content.response_formats = [told]
        return Message(Author(Role.DEVELOPER), [content])


def _is_empty(entry: Entry) -> bool:
    return isinstance(entry, Instruct) and not entry.text.strip()


def _opened(grammar: Grammar, prefill: str | None) -> OpenMessage:
    author = Author(grammar.rules.meaning.model_role)
    if prefill is None:
        return OpenMessage(author)
    return OpenMessage(author, [TextContent(prefill)], grammar.rules.meaning.answer)


def _kept(pieces: list[PromptMessage], settings: RequestSettings) -> list[PromptMessage]:
    """The pieces without the reasoning that a prompt leaves out.

    A conversation that is not to be gone on with keeps that of its last turn.
    """
    messages = [piece.message for piece in pieces]
    answered = messages and messages[-1].channel == settings.grammar.rules.meaning.answer
    seen = messages[:-1] if answered and not settings.options.generation_prompt else messages
    gone = dropped(seen, settings.grammar, settings.keep)
    return [piece for index, piece in enumerate(pieces) if index not in gone]


class Prepared:
    """The prompt of a request, and what its completions mean.

    It is made by `from_chat`, `from_responses` and `next_turn`, and is never changed.

    Attributes:
        conversation: the prompt as a tree; its open message is what the model goes on with.
        notes: what of the request had no place.
        options: the choices that it was made with.
        grammar: the grammar.
        tools: the tools of the request, by their names on either side.
        choice: which of them may be called.
        max_tokens: how many ids the request allows; None if it does not say.
    """

    def __init__(
        self,
        settings: RequestSettings,
        pieces: Sequence[PromptMessage],
        opened: OpenMessage | None,
        history: History,
    ) -> None:
        self._settings = settings
        self._pieces = tuple(pieces)
        self._history = history
        self.grammar = settings.grammar
        self.options = settings.options
        self.tools: Tools = settings.tools
        self.choice = settings.choice
        self.max_tokens = settings.most
        self.notes: tuple[ConversionNote, ...] = tuple(history.notes)
        self.conversation = Conversation([piece.message for piece in pieces], opened)

    @property
    def api(self) -> Literal["chat", "responses"]:
        """Which API the request is of."""
        return self._settings.api

    @property
    def settings(self) -> RequestSettings:
        """What the request says besides its history."""
        return self._settings

    @property
    def paths(self) -> tuple[str, ...]:
        """For each message, the JSON pointer to what it was made of; empty if nothing is."""
        return tuple(piece.path for piece in self._pieces)

    # --- the prompt ---

    @cached_property
    def _encoded(self) -> tuple[list[int], list[IdSpan]]:
        ids: list[int] = []
        spans: list[IdSpan] = []
        manner = manner_of(self.options, self.tools)
        renderer = self.grammar.renderer
        plain = [(piece.message, None) for piece in self._pieces if piece.ids is None]
        rendered: list[int] = []
        offsets = iter(renderer.extend(rendered, plain, manner))
        for index, piece in enumerate(self._pieces):
            start = len(ids)
            if piece.ids is None:
                first, body, end, stop = next(offsets)
                ids += rendered[first:stop]
                bounds, sampled = (body - first, end - first), (0, 0)
            else:
                ids += piece.ids
                bounds, sampled = piece.bounds, piece.sampled
            spans += _spans(index, start, len(ids), bounds, sampled)
        opened = self.conversation.open_message
        if opened is not None:
            start = len(ids)
            ids += self.grammar.encode(opened, spelling=manner.spelling)
            length = len(ids) - start
            head = length - (0 if opened.content is None else len(self._prefilled))
            spans += _spans(len(self._pieces), start, len(ids), (head, length), (0, 0))
        return ids, spans

    @property
    def length(self) -> int:
        """How many ids the prompt has."""
        return len(self._encoded[0])

    @property
    def ids(self) -> list[int]:
        """The ids of the prompt."""
        return list(self._encoded[0])

    @cached_property
    def text(self) -> str:
        """The prompt as text.

        Raises:
            RenderError: if a body spells a special token, which text cannot tell from the token
                itself; `ids` can.
        """
        if any(piece.ids is not None for piece in self._pieces):
            pieces = map(self.grammar.vocabulary.piece, self._encoded[0])
            return b"".join(pieces).decode("utf-8", "replace")
        manner = manner_of(self.options, self.tools)
        return self.grammar.render(self.conversation, spelling=manner.spelling)

    def spans(self) -> list[IdSpan]:
        """Where each id of the prompt comes from: the spans cover `ids`, in order.

        Example:
            >>> from harmony_grammar import openai as hgo
            >>> prepared = hgo.from_chat({"messages": [{"role": "user", "content": "Hi"}]})
            >>> [span.part for span in prepared.spans() if span.message == 1]
            ['header', 'body', 'end']
        """
        return list(self._encoded[1])

    @cached_property
    def opening_text(self) -> str:
        """The text of what a message of the model begins with."""
        return "".join(self.grammar.rules.opening_words)

    @cached_property
    def opening(self) -> list[int]:
        """The ids of what a message of the model begins with."""
        return self.ids_of(self.opening_text)

    @cached_property
    def _prefilled(self) -> list[int]:
        opened = self.conversation.open_message
        return self.grammar.vocabulary.encode(opened.text) if opened else []

    @cached_property
    def prefix(self) -> tuple[int, ...]:
        """The ids of the prompt behind the opening of the model's message."""
        opened = self.conversation.open_message
        if opened is None or opened.content is None:
            return ()
        return tuple(self.grammar.encode(opened)[len(self.opening) :])

    @property
    def prefix_text(self) -> str:
        """The text of the prompt behind the opening of the model's message."""
        opened = self.conversation.open_message
        if opened is None or opened.content is None:
            return ""
        return self.grammar.render(opened)[len(self.opening_text) :]

    def ids_of(self, text: str) -> list[int]:
        """The ids of a text in which the spellings of special tokens are special tokens."""
        return self.grammar.renderer.marked_ids(text)

    # --- names and calls ---

    @property
    def names(self) -> dict[str, RequestTool]:
        """The tools of the request, by the recipient that a call of them has."""
        return dict(self.tools.by_recipient)

    @cached_property
    def calls(self) -> dict[str, KnownCalls]:
        """The calls of the history, by their ids."""
        places = {id(piece.message): index for index, piece in enumerate(self._pieces)}
        return {
            name: KnownCalls(call.recipient, places.get(id(call.message)))
            for name, call in self._history.calls.items()
        }

    def make_id(self, prefix: str, *what: object) -> str:
        """An id that follows from the prompt, the seed and what it is of."""
        said = "\0".join(map(str, (prefix, *what))).encode()
        return prefix + blake2b(said, key=self._key, digest_size=12).hexdigest()

    @cached_property
    def _key(self) -> bytes:
        told = blake2b(self.options.seed.encode(), digest_size=32)
        told.update(array("I", self._encoded[0]).tobytes())
        return told.digest()

    def call_id(self, place: int) -> str:
        """The id of the call that is a message of the completion."""
        found = self._ids_of_calls.get(place)
        if found is None:
            found = self._ids_of_calls[place] = self.make_id("call_", place)
        return found

    @cached_property
    def _ids_of_calls(self) -> dict[int, str]:
        return {}

    # --- sampling ---

    def constraint(self, **overrides: Any) -> Constraint:
        """What the completion may be, for constrained decoding.

        Args:
            overrides: arguments of `Constraint` that outdo what the request says.

        Raises:
            ConstraintError: if the request contradicts itself, or has a schema that cannot be
                held.
        """
        settings = self._settings
        told: dict[str, Any] = {
            "tools": self.tools.for_mask(),
            "builtin_tools": tuple(self.tools.builtins),
            "tool_choice": self.choice.for_mask(self.tools),
            "response_format": settings.form.for_mask,
            "reasoning": "forbid" if settings.effort.forbidden else "allow",
            "max_reasoning_tokens": settings.effort.most,
            "strict_tools": any(tool.strict for tool in self.tools.by_recipient.values()),
            "grammar": self.grammar,
        }
        if self.options.close_in_time and self.max_tokens is not None:
            try:
                timed = {**told, "max_tokens": self.max_tokens, **overrides}
                return Constraint(**timed).behind(self.prefix)
            except ConstraintError:
                pass  # too few for any end: the completion is cut, as the request asks
        return Constraint(**{**told, **overrides}).behind(self.prefix)

    # --- completions ---

    def chat(self, completion: str | Iterable[int], finish: Finish | None = "stop") -> ChatOutput:
        """A completion as a message of Chat Completions.

        Args:
            completion: what the model has sampled behind the prompt: ids, or decoded text.
            finish: why sampling ended: `stop`, `length`, `abort`, `content_filter` or `error`.

        Example:
            >>> from harmony_grammar import openai as hgo
            >>> prepared = hgo.from_chat({"messages": [{"role": "user", "content": "Hi"}]})
            >>> prepared.chat("<|channel|>final<|message|>Hello!<|return|>").message
            {'role': 'assistant', 'content': 'Hello!', 'refusal': None}
        """
        return self.chat_stream().take(completion, finish)

    def chat_stream(self, *, include_usage: bool = False, created: int = 0) -> ChatStream:
        """Chunks of Chat Completions, as the model samples.

        Args:
            include_usage: whether a last chunk says how many tokens there were.
            created: when it is made, in seconds since 1970.
        """
        from harmony_grammar.openai.chat_output import ChatStream  # noqa: PLC0415  one API of two

        return ChatStream(self, include_usage=include_usage, created=created)

    def responses(
        self, completion: str | Iterable[int], finish: Finish | None = "stop"
    ) -> ResponsesOutput:
        """A completion as output items of Responses; see `chat`."""
        return self.responses_stream().take(completion, finish)

    def responses_stream(
        self, dialect: Dialect = "openai", *, created_at: float = 0
    ) -> ResponsesStream:
        """Events of Responses, as the model samples.

        Args:
            dialect: `openai`, or `open-responses` with the names of that specification.
            created_at: when it is made, in seconds since 1970.
        """
        from harmony_grammar.openai.responses_output import ResponsesStream  # noqa: PLC0415

        return ResponsesStream(self, dialect, created_at=created_at)

    # --- the next turn ---

    def next_turn(
        self, completion: str | Iterable[int], new_messages: Any = (), *, strict: bool | None = None
    ) -> Prepared:
        """The next prompt, which keeps the ids of this one and of the completion.

        Only what an answer makes superfluous is left out: reasoning before it, once a new message
        comes; `keep_reasoning="all"` keeps that as well.

        Args:
            completion: what the model has sampled: ids, or text, which is encoded.
            new_messages: the messages, or items, that follow: results of tools, a user's message.
            strict: whether a note is an error; None for the choice of the request.

        Raises:
            ConversionError: if the new messages cannot be said.
        """
        notes = NoteList(strict=self.options.strict if strict is None else strict)
        ids = self.ids_of(completion) if isinstance(completion, str) else list(completion)
        reader = CompletionReader(self)
        reader.feed(ids)
        reader.finish()
        history = self._history.copy(notes)
        sampled = list(_sampled(self, reader, [*self.prefix, *ids], notes))
        for read in reader.read:
            if read.call_id is not None and read.message.recipient is not None:
                tool = self.tools.called(read.message.recipient)
                recipient = tool.recipient if tool else read.message.recipient
                history.register(read.call_id, recipient, read.message)
        settings = replace_notes(self._settings, notes)
        entries = _entries(settings, new_messages)
        placed = [PromptMessage(message, path) for message, path in history.messages(entries)]
        pieces = [*self._pieces, *sampled, *placed]
        kept = _kept(pieces, settings) if placed else pieces
        return Prepared(settings, kept, _opened(self.grammar, None), history)


def replace_notes(settings: RequestSettings, notes: NoteList) -> RequestSettings:
    """The same settings, with notes of their own."""
    other = replace(settings, notes=notes)
    other.keep, other.tools = settings.keep, settings.tools
    return other


def _entries(settings: RequestSettings, messages: Any) -> list[Entry]:
    """The entries of messages of the API that the request is of."""
    from harmony_grammar.openai.chat_request import entries_of_chat  # noqa: PLC0415  it imports this
    from harmony_grammar.openai.responses_request import ItemReader  # noqa: PLC0415

    if settings.api == "responses":
        return ItemReader(settings).entries(messages, "")
    named = settings.options.user_names
    return entries_of_chat(messages, settings.contents, settings.notes, user_names=named)


def _sampled(
    prepared: Prepared, reader: CompletionReader, ids: Sequence[int], notes: NoteList
) -> Iterator[PromptMessage]:
    """The messages of a completion, with the ids that they were sampled as.

    What ends a turn ends a message only, once another follows.
    """
    rules = prepared.grammar.rules
    meaning = rules.meaning
    ends = [
        prepared.ids_of(rules.literal(e)) for e in (meaning.end_of_message, meaning.end_of_call)
    ]
    opening, prefix = prepared.opening, len(prepared.prefix)
    begin = 0
    for index, (message, (_, body, end, stop), _) in enumerate(reader.read):
        # Behind the opening of the prompt, what comes first is the completion's own.
        before = opening if index == 0 else []
        known = ids[end:stop] in ends or index < len(reader.read) - 1
        closing = ids[end:stop] if known else ends[message.recipient is not None]
        whole = (*before, *ids[begin:end], *closing)
        shift = len(before) - begin
        first = len(before) + prefix if index == 0 else 0
        last = len(whole) - (0 if known else len(closing))
        yield PromptMessage(message, "", whole, (body + shift, end + shift), (first, last))
        begin = stop
    if reader.ended_by is None and reader.pending:
        notes.add(NoteCode.CUT_HEADER, "")


def _spans(
    index: int, start: int, stop: int, bounds: tuple[int, int], sampled: tuple[int, int]
) -> Iterator[IdSpan]:
    """The spans of a message."""
    body, end = bounds
    cuts = sorted({0, body, end, *sampled, stop - start})
    for first, last in pairwise(cuts):
        part: Part = "header" if first < body else "body" if first < end else "end"
        yield IdSpan(start + first, start + last, index, part, sampled[0] <= first < sampled[1])
