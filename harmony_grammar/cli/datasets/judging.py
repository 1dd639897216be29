"""Checking batches of rows, also in several processes, with the results in order."""

from __future__ import annotations

import gc
import json
import signal
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final, TypeVar

from harmony_grammar import Diagnostic, Severity, Span
from harmony_grammar.cli.datasets.rows import BadRow, source_of
from harmony_grammar.cli.inputs import StartChoice, grammar_in, judge
from harmony_grammar.cli.results import UNREADABLE, BatchResult, Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor, Future

    from harmony_grammar import Report
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.cli.datasets.files import Batch

__all__ = ["Settings", "decoded", "in_order", "judge_batch", "pool", "starts_of"]

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
        last = batch.first + batch.size
        bad = BadRow("invalid-row", batch.problem, "mend the file; what follows was not read")
        _add_bad(settings, batch.word, last, bad, result)
    return result


def decoded(batch: Batch) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers; instead of one that is no JSON, the reason. Blank lines go."""
    loads = _loads()
    for number, line in enumerate(batch.lines, batch.first):
        if line.isspace():
            continue
        try:
            yield number, loads(line)
        except (ValueError, RecursionError) as error:
            yield number, BadRow("invalid-row", _no_json(error), "mend the line")
    yield from enumerate(batch.values, batch.first)


def _no_json(error: Exception) -> str:
    """What is wrong with a line; the place in it is a column, for it is one line."""
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error.msg}: column {error.colno}"
    return f"the line is no JSON: {error}"


@cache
def _loads() -> Callable[[bytes], Any]:
    """The fastest JSON reader that is installed; what only the standard one takes is taken."""
    try:
        import orjson  # noqa: PLC0415  only data sets need it
    except ImportError:
        return _standard

    def loads(line: bytes) -> Any:
        try:
            return orjson.loads(line)
        except ValueError:
            return _standard(line)

    return loads


def starts_of(field: str | None) -> tuple[StartChoice, ...]:
    """What a field may be: a prompt if it is called so, else a transcript or a completion."""
    return _PROMPTS if field == "prompt" else _TRANSCRIPTS


def _standard(line: bytes) -> Any:
    return json.loads(line.rstrip(b"\r\n"))


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
        given = source_of(grammar, row, settings.field)
    except BadRow as bad:
        _add_bad(settings, word, number, bad, result)
        return
    starts = starts_of(given.field)
    _, report = judge(grammar, given.source, settings.start, settings.lint, starts)
    result.count(report.status, ok=report.ok, messages=len(report.conversation))
    for diagnostic in report.diagnostics:
        index = _message_index(given.messages, report, diagnostic)
        found = Found(settings.name, diagnostic, number, word, given.field, index)
        result.findings.append(found)


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
    executor = ProcessPoolExecutor(jobs, get_context("spawn"), _leave_interrupts_to_the_parent)
    try:
        yield executor
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    """
    if executor is None:
        yield from map(work, items)
        return
    source = iter(items)
    waiting: deque[Future[_Made]] = deque()
    waiting.extend(executor.submit(work, item) for item in islice(source, jobs * _AHEAD))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(executor.submit(work, item) for item in islice(source, 1))
