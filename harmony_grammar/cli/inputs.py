"""Reading inputs: files, folders and pipes; text or ids; and the grammar to read them with.

Editors end a text file with a newline, and on the wire there is none. So one newline at the very
end of a file is not taken for part of the transcript, unless that is asked for.
"""

from __future__ import annotations

import codecs
import glob
import json
import re
import sys
from dataclasses import dataclass
from enum import Enum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import typer

from harmony_grammar.cli.output import FINDINGS, Misuse, Output, finding_parts, one_line
from harmony_grammar.errors import GrammarError, HarmonyError, RenderError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harmony_grammar import Grammar, Report
    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.openai.any_form import ReadJson
    from harmony_grammar.tree import Conversation, Start

__all__ = [
    "STDIN",
    "Input",
    "InputKind",
    "StartChoice",
    "as_input",
    "called",
    "expand",
    "grammar_in",
    "grammar_of",
    "judge",
    "label",
    "may_be_json",
    "parsed",
    "read",
    "read_messages",
    "read_text",
    "show_error",
]

STDIN: Final = "-"
SUFFIX: Final = ".harmony"

_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")
_ID_CHARACTERS: Final = re.compile(r"[\s\d\[\],-]+")
_LINE_END: Final = re.compile(r"\r?\n\Z")
_AS_TEXT: Final = "if it is text, say `--input text`"


class InputKind(str, Enum):
    """What an input holds."""

    AUTO = "auto"
    TEXT = "text"
    IDS = "ids"
    CHAT = "chat"
    RESPONSES = "responses"
    SHAREGPT = "sharegpt"
    WIRE = "wire"


_NO_JSON: Final = (InputKind.TEXT, InputKind.IDS)


class StartChoice(str, Enum):
    """Which start symbol an input is read from."""

    AUTO = "auto"
    CONVERSATION = "conversation"
    PROMPT = "prompt"
    COMPLETION = "completion"


@dataclass(frozen=True, slots=True)
class Input:
    """What was read.

    Attributes:
        name: what to call it in messages.
        source: the text or the ids.
        data: how it was written.
        ending: the newline that was taken off its end.
        manner: whether it was text, a list of ids, ids as words, or messages as JSON.
    """

    name: str
    source: str | list[int]
    data: bytes
    ending: str = ""
    manner: Literal["text", "list", "words", "json"] = "text"

    def like(self, source: str | list[int]) -> bytes:
        """A text or ids in the manner that this input was written.

        Raises:
            Misuse: if it was written as messages.
        """
        if self.manner == "json":
            raise Misuse(
                f"{self.name}: these are messages as JSON, which are not written anew; "
                "`convert` makes a transcript of them"
            )
        if isinstance(source, str):
            text = source
        else:
            text = json.dumps(source) if self.manner == "list" else " ".join(map(str, source))
        mark = codecs.BOM_UTF8 if self.data.startswith(codecs.BOM_UTF8) else b""
        return mark + (text + self.ending).encode("utf-8", "surrogatepass")


# --- files and folders ---


def expand(names: Sequence[str], suffixes: tuple[str, ...] = (SUFFIX,)) -> list[str]:
    """The files that arguments name: of a folder, all transcripts below it.

    Args:
        names: files, folders, patterns such as `logs/**/*.jsonl`, and `-` for standard input.
        suffixes: how the names of files end that are looked for in folders.

    Raises:
        Misuse: if nothing is named, a folder has no transcript, nothing fits a pattern, or `-`
            comes twice.
    """
    if not names:
        raise Misuse(f"nothing to read: name files or folders, or {STDIN} for what is piped in")
    if list(names).count(STDIN) > 1:
        raise Misuse(f"{STDIN} stands twice, and standard input can be read once only")
    return [file for name in names for file in _files(name, suffixes)]


