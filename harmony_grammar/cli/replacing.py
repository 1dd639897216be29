"""Writing files: whole, or not at all.

What is written takes the place of the old file when all of it is on the disk, so that a full
disk, an error or a killed process leave the old file or the new one, never a part. A link keeps
its place, and a file its permissions and its owner.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NewFile", "replacing"]

_PREFIX: Final = ".harmony-grammar-"


class NewFile:
    """A file that is being written.

    Args:
        stream: what is written to.

    Attributes:
        discarded: whether the old file is to stay, whatever was written.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.discarded = False


@contextmanager
def replacing(path: Path) -> Iterator[NewFile]:
    """A file that takes the place of another one, or is a new one, once it is closed.

    Raises:
        OSError: if it cannot be written; the old file is as it was.
    """
    target = Path(os.path.realpath(path))
    old = _state(target)
    if old is not None and not stat.S_ISREG(old.st_mode):  # a device or a pipe keeps nothing
        with target.open("wb") as stream:
            yield NewFile(stream)
        return
    if old is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    handle, name = _unnamed(target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            new = NewFile(stream)
            yield new
            stream.flush()
            _like(handle, name, old)
            os.fsync(handle)
            if name is None and not new.discarded:
                name = _named(handle, target.parent)
        if name is not None and not new.discarded:
            Path(name).replace(target)
            name = None
            _flush_folder(target.parent)
    finally:
        if name is not None:
            Path(name).unlink(missing_ok=True)


def _state(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _unnamed(folder: Path) -> tuple[int, str | None]:
    """A file in a folder; without a name where the system can, so that nothing of it can stay."""
    flag = getattr(os, "O_TMPFILE", 0)
    if flag and Path("/proc/self/fd").exists():
        with suppress(OSError):  # many file systems cannot
            return os.open(folder, flag | os.O_RDWR, 0o600), None
    return tempfile.mkstemp(dir=folder, prefix=_PREFIX)


def _named(handle: int, folder: Path) -> str:
    """Give a file without a name one."""
    name = str(folder / f"{_PREFIX}{secrets.token_hex(8)}")
    # With a folder told, Python calls `linkat`, which alone follows what stands in /proc.
    os.link(f"/proc/self/fd/{handle}", name, src_dir_fd=handle, follow_symlinks=True)
    return name


def _like(handle: int, name: str | None, old: os.stat_result | None) -> None:
    """Give a file the owner and the permissions of the old one, or those of any new one."""
    where = handle if os.chmod in os.supports_fd or name is None else name
    if old is None:
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(where, 0o666 & ~mask)  # noqa: PTH101  it may have no name
        return
    if hasattr(os, "chown"):
        with suppress(OSError):  # only root may give a file away
            os.chown(where, old.st_uid, old.st_gid)
    os.chmod(where, stat.S_IMODE(old.st_mode))  # noqa: PTH101


def _flush_folder(folder: Path) -> None:
    """Have the new name on the disk; where folders cannot be opened, the system does it."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
