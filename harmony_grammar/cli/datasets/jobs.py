"""Work on batches in several processes, with the results in the order of the input."""

from __future__ import annotations

import signal
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor, Future

__all__ = ["in_order", "pool"]

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