def _files(name: str, suffixes: tuple[str, ...]) -> list[str]:
    folder = Path(name)
    if name != STDIN and glob.has_magic(name) and not folder.exists():
        return _fitting(name)
    if name == STDIN or not folder.is_dir():
        return [name]
    paths = (path for path in folder.rglob("*") if path.name.endswith(suffixes))
    found = sorted(str(path) for path in paths if path.is_file())
    if not found:
        raise Misuse(
            f"{label(name)}: there is no *{SUFFIX} file in this folder; name the files instead"
        )
    return found


def _fitting(pattern: str) -> list[str]:
    found = sorted(name for name in glob.glob(pattern, recursive=True) if Path(name).is_file())  # noqa: PTH207  the pattern may be absolute
    if not found:
        raise Misuse(f"{label(pattern)}: no file fits this pattern")
    return found


def called(name: str) -> str:
    """What an input is called, for programs."""
    return "<stdin>" if name == STDIN else name


def label(name: str) -> str:
    """What to call an input in messages: on one line, whatever its name has."""
    return one_line(called(name))


def _piped() -> bytes:
    if sys.stdin is None:
        raise Misuse("standard input is closed: name a file")
    if sys.stdin.isatty():
        Output(sys.stderr).line(
            "reading from the terminal; end it with Ctrl-D on a line of its own"
        )
    return sys.stdin.buffer.read()


def _bytes_of(name: str) -> bytes:
    if name == STDIN:
        return _piped()
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        raise Misuse(f"{label(name)}: there is no such file; check the spelling") from None
    except IsADirectoryError:
        raise Misuse(f"{label(name)}: this is a folder; name a file in it") from None
    except PermissionError:
        raise Misuse(f"{label(name)}: reading it is not permitted; check its permissions") from None
    except OSError as error:
        raise Misuse(f"{label(name)}: {error.strerror or 'cannot be read'}") from None


def read_text(name: str) -> str:
    """The text of a file or of standard input, without a byte order mark.

    Raises:
        Misuse: if it cannot be read or is not UTF-8.
    """
    return _text(name, _bytes_of(name))


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if data.startswith(_UTF16_MARKS):
            raise Misuse(f"{label(name)}: this is UTF-16; save it as UTF-8") from None
        byte = data[error.start]
        raise Misuse(
            f"{label(name)}: byte {error.start} (0x{byte:02x}) is not UTF-8; save it as UTF-8, "
            "or give the ids"
        ) from None


def read(
    name: str,
    kind: InputKind = InputKind.AUTO,
    *,
    keep_newline: bool = False,
    grammar: Grammar | None = None,
) -> Input:
    """Read a file or standard input.

    Args:
        name: the file, or `-`.
        kind: what it holds; by itself it is found out: what consists of digits, white space,
            commas and brackets alone is ids, and JSON with messages or items is a conversation.
        keep_newline: whether a newline at the very end of a text is part of it.
        grammar: the grammar that messages are written in; None for the packaged one.

    Raises:
        Misuse: if it cannot be read, or does not hold what it should.
    """
    data = _bytes_of(name)
    return as_input(name, _text(name, data), kind, data, keep_newline=keep_newline, grammar=grammar)


def as_input(  # noqa: PLR0913  two are for what is rare
    name: str,
    text: str,
    kind: InputKind = InputKind.AUTO,
    data: bytes = b"",
    *,
    keep_newline: bool = False,
    grammar: Grammar | None = None,
) -> Input:
    """What a text that was read holds; see `read`."""
    if kind is InputKind.IDS or (kind is InputKind.AUTO and _looks_like_ids(text)):
        ids, manner = _ids(label(name), text, told=kind is InputKind.IDS)
        return Input(label(name), ids, data, "\n" if text.endswith("\n") else "", manner)
    if kind not in _NO_JSON and (kind is not InputKind.AUTO or may_be_json(text)):
        source = _messages(label(name), text, kind, grammar)
        if source is not None:
            return Input(label(name), source, data, manner="json")
    end = None if keep_newline else _LINE_END.search(text, max(0, len(text) - 2))
    body = text[: end.start()] if end else text
    return Input(label(name), body, data, text[len(body) :])


