"""Rows of training data as ids with labels: what the model reads, and what of it is to be learnt.

The model is never taught an answer without the reasoning that led to it. By default only the last
turn of a row is learnt, since the reasoning of turns before it is left out, as it is in prompts.
`encode_turns` makes an example of each turn, each with the reasoning that belongs to it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from harmony_grammar.api import Grammar
from harmony_grammar.openai.any_form import is_conversation, read_json
from harmony_grammar.openai.history import dropped
from harmony_grammar.openai.notes import ConversionError, ConversionNote, NoteCode
from harmony_grammar.openai.options import Options, options_of
from harmony_grammar.writing.renderer import Manner

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from harmony_grammar.tree import Conversation, Message
    from harmony_grammar.writing.renderer import Offsets

__all__ = ["IGNORED", "Example", "Learn", "PackedExamples", "encode", "encode_turns", "pack"]

IGNORED: Final = -100
"""The label of an id that is not learnt, as torch's cross entropy has it."""

Learn: TypeAlias = "Literal['last_turn', 'all_turns'] | Collection[str]"
"""Which messages are learnt: those of the last turn, of all turns, or on some channels."""

_WHOLE: Final = ("last_turn", "all_turns")
_WEIGHTS: Final = ("weight", "train")
_HALVES: Final = ("prompt", "completion")


@dataclass(frozen=True, slots=True)
class Example:
    """A row as the model is trained on it.

    Attributes:
        input_ids: the ids.
        labels: for each id, itself if it is learnt, else `IGNORED`.
        assistant_masks: for each id, 1 if it is learnt, else 0.
        message_ids: for each id, the index of its message.
        weights: for each id, how much it counts; 0 if it is not learnt.
        truncated: whether messages at the end were left out because the row is too long.
        notes: what of the row had no place.
    """

    input_ids: list[int]
    labels: list[int]
    assistant_masks: list[int]
    message_ids: list[int]
    weights: list[float]
    truncated: bool
    notes: tuple[ConversionNote, ...]

    def to_dict(self) -> dict[str, Any]:
        """The columns that trainers take."""
        names = ("input_ids", "labels", "assistant_masks", "message_ids", "weights")
        return {name: getattr(self, name) for name in names}


def encode(  # noqa: PLR0913  each is a choice of its own
    row: Any,
    *,
    learn: Learn = "last_turn",
    headers: bool = True,
    max_length: int | None = None,
    grammar: Grammar | None = None,
    options: Options | None = None,
    **changes: Any,
) -> Example:
    """A row as ids with labels.

    Args:
        row: a chat, items of Responses, ShareGPT, wire JSON, harmony text or ids; an object with
            one of these in it, or with `prompt` and `completion`. A message of a chat with
            `weight` 0 or `train` false is not learnt; if any message of a row says so or says the
            opposite, the others are learnt as `learn` says.
        learn: which messages of the model are learnt. `last_turn` leaves out the reasoning before
            it, as prompts do; the others keep all reasoning, so that no answer is learnt without.
        headers: whether headers that the model writes are learnt; the server's opening never is.
        max_length: how many ids an example may have; messages at the end are left out.
        grammar: the grammar; None for the default.
        options: how requests are read; see `harmony_grammar.openai.Options`.
        changes: options by name. Calls are spelled as the model spells them unless told
            otherwise.

    Raises:
        ConversionError: if the row cannot be said.
        HarmonySyntaxError: if its text or ids are no sentence.
        ValueError: if `learn` is none of its words, or names a channel that there is not.

    Example:
        >>> row = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
        >>> example = encode(row)
        >>> learnt = [token for token in example.labels if token != IGNORED]
        >>> Grammar.default().vocabulary.piece(learnt[0]), len(learnt)
        (b'<|channel|>', 6)
    """
    _require_learn(learn)
    loaded = grammar or Grammar.default()
    read = _read(row, loaded, _chosen(options, changes))
    messages = list(read.conversation.messages)
    if learn == "last_turn":
        begin = _turns(messages, loaded)[-1][0]
        return _example(
            _TurnsOfRow(loaded, read, begin, len(messages)), max_length, None, headers=headers
        )
    channels = None if isinstance(learn, str) else frozenset(learn)
    _require_channels(channels or (), messages, loaded)
    return _example(
        _TurnsOfRow(loaded, read, 0, len(messages)), max_length, channels, headers=headers
    )


def encode_turns(
    row: Any,
    *,
    headers: bool = True,
    max_length: int | None = None,
    grammar: Grammar | None = None,
    options: Options | None = None,
    **changes: Any,
) -> list[Example]:
    """A row as an example for each of its turns, with the reasoning that the model would see.

    A turn ends with an answer; calls and their results before it belong to it.

    Args:
        row: as for `encode`.
        headers: as for `encode`.
        max_length: as for `encode`.
        grammar: as for `encode`.
        options: as for `encode`.
        changes: as for `encode`.

    Raises:
        ConversionError: as for `encode`.
        HarmonySyntaxError: as for `encode`.
    """
    loaded = grammar or Grammar.default()
    read = _read(row, loaded, _chosen(options, changes))
    turns = _turns(list(read.conversation.messages), loaded)
    parts = (_TurnsOfRow(loaded, read, begin, end) for begin, end in turns)
    return [_example(part, max_length, None, headers=headers) for part in parts]


