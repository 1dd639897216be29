"""The transcript in a row: decoded text, ids, or messages, in the field that was named or found."""

from __future__ import annotations

import gc
import json
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from harmony_grammar import Diagnostic, DiagnosticCode, Severity, Span
from harmony_grammar.cli.datasets.rows import BadRow, decode
from harmony_grammar.cli.inputs import StartChoice, grammar_in, judge
from harmony_grammar.cli.results import UNREADABLE, BatchResult, Found, LostProcessError
from harmony_grammar.errors import RenderError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Executor, Future

    from harmony_grammar import Grammar, Report
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.cli.datasets.rows import Batch
    from harmony_grammar.openai.any_form import JsonForm, ReadJson
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.tree import Conversation

__all__ = [
    "RowSource",
    "Settings",
    "decoded",
    "in_order",
    "judge_batch",
    "pool",
    "request_of",
    "source_of",
    "sources_of",
    "starts_of",
    "value_of",
    "wholes_of",
]

# Fields that are looked at by themselves, in this order, if what they hold is of a fitting kind.
_FIELDS: Final = (
    *("harmony", "transcript", "text", "ids", "input_ids", "token_ids", "tokens"),
    *("messages", "conversation", "conversations", "completion", "output", "prompt", "content"),
)


_MASK: Final = "attention_mask"  # which ids of a row are padding


class RowSource(NamedTuple):
    """The transcript of a row.

    Attributes:
        field: the field that it is in; None if it is the row itself.
        source: text or ids, as `check` takes them.
        messages: if it is given as messages, the index of the one that each message of the
            transcript comes from; None for text and ids.
        notes: what the messages say that has no place in a transcript.
        places: for each id its index in the row, if the attention mask of the row leaves some out.
        ignored: findings that say nothing of such a row.
    """

    field: str | None
    source: str | list[int]
    messages: Sequence[int] | None = None
    notes: Sequence[ConversionNote] = ()
    places: Sequence[int] | None = None
    ignored: Collection[DiagnosticCode] = ()


def source_of(grammar: Grammar, row: Any, wanted: str | None) -> RowSource:
    """The transcript of a row.

    Args:
        grammar: the grammar.
        row: the row, as JSON data.
        wanted: the field that it is in; None to find out.

    Raises:
        BadRow: if there is none.
    """
    if not isinstance(row, Mapping):
        if wanted is not None:
            raise _no_field(f"the row has no field `{wanted}`: it is {_kind(row)}")
        return _source(grammar, None, row, {})
    name = _found(grammar, row) if wanted is None else wanted
    if name not in row:
        raise _no_field(f"the row has no field `{name}`, but {_names(row)}")
    return _source(grammar, name, row[name], row)


# Fields that are two halves of one transcript, and fields that each end the first one.
_PROMPT: Final = "prompt"
_ANSWERS: Final = ("chosen", "rejected")
_HALVES: Final = ("completion", *_ANSWERS)


def sources_of(grammar: Grammar, row: Any, wanted: str | None) -> list[RowSource]:
    """The transcripts of a row: one, unless it has answers to choose from.

    A prompt and its completion are one transcript, and so is a prompt with each answer. Answers
    without a prompt are whole transcripts.

    Args:
        grammar: the grammar.
        row: the row, as JSON data.
        wanted: the field that the transcript is in; None to find out.

    Raises:
        BadRow: if there is none.
    """
    if wanted is None and isinstance(row, Mapping):
        wholes = wholes_of(row)
        if wholes:
            return [_source(grammar, name, whole[name], whole) for name, whole in wholes.items()]
    return [source_of(grammar, row, wanted)]