# --- messages as JSON ---


def may_be_json(text: str) -> bool:
    """Whether a text begins as JSON that messages are."""
    return text.lstrip()[:1] in ("{", "[")


def _messages(
    name: str, text: str, kind: InputKind, grammar: Grammar | None
) -> str | list[int] | None:
    """The transcript that messages are; None if these are none, and need not be.

    Raises:
        Misuse: if they cannot be read or written.
    """
    loaded = grammar or grammar_of(None)
    read = read_messages(name, text, loaded, kind)
    try:
        return None if read is None else _written(loaded, read.conversation)
    except HarmonyError as error:
        raise _no_messages(name, str(error)) from None


def read_messages(
    name: str, text: str, grammar: Grammar, kind: InputKind = InputKind.AUTO
) -> ReadJson | None:
    """The conversation that a text has as JSON; what has no place in it is told.

    Args:
        name: what to call the input in messages.
        text: the text.
        grammar: the grammar.
        kind: the form; by itself it is found out.

    Returns:
        The conversation; None if there is none, and need not be.

    Raises:
        Misuse: if it cannot be read.
    """
    from harmony_grammar.openai.any_form import is_conversation, read_json  # noqa: PLC0415  few inputs are
    from harmony_grammar.openai.options import Options  # noqa: PLC0415

    told = kind is not InputKind.AUTO
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        if told:
            raise Misuse(f"{name}: this is no JSON: {error}") from None
        return None
    if not told and not is_conversation(data):
        return None
    form: Any = kind.value if told else None
    try:
        read = read_json(data, grammar, Options(media="skip", unsupported_tools="skip"), form)
    except KeyError as error:
        raise _no_messages(name, f"a message lacks {error}") from None
    except (HarmonyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise _no_messages(name, str(error)) from None
    for note in read.notes:
        Output(sys.stderr).line(f"{name}: ", ("note: ", "bold yellow"), one_line(str(note)))
    return read


def _no_messages(name: str, said: str) -> Misuse:
    return Misuse(f"{name}: these are no messages: {said}")


def _written(grammar: Grammar, conversation: Conversation) -> str | list[int]:
    """A conversation as text, or as ids if a body spells a special token."""
    try:
        return grammar.render(conversation)
    except RenderError:
        return grammar.encode(conversation)


# --- ids ---


def _looks_like_ids(text: str) -> bool:
    return not text.isspace() and _ID_CHARACTERS.fullmatch(text) is not None


def _ids(name: str, text: str, *, told: bool) -> tuple[list[int], Literal["list", "words"]]:
    remedy = "" if told else f"; {_AS_TEXT}"
    if text.lstrip().startswith("["):
        return _id_list(name, text, remedy), "list"
    return _id_words(name, text, remedy), "words"


def _id_list(name: str, text: str, remedy: str) -> list[int]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, ValueError) else "it nests too deeply"
        raise Misuse(f"{label(name)}: this is no JSON list of ids: {said}{remedy}") from None
    for index, item in enumerate(items):
        if type(item) is not int:
            raise Misuse(
                f"{name}: item {index} of the list is {json.dumps(item)[:40]}, and an id is an "
                f"integer; give one flat list{remedy}"
            )
    return cast("list[int]", items)


def _id_words(name: str, text: str, remedy: str) -> list[int]:
    ids: list[int] = []
    for index, word in enumerate(text.replace(",", " ").split()):
        try:
            ids.append(int(word))
        except ValueError:  # noqa: PERF203  the word that is wrong has to be named
            raise Misuse(
                f"{name}: word {index} is {word[:40]!r}, and an id is an integer; give a JSON "
                f"list, or integers separated by white space{remedy}"
            ) from None
    return ids


# --- start symbols ---