# --- rows ---


class _ReadRow(NamedTuple):
    """A row that was read, with all its reasoning."""

    conversation: Conversation
    weights: Mapping[int, float]
    notes: tuple[ConversionNote, ...]


class _TurnsOfRow(NamedTuple):
    """The part of a row that is learnt, behind all that comes before it."""

    grammar: Grammar
    row: _ReadRow
    begin: int
    end: int


def _require_learn(learn: Learn) -> None:
    if isinstance(learn, str) and learn not in _WHOLE:
        raise ValueError(f"learn must be {' or '.join(_WHOLE)}, or channels, not {learn!r}")


def _require_channels(
    learn: Collection[str], messages: Sequence[Message], grammar: Grammar
) -> None:
    """Refuse a channel that there is not, of which nothing would be learnt."""
    known = {*grammar.channels, *(message.channel for message in messages)}
    for channel in learn:
        if channel not in known:
            told = ", ".join(grammar.channels)
            raise ValueError(f"there is no channel {channel!r} to learn; there are {told}")


def _chosen(options: Options | None, changes: Mapping[str, Any]) -> Options:
    """How rows are read: whole, and with calls as the model spells them."""
    base = options or Options(spelling="model")
    return options_of(base, {**changes, "keep_reasoning": "all", "generation_prompt": False})


def _read(row: Any, grammar: Grammar, options: Options) -> _ReadRow:
    data = _joined(row)
    found = next((v for v in _transcripts(data) if isinstance(v, str) or _are_ids(v)), None)
    if found is not None:
        start: Any = "conversation"
        return _ReadRow(grammar.parse(found, start), {}, ())
    if not is_conversation(data):
        raise ConversionError("a row is a chat, items, ShareGPT, wire JSON, text or ids")
    stripped, weights = _weighed(data)
    read = read_json(stripped, grammar, options, is_row=True)
    by_message = {
        index: weights[_of_message(path)]
        for index, path in enumerate(read.paths)
        if _of_message(path) in weights
    }
    return _ReadRow(read.conversation, by_message, read.notes)


def _joined(row: Any) -> Any:
    """A row whose prompt and completion are one."""
    if not isinstance(row, Mapping) or not all(name in row for name in _HALVES):
        return row
    first, second = (row[name] for name in _HALVES)
    rest = {name: value for name, value in row.items() if name not in _HALVES}
    if isinstance(first, str) and isinstance(second, str):
        return first + second
    if not (isinstance(first, list) and isinstance(second, list)):
        raise ConversionError("a prompt and its completion are two texts or two lists")
    whole = first + second
    return whole if _are_ids(whole) else {**rest, "messages": whole}


def _transcripts(row: Any) -> Iterator[Any]:
    """What of a row may be text or ids."""
    if not isinstance(row, Mapping):
        yield row
        return
    for name in ("text", "harmony", "transcript", "input_ids", "ids"):
        if row.get(name) is not None and not is_conversation(row):
            yield row[name]


def _are_ids(value: Any) -> bool:
    return isinstance(value, Sequence) and bool(value) and type(value[0]) is int


def _weighed(data: Any) -> tuple[Any, dict[str, float]]:
    """A row without what its messages say of their weight, and what they say."""
    weights: dict[str, float] = {}
    listed = data.get("messages") if isinstance(data, Mapping) else data
    if not isinstance(listed, list):
        return data, weights
    kept: list[Any] = []
    for index, message in enumerate(listed):
        plain = message
        if isinstance(message, Mapping) and any(message.get(k) is not None for k in _WEIGHTS):
            given = [message[k] for k in _WEIGHTS if message.get(k) is not None]
            place = f"/messages/{index}"
            weights[place] = prod(_weight(one, place) for one in given)
            plain = {key: value for key, value in message.items() if key not in _WEIGHTS}
        kept.append(plain)
    return {**data, "messages": kept} if isinstance(data, Mapping) else kept, weights


def _weight(given: Any, path: str) -> float:
    if isinstance(given, (bool, int, float)) and given >= 0:
        return float(given)
    raise ConversionError(f"a weight is a number from 0 on, or true or false, not {given!r}", path)


def _of_message(path: str) -> str:
    """The pointer to the message that a pointer leads into."""
    return "/".join(path.split("/")[:3])


# --- turns and labels ---


