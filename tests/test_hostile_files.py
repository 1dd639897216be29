"""Files that are broken, packed, linked or huge: whatever was there stays, and every fault is told.

Each case has a neighbour beside it that is harmless and must be read whole.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from harmony_grammar.cli.app import build
from harmony_grammar.cli.datasets.files import DataKind, OpenedFile
from harmony_grammar.cli.datasets.rows import Between, Damage, Row, rows_of, with_transcript

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

GOOD = "<|start|>user<|message|>Hi<|end|>"
BAD = "<|start|>user<|message|>Hi<|start|>assistant<|channel|>final<|message|>x<|end|>"
MENDED = "<|start|>user<|message|>Hi<|end|><|start|>assistant<|channel|>final<|message|>x<|end|>"
PROGRAM = "from harmony_grammar.cli import main; main()"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object, stdin: str | bytes = "") -> Result:
    result: Result = CliRunner().invoke(build(), [*map(str, arguments)], input=stdin)
    return result


def found(*arguments: object) -> list[tuple[Any, str, str]]:
    """Where the findings of a check are, their codes, and what they say."""
    lines = run("check", "--format", "jsonl", *arguments).stdout.splitlines()
    data = [json.loads(line) for line in lines[:-1]]
    return [(d.get("line", d.get("row")), d["code"], d["message"]) for d in data]


def summary(path: Path) -> str:
    return str(run("check", "--summary", path).stdout.splitlines()[0])


def write(name: str, data: bytes | str) -> Path:
    path = Path(name)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def line(text: str = GOOD, **other: Any) -> str:
    return json.dumps({**other, "text": text}) + "\n"


def names() -> list[str]:
    return sorted(entry.name for entry in Path().iterdir())


def zstd(data: bytes) -> bytes:
    module = pytest.importorskip("zstandard")
    packed: bytes = module.ZstdCompressor(write_checksum=True).compress(data)
    return packed


# --- packed files ---

ROWS = (line() * 500).encode()
PACKS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstd}


@pytest.mark.parametrize("suffix", PACKS)
@pytest.mark.parametrize("frames", [1, 5])
@pytest.mark.parametrize("harm", ["cut", "flip", "tail"])
def test_a_damaged_pack_is_told_and_stays(suffix: str, frames: int, harm: str) -> None:
    whole = PACKS[suffix](ROWS) * frames
    middle = len(whole) - len(whole) // frames // 2
    harmed = {
        "cut": whole[:-9],
        "flip": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
        "tail": whole + b"what is this",
    }[harm]
    path = write(f"a.jsonl{suffix}", harmed)
    *_, (_, code, said) = found(path)
    assert (code, "the file is damaged from here on" in said) == ("invalid-row", True)
    result = run("recover", "--write", path)
    assert result.exit_code == 1
    assert "stays as it is" in result.stderr
    assert path.read_bytes() == harmed
    assert names() == [path.name]


@pytest.mark.parametrize("suffix", PACKS)
def test_whole_packs_are_read_whole(suffix: str) -> None:
    pack = PACKS[suffix]
    skippable = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc" if suffix == ".zst" else b""
    path = write(f"a.jsonl{suffix}", pack(ROWS) + skippable + pack(ROWS))
    assert summary(path) == "1 data set, 1,000 rows, 1,000 messages: 1,000 complete"
    before = path.read_bytes()
    assert run("recover", "--write", path).exit_code == 0
    assert path.read_bytes() == before  # nothing was to be mended


def test_what_can_be_read_of_a_damaged_file_is_written_elsewhere() -> None:
    path = write("a.jsonl.gz", gzip.compress((line() * 20_000).encode())[:-9])
    assert run("recover", "-q", "--out", "out", path).exit_code == 1
    assert summary(Path("out/a.jsonl.gz")) == (
        "1 data set, 20,000 rows, 20,000 messages: 20,000 complete"
    )
    there = path.read_bytes()
    assert run("recover", "-q", "--out", ".", path).exit_code == 1  # that is where it stands
    assert path.read_bytes() == there


@pytest.mark.parametrize("suffix", PACKS)
def test_a_row_that_unpacks_to_very_much_is_not_read(suffix: str) -> None:
    size = 40_000_000
    data = b"a" * size + b"\n" + line().encode()
    path = write(f"a.jsonl{suffix}", PACKS[suffix](data))
    assert path.stat().st_size < 60_000
    told = found("--longest-row", "2", path)
    assert told == [(1, "invalid-row", "the row is longer than 2 MB")]
    assert "2 rows, 1 message: 1 complete, 1 unreadable" in summary(path)
    assert peak("check", "--longest-row", "2", path) < peak("check", write("b.jsonl", line())) + 25


def peak(*arguments: object) -> float:
    """How many megabytes a command takes at most."""
    command = [sys.executable, "-c", PROGRAM, *map(str, arguments)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603  ours
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_maxrss / 1000


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_row_that_is_too_long_stays(name: str) -> None:
    long = line("x" * 3_000_000)
    data = long + line(BAD) if name == "a.jsonl" else f"[{line(BAD)},{long},{line(BAD)}]"
    path = write(name, data)
    result = run("recover", "--write", "--longest-row", "2", path)
    assert result.exit_code == 1
    assert "the row is longer than 2 MB" in result.stderr
    assert path.read_text("utf-8") == data
    run("recover", "-q", "--longest-row", "9", "--start", "conversation", "--write", path)
    assert MENDED in path.read_text("utf-8")


# --- JSON ---


def test_a_list_stays_a_list() -> None:
    rows = [{"text": BAD if n == 7 else GOOD, "n": n} for n in range(300)]
    path = write("l.json", json.dumps(rows, indent=1))
    for _ in range(2):
        assert run("recover", "-q", "--write", path).exit_code == 0
        assert json.loads(path.read_text("utf-8")) == [
            *rows[:7],
            {**rows[7], "text": MENDED},
            *rows[8:],
        ]
    assert path.read_text("utf-8") == json.dumps(rows, indent=1).replace(BAD, MENDED)


@pytest.mark.parametrize(
    ("text", "rows", "said"),
    [
        (f"[{line()},{{bad}},{line()}]", 2, "Expecting property name"),
        (f"[{line()} {line()}]", 2, "Expecting ',' delimiter"),
        (f"[{line()},]", 2, "Expecting value"),
        (f"[{line()}", 2, "the list does not end"),
        (f"[{line()}] {line()}", 2, "more follows"),
        (f"{line()}{line()}", 2, "more follows; if a row stands on each line, say `--data jsonl`"),
        (f"[{line()},{'[' * 10_000}{']' * 10_000}]", 2, "it nests too deeply"),
        (f"[{line()},\x00]", 2, "Expecting value"),
        (f"[{line()},\udcff]", 2, "can't decode byte 0xff"),
    ],
)
def test_where_a_list_breaks_off(text: str, rows: int, said: str) -> None:
    path = write("a.json", text.encode("utf-8", "surrogateescape"))
    last, code, message = found(path)[-1]
    assert (last, code, said in message) == (rows, "invalid-row", True)
    before = path.read_bytes()
    assert run("recover", "--write", path).exit_code == 1
    assert path.read_bytes() == before
    assert json.loads(run("recover", "-q", path).stdout) in (
        [json.loads(line())],
        json.loads(line()),
    )


@pytest.mark.parametrize(
    "text", ["[]", "[ ]\n", f"\ufeff[\n{line()},\n{line()}]\n", line(), f" {line()}"]
)
def test_whole_json_is_read_whole(text: str) -> None:
    path = write("a.json", text)
    assert found("--data", "json", path) == []
    assert run("recover", "-q", "--data", "json", path).stdout_bytes == text.encode()


def test_a_syntax_error_in_a_list_takes_no_memory() -> None:
    many = ",".join([line()] * 100_000)
    good, bad = write("a.json", f"[{many}]"), write("b.json", f"[{line()},{{bad}},{many}]")
    assert peak("check", "--summary", bad) < peak("check", "--summary", good) + 5


@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
), st.sampled_from([None, 1, "\t"]), st.booleans())  # fmt: skip
def test_json_is_split_into_rows_without_loss(value: Any, indent: Any, ascii_only: bool) -> None:  # noqa: FBT001
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    data = f"{text}\n".encode("utf-8", "surrogatepass")
    path = write("a.json", data)
    opened = OpenedFile(str(path))
    parts = list(rows_of(opened, DataKind.JSON, None, 1 << 20))
    opened.close()
    if any(isinstance(part, Damage) for part in parts):
        assert "\\ud" in repr(text)  # half a character, which is no UTF-8
        return
    assert b"".join(part.data for part in parts if isinstance(part, Row | Between)) == data
    rows = [part.value for part in parts if isinstance(part, Row)]
    assert rows == (value if isinstance(value, list) else [value])


# --- other fields ---


@pytest.mark.parametrize(
    "other",
    [
        '"id": 12345678901234567890123',
        '"x": 1e400',
        '"x": -0.0, "y": 1E5, "z": 1.10',
        '"s": "\\ud800"',
        '"s": "\\u00e9 \\/"',
        '"s":"é",  "t" :[1,2 , 3]',
        '"text": "an older one"',
        '"n": NaN',
        f'"n": {"9" * 5000}',
        f'"deep": {"[" * 500}{"]" * 500}',
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_other_fields_stay_as_they_are_written(other: str, ending: str) -> None:
    row = f'{{{other}, "text": "{BAD}" , "é": 1}}{ending}'
    before = f'{{{other}, "text": "{GOOD}"}}\n \n'
    path = write("a.jsonl", before + row)
    result = run("recover", "-q", "--write", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().decode() == before + row.replace(BAD, MENDED)


def test_ids_and_whole_rows_are_mended_as_they_are_written() -> None:
    ids = [200006, 1428, 200008, 12194]
    path = write(
        "a.jsonl", f'{{"ids":{json.dumps(ids, separators=(",", ":"))}}}\n {json.dumps(BAD)}\n'
    )
    assert run("recover", "-q", "--write", path).exit_code == 0
    assert path.read_text("utf-8") == (
        f'{{"ids":[200006,1428,200008,12194,200007]}}\n {json.dumps(MENDED)}\n'
    )


def test_signs_that_are_no_characters_stay_escaped() -> None:
    row = b'{"text": "\\ud800 ' + BAD.encode() + b'"}'
    mended = with_transcript(row, "text", "\ud800 é")
    assert mended == b'{"text": "\\ud800 \\u00e9"}'
    assert (
        with_transcript('{"text": "é"}'.encode(), "text", "\ud800é")
        == '{"text": "\\ud800é"}'.encode()
    )


def test_nested_rows_are_findings() -> None:
    deep = '{"messages": [{"role": "user", "content": ' + "[" * 900 + "]" * 900 + "}]}\n"
    deeper = '{"text": ' + "[" * 10_000 + "]" * 10_000 + "}\n"
    path = write("d.jsonl", line() + deep + deeper + line("<|start|>usr"))
    told = [(row, code) for row, code, _ in found(path)]
    assert told[:2] == [(2, "invalid-messages"), (3, "invalid-row")]
    assert told[2][0] == 4


def test_a_column_that_holds_no_transcript_is_not_read() -> None:
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq  # noqa: PLC0415  it may be missing

    when = pa.array([1], type=pa.timestamp("ns"))
    pq.write_table(pa.table({"text": [GOOD], "when": when}), "a.parquet")
    assert found("a.parquet") == []
    pq.write_table(pa.table({"when": when, "x": [1.5]}), "b.parquet")
    assert [code for _, code, _ in found("b.parquet")] == ["no-transcript"]


def test_a_pipe_is_read_once() -> None:
    os.mkfifo("p.json")
    writer = threading.Thread(target=lambda: Path("p.json").write_text(f"[{line()}]", "utf-8"))
    writer.start()
    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", PROGRAM, "check", "p.json"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    writer.join()
    assert "1 row: 1 complete" in done.stdout


# --- writing ---


def test_a_link_stays_and_what_it_leads_to_is_mended() -> None:
    write("real.harmony", BAD).chmod(0o640)
    Path("link.harmony").symlink_to("real.harmony")
    assert run("recover", "-q", "--write", "link.harmony").exit_code == 0
    assert Path("link.harmony").is_symlink()
    assert Path("real.harmony").read_text("utf-8") == MENDED
    assert Path("real.harmony").stat().st_mode & 0o777 == 0o640


def test_what_needs_no_mending_is_not_touched() -> None:
    path = write("a.harmony", b"\xef\xbb\xbf" + GOOD.encode() + b"\r\n")
    before = path.stat()
    assert run("recover", "--write", path).exit_code == 0
    assert path.stat().st_ino == before.st_ino
    path = write("b.harmony", b"\xef\xbb\xbf" + BAD.encode() + b"\r\n")
    assert run("recover", "-q", "--write", path).exit_code == 0
    assert path.read_bytes() == b"\xef\xbb\xbf" + MENDED.encode() + b"\r\n"


def test_a_device_is_written_to_and_stays_one() -> None:
    path = write("a.harmony", GOOD)
    assert run("view", path, "-o", "/dev/null").exit_code == 0
    assert Path("/dev/null").is_char_device()


def test_a_bad_file_does_not_stop_the_others() -> None:
    write("a.harmony", b"\xff")
    path = write("b.harmony", BAD)
    assert run("recover", "-q", "--write", "a.harmony", path).exit_code == 2
    assert path.read_text("utf-8") == MENDED


# Each of these writes over a file in `old`.
COMMANDS = {
    "recover": ["recover", "-q", "--write", "old/a.jsonl.gz"],
    "format": ["format", "old/a.harmony"],
    "view": ["view", "old/a.harmony", "-o", "old/page.html"],
    "docs": ["docs", "--format", "ebnf", "--out", "old"],
}
CALL = "<|start|>assistant<|channel|>commentary to=functions.f<|message|>{}<|call|>"
FULL = """
import resource, sys
size = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
"""
# Ends the process at a call that works on files, counted from where a new one is made.
KILLED = """
import os, signal, sys
from harmony_grammar.cli import replacing
left = int(sys.argv.pop(1))
CALLS = {"write", "flush", "fsync", "chmod", "chown", "link", "replace", "rename", "close"}
def watch(frame, event, function):
    global left
    if event == "c_call" and function.__name__ in CALLS and type(function.__self__) is not str:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