def judge(
    grammar: Grammar,
    source: str | list[int],
    choice: StartChoice,
    lint: Lint | None = None,
    candidates: Sequence[StartChoice] = tuple(StartChoice)[1:],
) -> tuple[Start, Report]:
    """Check an input from the start symbol that was chosen, or from the one that fits best.

    The one that fits best is the first of the candidates under which the input is complete; if
    there is none, the first whose error comes furthest on. If all are wrong at once, an input that
    does not begin as a message does is what a model said.

    Args:
        grammar: the grammar.
        source: the text or the ids.
        choice: what was chosen.
        lint: which lint rules are looked at; None for all.
        candidates: what it may be if that was not chosen.

    Returns:
        The start symbol, and the report under it.
    """
    starts = candidates if choice is StartChoice.AUTO else [choice]
    best: tuple[Start, Report] | None = None
    for start in cast("list[Start]", [one.value for one in starts]):
        report = grammar.check(source, start, lint)
        if report.status == "complete":
            return start, report
        if best is None or _reach(report) > _reach(best[1]):
            best = start, report
    used, report = cast("tuple[Start, Report]", best)
    if (
        used != "completion"
        and StartChoice.COMPLETION in starts
        and _begins_inside(grammar, source)
    ):
        other = grammar.check(source, "completion", lint)
        if _reach(other) == _reach(report):
            return "completion", other
    return used, report


def _begins_inside(grammar: Grammar, source: str | list[int]) -> bool:
    """Whether the first special token of an input is not that which begins a message."""
    from harmony_grammar.reading.faults import lost_tokens  # noqa: PLC0415  what is well needs none

    rules, text = grammar.rules, ""
    for piece in grammar.parser.source(source).pieces(0, len(source)):
        if piece.special:
            return piece.special != rules.meaning.message_start
        text = text or piece.text
    return lost_tokens(rules, text)


def _reach(report: Report) -> int:
    """Where the error of an input that is not complete is."""
    return report.diagnostics[-1].span.start


def show_error(name: str, report: Report) -> None:
    """Show on standard error why an input is not complete."""
    Output(sys.stderr).lines(finding_parts(name, report.diagnostics[-1]))


def parsed(grammar: Grammar, given: Input, start: StartChoice) -> Conversation:
    """The tree of an input.

    Raises:
        typer.Exit: if the input is not complete, after saying why.
    """
    _, report = judge(grammar, given.source, start)
    if report.status != "complete":
        show_error(given.name, report)
        raise typer.Exit(FINDINGS)
    return report.conversation


# --- the grammar ---


def grammar_of(path: Path | None) -> Grammar:
    """The grammar in a file; without one, the packaged one.

    Raises:
        Misuse: if the file cannot be read, or holds no grammar of the format.
    """
    import harmony_grammar as hg  # noqa: PLC0415  help texts need none of it

    if path is None:
        return hg.Grammar.default()
    text = read_text(str(path))
    try:
        return grammar_in(text)
    except GrammarError as error:
        said = "\n".join([f"{label(str(path))}: {error}", *_pointed(text, error)])
        raise Misuse(said) from None


@cache
def grammar_in(text: str | None) -> Grammar:
    """The grammar of a text, loaded once in each process; without one, the packaged one.

    Raises:
        GrammarError: if the text is no grammar of the format.
    """
    import harmony_grammar as hg  # noqa: PLC0415  help texts need none of it

    return hg.Grammar.default() if text is None else hg.Grammar.from_text(text)


def _pointed(text: str, error: GrammarError) -> list[str]:
    """The line of a grammar that is wrong, with a caret below the place."""
    if error.line is None or "\n" in str(error):  # an error of several lines points already
        return []
    lines = [*text.split("\n"), ""]
    line = lines[min(error.line, len(lines)) - 1].replace("\t", " ")
    return [f"  {line}", f"  {' ' * ((error.column or 1) - 1)}^"]