def _turns(messages: Sequence[Message], grammar: Grammar) -> list[tuple[int, int]]:
    """Where turns begin and end; each ends behind an answer, and the last with the messages."""
    meaning = grammar.rules.meaning
    ends = [
        index + 1
        for index, message in enumerate(messages)
        if message.author.role == meaning.model_role and message.channel == meaning.answer
    ]
    if not ends or ends[-1] < len(messages):
        ends.append(len(messages))
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _example(
    part: _TurnsOfRow,
    max_length: int | None,
    channels: frozenset[str] | None,
    *,
    headers: bool,
) -> Example:
    """The example of a part of a row."""
    grammar, row, begin, end = part
    messages = list(row.conversation.messages[:end])
    gone = dropped(messages[:begin], grammar, "auto")
    kept = [index for index in range(end) if index not in gone]
    ids, places = _written(grammar, [messages[index] for index in kept])
    fitting = [stop for *_, stop in places if max_length is None or stop <= max_length]
    cut = len(fitting) < len(kept)
    length = fitting[-1] if fitting else 0
    notes = row.notes
    if cut:
        said = f"{len(kept) - len(fitting)} messages at the end: {NoteCode.TOO_LONG.meaning}"
        notes = (*notes, ConversionNote(NoteCode.TOO_LONG, "", said))
    labels, weights = [IGNORED] * length, [0.0] * length
    owners = [0] * length
    model_spoke = False
    for index, (first, body, last, stop) in zip(kept, places[: len(fitting)], strict=False):
        owners[first:stop] = [index] * (stop - first)
        message = messages[index]
        is_model = message.author.role == grammar.rules.meaning.model_role
        weight = row.weights.get(index, 1.0)
        if is_model and index >= begin and weight and _is_on(message, channels):
            at = first if model_spoke else first + len(_opening(grammar))
            at = at if headers else body
            until = last if _ends_early(message, index, end, grammar) else stop
            labels[at:until] = ids[at:until]
            weights[at:until] = [weight] * (until - at)
        model_spoke = is_model
    masks = [int(label != IGNORED) for label in labels]
    return Example(ids[:length], labels, masks, owners, weights, cut, notes)


def _is_on(message: Message, channels: frozenset[str] | None) -> bool:
    return channels is None or message.channel in channels


def _ends_early(message: Message, index: int, end: int, grammar: Grammar) -> bool:
    """Whether an answer ends as a message because more follows, which is not for the model."""
    return index < end - 1 and message.channel == grammar.rules.meaning.answer


def _opening(grammar: Grammar) -> list[int]:
    return grammar.renderer.marked_ids("".join(grammar.rules.opening_words))


def _written(grammar: Grammar, messages: Sequence[Message]) -> tuple[list[int], list[Offsets]]:
    """The ids of messages; an answer at their end ends the turn."""
    from harmony_grammar.bodies.sections import has_function_tools  # noqa: PLC0415  as the renderer asks

    rules = grammar.rules
    ends = [message.terminator for message in messages]
    if messages and messages[-1].channel == rules.meaning.answer:
        ends[-1] = rules.literal(rules.meaning.end_of_turn)
    ends = [
        rules.literal(rules.meaning.end_of_message)
        if index < len(messages) - 1 and message.channel == rules.meaning.answer
        else end
        for index, (message, end) in enumerate(zip(messages, ends, strict=True))
    ]
    ids: list[int] = []
    manner = Manner("model", has_function_tools(messages))
    places = grammar.renderer.extend(ids, zip(messages, ends, strict=True), manner)
    return ids, places


# --- packing ---


@dataclass(frozen=True, slots=True)
class PackedExamples:
    """Several examples as one row of a batch.

    Attributes:
        input_ids: their ids, one after the other.
        labels: their labels.
        position_ids: the place of each id in its own example.
        lengths: how long each example is, in order.
    """

    input_ids: list[int]
    labels: list[int]
    position_ids: list[int]
    lengths: list[int]


def pack(examples: Iterable[Example], length: int) -> list[PackedExamples]:
    """Put examples together into rows of at most a length, each where least room is left.

    Args:
        examples: the examples.
        length: how many ids a row may have.

    Raises:
        ValueError: if an example alone is longer; give `encode` that `max_length`.

    Example:
        >>> row = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]
        >>> [packed.lengths for packed in pack([encode(row)] * 3, 130)]
        [[63, 63], [63]]
    """
    rows: list[list[Example]] = []
    rooms: list[int] = []
    for example in sorted(examples, key=lambda one: -len(one.input_ids)):
        size = len(example.input_ids)
        if size > length:
            raise ValueError(f"an example has {size} ids, and a row may have {length}")
        fitting = [index for index, room in enumerate(rooms) if room >= size]
        best = min(fitting, key=rooms.__getitem__, default=None)
        if best is None:
            best = len(rows)
            rows.append([])
            rooms.append(length)
        rows[best].append(example)
        rooms[best] -= size
    return [_packed(found) for found in rows]


def _packed(examples: Sequence[Example]) -> PackedExamples:
    lengths = [len(example.input_ids) for example in examples]
    return PackedExamples(
        [token for example in examples for token in example.input_ids],
        [label for example in examples for label in example.labels],
        [place for size in lengths for place in range(size)],
        lengths,
    )