def wholes_of(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """A row with the prompt before each of its answers, by the field of the answer.

    Two answers without a prompt are whole already. Other rows have none.
    """
    prompt = row.get(_PROMPT)
    if prompt is None and all(_fits(row.get(name)) for name in _ANSWERS):
        return dict.fromkeys(_ANSWERS, row)
    answers = [name for name in _HALVES if _are_halves(prompt, row.get(name))]
    others = {key: value for key, value in row.items() if key not in (_PROMPT, *answers)}
    return {name: {**others, name: prompt + row[name]} for name in answers}


def _are_halves(first: Any, second: Any) -> bool:
    """Whether two values can be halves of a transcript: two texts, or two lists of one kind."""
    if not (first and second and type(first) is type(second)):
        return False
    return isinstance(first, str) or (isinstance(first, list) and _fits(first) and _fits(second))


def _found(grammar: Grammar, row: Mapping[str, Any]) -> str:
    """The field that holds a transcript, by name and kind, else by what it holds."""
    for name in _FIELDS:
        if name in row and _fits(row[name]):
            return name
    spellings = tuple(grammar.rules.specials)
    for name, value in row.items():
        if _fits(value) and (not isinstance(value, str) or any(s in value for s in spellings)):
            return name
    raise _no_field(f"no field holds a transcript; the row has {_names(row)}")


def _fits(value: Any) -> bool:
    if isinstance(value, str):
        return True
    if isinstance(value, Mapping):
        return "messages" in value
    if not isinstance(value, Sequence) or not value:
        return False
    from harmony_grammar.openai.any_form import is_conversation  # noqa: PLC0415  few rows need it

    return type(value[0]) is int or is_conversation(value)


def _source(grammar: Grammar, name: str | None, value: Any, row: Mapping[str, Any]) -> RowSource:
    if isinstance(value, str):
        listed = _listed(value)
        if listed is None:
            return RowSource(name, value)
        value = listed
    if isinstance(value, Mapping) and "messages" in value:
        row, value = value, value["messages"]
    if isinstance(value, list):
        if value and isinstance(value[0], Mapping):
            read = _conversation(grammar, value, row)
            indices = [_index(path) for path in read.paths]
            source = _written(grammar, read.conversation)
            ignored = () if read.prepared is None else _NOT_OF_REQUESTS
            return RowSource(name, source, indices, read.notes, ignored=ignored)
        places = _attended(value := _ids(value), row.get(_MASK))
        ids = value if places is None else [value[place] for place in places]
        return RowSource(name, ids, places=places)
    raise BadRow(
        "no-transcript", f"this is {_kind(value)}", "a transcript is text, ids or messages"
    )


# Whoever makes a prompt of a request leaves out old reasoning; here all of it is looked at.
_NOT_OF_REQUESTS: Final = frozenset({DiagnosticCode.KEPT_REASONING})


def _listed(text: str) -> list[Any] | None:
    """The messages that a text is as JSON, as some columns have them; None if it is none."""
    if text.lstrip()[:1] != "[":
        return None
    from harmony_grammar.openai.any_form import is_conversation  # noqa: PLC0415  few rows need it

    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return data if is_conversation(data) else None


def _index(path: str) -> int:
    """Which of the messages of a row a JSON pointer leads to."""
    steps = path.split("/")
    return int(steps[2]) if len(steps) > 2 and steps[2].isdigit() else 0  # noqa: PLR2004


def _ids(value: list[Any]) -> list[int]:
    if any(type(item) is not int for item in value):
        index = next(i for i, item in enumerate(value) if type(item) is not int)
        raise BadRow(
            "no-transcript",
            f"item {index} of the list is {_kind(value[index])}",
            "a list of ids holds integers alone, a list of messages objects with a role",
        )
    return value


def _attended(ids: Sequence[int], mask: Any) -> list[int] | None:
    """The indices of the ids that a mask leaves; None if it leaves all, or is none."""
    if not isinstance(mask, Sequence) or not any(each in (0, False) for each in mask):
        return None
    padding = {index for index, each in enumerate(mask) if each in (0, False)}
    return [index for index in range(len(ids)) if index not in padding]


def _conversation(grammar: Grammar, messages: Any, row: Mapping[str, Any]) -> ReadJson:
    """The conversation that messages describe, in any form."""
    from harmony_grammar.openai.any_form import ROW_OPTIONS, form_of, read_json  # noqa: PLC0415  only messages need it

    form = form_of(messages)
    data = request_of(messages, row, form)
    try:
        return read_json(data, grammar, ROW_OPTIONS, form, is_row=True)
    except KeyError as error:
        message = f"a message lacks {error}"
    except RecursionError:
        message = "these are no messages: they nest too deeply"
    except (ValueError, TypeError, AttributeError) as error:
        message = f"these are no messages: {error}"
    raise BadRow("invalid-messages", message, "give a chat, items of Responses or wire JSON")


def request_of(messages: Any, row: Mapping[str, Any], form: JsonForm) -> dict[str, Any]:
    """The request that messages in any field of a row are, with what the row says of them."""
    name = {"responses": "input", "sharegpt": "conversations"}.get(form, "messages")
    return {**{key: row[key] for key in row if key not in _FIELDS}, name: messages}


def _written(grammar: Grammar, conversation: Conversation) -> str | list[int]:
    """The messages as text, or as ids if a body spells a special token."""
    try:
        return grammar.render(conversation)
    except RenderError:
        pass
    try:
        return grammar.encode(conversation)
    except (RenderError, UnicodeEncodeError) as error:
        raise BadRow(
            "unwritable-messages", str(error), "give each message fields that the format can write"
        ) from None


def _no_field(message: str) -> BadRow:
    return BadRow("no-transcript", message, "name the field with --field")


def _names(row: Mapping[str, Any]) -> str:
    return ", ".join(f"`{name}`" for name in row) or "no fields"


def _kind(value: Any) -> str:
    return _KINDS.get(type(value), f"a {type(value).__name__}")


_KINDS: Final = {
    type(None): "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "an object",
}


# An answer that was cut off is a fine prompt, so only a field of that name is taken for one.
_PROMPTS: Final = (StartChoice.PROMPT, StartChoice.CONVERSATION)
_TRANSCRIPTS: Final = (StartChoice.CONVERSATION, StartChoice.COMPLETION)


@dataclass(frozen=True)
class Settings:
    """How rows are checked.

    Attributes:
        name: what the file is called.
        grammar: the text of the grammar; None for the packaged one. A process loads it once.
        field: the field that holds the transcript; None to find out.
        start: the start symbol.
        lint: which lint rules are looked at, and how bad their findings are.
    """

    name: str
    grammar: str | None
    field: str | None
    start: StartChoice
    lint: Lint


def judge_batch(settings: Settings, batch: Batch) -> BatchResult:
    """Check the rows of a batch. A row that cannot be read is a finding."""
    result = BatchResult()
    with _uncollected():
        for number, row in decoded(batch):
            _judge_row(settings, batch.word, number, row, result)
    if batch.problem is not None:
        last = batch.first + len(batch.lines) + len(batch.values)
        bad = BadRow("invalid-row", batch.problem, "mend the file; what follows was not read")
        _add_bad(settings, batch.word, last, bad, result)
    return result


def decoded(batch: Batch) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers; instead of one that cannot be read, why. Blank lines go."""
    for number, line in enumerate(batch.lines, batch.first):
        if isinstance(line, BadRow):
            yield number, line
        elif not line.isspace():
            yield number, value_of(line)
    yield from enumerate(batch.values, batch.first)


def value_of(line: bytes) -> Any:
    """What a line says; why it cannot be read if it cannot."""
    try:
        return _loads()(line)
    except json.JSONDecodeError as error:  # the place in it is a column, for it is one line
        said = f"{error.msg}: column {error.colno}"
    except ValueError as error:
        said = str(error)
    except RecursionError:
        said = "it nests too deeply"
    return BadRow("invalid-row", f"the line is no JSON: {said}", "mend the line")


@cache
def _loads() -> Callable[[bytes], Any]:
    """The fastest JSON reader that is installed; what only the standard one takes is taken."""
    try:
        import orjson  # noqa: PLC0415  only data sets need it
    except ImportError:
        return decode

    def loads(line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except ValueError:
            return decode(line)

    return loads


def starts_of(field: str | None) -> tuple[StartChoice, ...]:
    """What a field may be: a prompt if it is called so, else a transcript or a completion."""
    return _PROMPTS if field == "prompt" else _TRANSCRIPTS


@contextmanager
def _uncollected() -> Iterator[None]:
    """No search for cycles meanwhile: what is read has none, and there is much of it."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _judge_row(settings: Settings, word: str, number: int, row: Any, result: BatchResult) -> None:
    grammar = grammar_in(settings.grammar)
    try:
        if isinstance(row, BadRow):
            raise row
        found = sources_of(grammar, row, settings.field)
    except BadRow as bad:
        _add_bad(settings, word, number, bad, result)
        return
    reports = [_judge_source(settings, word, number, given, result) for given in found]
    worst = next((report for report in reports if not report.ok), reports[0])
    messages = sum(len(report.conversation) for report in reports)
    result.count(worst.status, ok=worst.ok, messages=messages)


def _judge_source(
    settings: Settings, word: str, number: int, given: RowSource, result: BatchResult
) -> Report:
    """Check a transcript of a row, and keep what is found."""
    grammar = grammar_in(settings.grammar)
    starts = starts_of(given.field)
    _, report = judge(grammar, given.source, settings.start, settings.lint, starts)
    for note in given.notes:
        said = Diagnostic(
            DiagnosticCode.NOT_IN_FORMAT,
            Severity.WARNING,
            f"{note.path}: {note.message}",
            Span(0, 0),
        )
        place = _index(note.path)
        result.findings.append(Found(settings.name, said, number, word, given.field, place))
    for diagnostic in report.diagnostics:
        if diagnostic.code in given.ignored:
            continue
        index = _message_index(given.messages, report, diagnostic)
        placed = _replaced(diagnostic, given.places)
        found = Found(settings.name, placed, number, word, given.field, index)
        result.findings.append(found)
    return report


def _replaced(diagnostic: Diagnostic, places: Sequence[int] | None) -> Diagnostic:
    """A finding where it is in the row, of which padding was left out."""
    if places is None:
        return diagnostic
    ends = [*places, places[-1] + 1 if places else 0]
    begin, end = (ends[min(at, len(places))] for at in diagnostic.span)
    return replace(diagnostic, span=Span(begin, end))


def _message_index(
    indices: Sequence[int] | None, report: Report, diagnostic: Diagnostic
) -> int | None:
    """The index of the message that a finding is about, if the row is given as messages."""
    if not indices:
        return None
    ends = [message.offsets[3] for message in report.conversation if message.offsets]
    before = sum(end <= diagnostic.span.start for end in ends)
    return indices[min(before, len(indices) - 1)]


def _add_bad(settings: Settings, word: str, number: int, bad: BadRow, result: BatchResult) -> None:
    result.count(UNREADABLE, ok=False)
    said = Diagnostic(bad.code, Severity.ERROR, str(bad), Span(0, 0), hint=bad.hint)
    result.findings.append(Found(settings.name, said, number, word))


# --- several processes ---

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_AHEAD = 3  # batches that wait for each process, so that none is idle and memory stays small


@contextmanager
def pool(jobs: int) -> Iterator[Executor | None]:
    """The processes; None where one is enough, this one."""
    if jobs == 1:
        yield None
        return
    # Spawned, not forked: the progress bar has a thread.
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), _follow_the_parent)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _follow_the_parent() -> None:
    """Leave it to the parent to be interrupted, and end when it has ended, however it did."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with, args=(parent_process(),), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


def in_order(
    executor: Executor | None,
    jobs: int,
    work: Callable[[_Given], _Made],
    items: Iterable[_Given],
) -> Iterator[_Made]:
    """What `work` makes of each item, in order; few items are taken in advance.

    Args:
        executor: the processes, or None.
        jobs: how many there are.
        work: what to do; it must be possible to send it to another process.
        items: what to do it with.

    Raises:
        LostProcessError: if a process was ended by the system.
    """
    if executor is None:
        yield from map(work, items)
        return
    source = iter(items)
    waiting: deque[Future[_Made]] = deque()
    try:
        waiting.extend(executor.submit(work, item) for item in islice(source, jobs * _AHEAD))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(executor.submit(work, item) for item in islice(source, 1))
    except BrokenProcessPool:
        raise LostProcessError from None