def made(*_, make=replacing._unnamed):
    sys.setprofile(watch)
    return make(*_)
replacing._unnamed = made
"""


def prepare() -> dict[str, bytes]:
    """Make the folder anew; what is in its files."""
    folder = Path("old")
    folder.mkdir(exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    (folder / "a.jsonl.gz").write_bytes(gzip.compress((line(BAD) * 50).encode(), mtime=0))
    (folder / "a.harmony").write_text(CALL, "utf-8")
    for name in ("page.html", "grammar.ebnf"):
        (folder / name).write_text("what was there", "utf-8")
    return content()


def content() -> dict[str, bytes]:
    """What is in the files; of what is packed, what it holds."""
    made = {path.name: path.read_bytes() for path in Path("old").iterdir()}
    return {name: gzip.decompress(d) if name.endswith(".gz") else d for name, d in made.items()}


def process(head: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", head + PROGRAM, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  ours


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_leaves_the_old_file(command: str) -> None:
    old = prepare()
    for size in (0, 1, 30):
        done = process(FULL, size, *COMMANDS[command])
        assert (done.returncode, content()) == (2, old)
        assert "File too large" in done.stderr
    assert process(FULL, 1 << 30, *COMMANDS[command]).returncode == 0
    assert content() != old


@pytest.mark.parametrize("command", ["recover", "format", "view"])
def test_a_killed_process_leaves_the_old_file_or_the_new_one(command: str) -> None:
    old = prepare()
    assert run(*COMMANDS[command]).exit_code == 0
    new = content()
    assert new.keys() == old.keys()
    outcomes = set()
    for calls in (0, 1, 2, 4, 5, 6, 7, 99):
        prepare()
        done = process(KILLED, calls, *COMMANDS[command])
        now = content()
        hidden = {name: now.pop(name) for name in list(now) if name not in old}
        assert now in (old, new), calls
        assert len(hidden) <= (done.returncode == -9)  # between having a name and the right one
        outcomes.add((done.returncode, now == new))
    assert outcomes >= {(-9, False), (0, True)}
