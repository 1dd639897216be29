"""`harmony-grammar convert`: conversations from one form to another, one or a data set of them."""

# No `from __future__ import annotations`: typer reads the annotations at run time.

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from harmony_grammar.cli.datasets.files import MEGABYTE, DataKind, OpenedFile, kind_of, packed
from harmony_grammar.cli.datasets.judging import request_of, source_of, value_of, wholes_of
from harmony_grammar.cli.datasets.rows import BadRow, Damage, Row, rows_of
from harmony_grammar.cli.inputs import (
    STDIN,
    InputKind,
    StartChoice,
    as_input,
    grammar_of,
    judge,
    label,
    parsed,
    read_text,
)
from harmony_grammar.cli.options import Field, File, GrammarFile, LongestRow
from harmony_grammar.cli.output import FINDINGS, Misuse, Output, complain, one_line, write_bytes
from harmony_grammar.cli.progress import Meter
from harmony_grammar.cli.replacing import replacing
from harmony_grammar.errors import HarmonyError

if TYPE_CHECKING:
    from harmony_grammar import Conversation, Grammar
    from harmony_grammar.openai.any_form import ReadJson
    from harmony_grammar.openai.notes import ConversionNote
    from harmony_grammar.openai.options import Options

__all__ = ["register"]


class FormTo(str, Enum):
    """What is written."""

    TEXT = "text"
    IDS = "ids"
    CHAT = "chat"
    RESPONSES = "responses"
    WIRE = "wire"


class CallSpellingChoice(str, Enum):
    """How the header of a call is written."""

    OPENAI = "openai"
    CONSTRAINED = "openai-constrain"
    MODEL = "model"


class Reasoning(str, Enum):
    """Which reasoning stays."""

    AUTO = "auto"
    ALL = "all"
    NONE = "none"


class MediaChoice(str, Enum):
    """What stands for images, audio and files."""

    ERROR = "error"
    PLACEHOLDER = "placeholder"
    SKIP = "skip"


_JSON_FORMS: Final = (InputKind.CHAT, InputKind.RESPONSES, InputKind.SHAREGPT, InputKind.WIRE)


_From = Annotated[
    InputKind,
    typer.Option(
        "--from",
        help="What is read: a request or messages of Chat Completions (chat), of Responses, "
        "ShareGPT, openai_harmony's wire JSON (wire), decoded text, or ids. By itself (auto) "
        "it is found out.",
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", show_default="standard output", help="Where to."
    ),
]
_Data = Annotated[
    DataKind,
    typer.Option(
        "--data",
        help="What kind of data set the file is; none for one conversation. By itself (auto): "
        "JSON Lines and Parquet by the name of the file.",
    ),
]
_Date = Annotated[
    str | None,
    typer.Option(
        "--date",
        metavar="YYYY-MM-DD",
        show_default="none",
        help="The current date of a prompt.",
    ),
]
_CallSpelling = Annotated[
    CallSpellingChoice,
    typer.Option("--spelling", help="How the headers of calls are written."),
]
_Keep = Annotated[
    Reasoning,
    typer.Option(
        "--keep-reasoning",
        help="Which reasoning stays: what no answer has made superfluous (auto), all, or none.",
    ),
]
_Media = Annotated[
    MediaChoice,
    typer.Option("--media", help="What stands for images, audio and files, which no model reads."),
]
_Strict = Annotated[
    bool,
    typer.Option("--strict", help="Take what has no place on the other side for an error."),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Do not say what had no place.")]
_Notes = Annotated[
    Path | None,
    typer.Option(
        "--notes",
        metavar="FILE",
        show_default="standard error",
        help="Where to say what had no place, as JSON Lines: file, row, code, path and message.",
    ),
]
_To = Annotated[FormTo, typer.Option("--to", help="What is written.")]


def _convert(  # noqa: PLR0913  each is an option
    file: File = STDIN,
    *,
    read_as: _From = InputKind.AUTO,
    to: _To = FormTo.TEXT,
    output: _Out = None,
    data: _Data = DataKind.AUTO,
    field: Field = None,
    longest_row: LongestRow = 256,
    date: _Date = None,
    spelling: _CallSpelling = CallSpellingChoice.OPENAI,
    keep_reasoning: _Keep = Reasoning.AUTO,
    media: _Media = MediaChoice.ERROR,
    strict: _Strict = False,
    notes: _Notes = None,
    quiet: _Quiet = False,
    grammar: GrammarFile = None,
) -> None:
    """Convert conversations: API requests, messages, transcripts and ids.

    A data set becomes JSON Lines: a row each, with `text`, `ids`, or what a request or wire JSON
    has. What has no place on the other side is told on standard error. A row that cannot be
    converted is told, too, and left out. For training on whole conversations, keep all reasoning.

    \b
    Examples:
      harmony-grammar convert request.json --to ids
      harmony-grammar convert chats.jsonl --to text -o transcripts.jsonl
      harmony-grammar convert chats.jsonl --keep-reasoning all --notes notes.jsonl -o train.jsonl
      harmony-grammar convert transcript.harmony --to responses

    Exit codes: 0 if all is converted, 1 if something could not be, 2 for misuse.
    """  # noqa: D301  the escape tells typer to keep the lines
    from harmony_grammar.openai.options import Options  # noqa: PLC0415  help texts need none of it

    options = Options(
        date=date,
        spelling=spelling.value,
        keep_reasoning=keep_reasoning.value,
        media=media.value,
        strict=strict,
    )
    loaded, longest = grammar_of(grammar), longest_row * MEGABYTE
    with nullcontext() if notes is None else replacing(notes) as told:
        log = None if told is None else told.stream.write
        converter = _Converter(loaded, options, read_as, to, field, log, quiet=quiet)
        whole = _written(converter, file, output, data, longest)
    if not whole:
        raise typer.Exit(FINDINGS)


def _written(
    converter: "_Converter", file: str, output: Path | None, data: DataKind, longest: int
) -> bool:
    """Convert a file and write what comes of it; whether all of it could be."""
    kind = kind_of(file) if data is DataKind.AUTO else data
    one = kind is DataKind.NONE or (kind is DataKind.JSON and data is DataKind.AUTO)
    with nullcontext() if output is None else replacing(output) as new:
        target = nullcontext() if new is None else packed(new.stream, _packing(output))
        with target as stream:
            write = write_bytes if stream is None else stream.write
            if not one:
                return not converter.rows(file, kind, longest, write)
            write(converter.one(file))
    return True


def _packing(output: Path | None) -> str:
    suffix = "" if output is None else output.suffix
    return suffix if suffix in (".gz", ".zst") else ""


@dataclass(frozen=True, slots=True)
class _Converter:
    """How to convert.

    Attributes:
        grammar: the grammar.
        options: how requests are read.
        read_as: what is read.
        to: what is written.
        field: the field of a row that holds the conversation; None to find out.
        log: writes notes somewhere else than to standard error.
        quiet: whether notes are not told.
    """

    grammar: "Grammar"
    options: "Options"
    read_as: InputKind
    to: FormTo
    field: str | None
    log: "Callable[[bytes], object] | None"
    quiet: bool

    # --- one conversation ---

    def one(self, file: str) -> bytes:
        """A file that is one conversation.

        Raises:
            Misuse: if it cannot be read.
            typer.Exit: if it cannot be converted, after saying why.
        """
        name, text = label(file), read_text(file)
        data = _json(text) if self.read_as in (InputKind.AUTO, *_JSON_FORMS) else None
        try:
            if self._is_json(data, name):
                return self._single(*self._read(data), name)
            kind = self.read_as
            given = as_input(name, text, kind)
            return self._single(parsed(self.grammar, given, StartChoice.AUTO), (), name)
        except HarmonyError as error:
            complain(f"{name}: {error}")
            raise typer.Exit(FINDINGS) from None

    def _is_json(self, data: Any, name: str) -> bool:
        """Whether what was read is a conversation as JSON."""
        from harmony_grammar.openai.any_form import is_conversation  # noqa: PLC0415

        if self.read_as is InputKind.AUTO:
            return is_conversation(data)
        if self.read_as in _JSON_FORMS and data is None:
            raise Misuse(f"{name}: this is no JSON, and --from {self.read_as.value} asks for it")
        return self.read_as in _JSON_FORMS

    def _single(
        self, conversation: "Conversation", notes: "tuple[ConversionNote, ...]", name: str
    ) -> bytes:
        more: list[ConversionNote] = []
        made = self._made(conversation, more)
        self._tell(name, None, (*notes, *more))
        if self.to is FormTo.TEXT:
            return str(made["text"]).encode("utf-8", "surrogatepass") + b"\n"
        data = made["ids"] if self.to is FormTo.IDS else made
        return _dumped(data, indent=None if self.to is FormTo.IDS else 2)

    # --- data sets ---

    def rows(
        self, file: str, kind: DataKind, longest: int, write: Callable[[bytes], object]
    ) -> bool:
        """A data set, row by row; whether some could not be converted."""
        name, failed = label(file), False
        opened = OpenedFile(file)
        try:
            with Meter([file], Output(sys.stderr)) as meter:
                for number, row in _numbered(opened, kind, self.field, longest):
                    made = self._row(name, number, row)
                    failed = failed or made is None
                    if made is not None:
                        write(_dumped(made))
                    meter.at(opened.position, 1)
        finally:
            opened.close()
        return failed

    def _row(self, name: str, number: int, row: Any) -> dict[str, Any] | None:
        """A row that is converted; None if it cannot be, after saying why."""
        place = f"{name}:{number}"
        try:
            if isinstance(row, BadRow):
                raise row
            conversation, notes = self._of_row(row)
            more: list[ConversionNote] = []
            made = self._made(conversation, more)
        except (HarmonyError, BadRow) as error:
            complain(one_line(f"{place}: {error}"))
            return None
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            complain(one_line(f"{place}: this is no conversation: {error}"))
            return None
        self._tell(name, number, (*notes, *more))
        return made

    def _of_row(self, row: Any) -> "tuple[Conversation, tuple[ConversionNote, ...]]":
        from harmony_grammar.openai.any_form import form_of, is_conversation  # noqa: PLC0415

        field = self.field
        if isinstance(row, dict):
            field, row = self._whole(row)
        found = field is not None and isinstance(row, dict) and field in row
        value = row[field] if found else row
        if self.read_as in _JSON_FORMS or (
            self.read_as is InputKind.AUTO and is_conversation(value)
        ):
            if found and isinstance(value, list):
                told: Any = form_of(value) if self.read_as is InputKind.AUTO else self.read_as.value
                value = request_of(value, row, told)
            return self._read(value, is_row=True)
        given = source_of(self.grammar, row, field)
        _, report = judge(self.grammar, given.source, StartChoice.AUTO)
        if report.status != "complete":
            raise BadRow("no-transcript", report.diagnostics[-1].message, "recover mends it")
        return report.conversation, tuple(given.notes)

    def _whole(self, row: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
        """A row with its prompt before its answer if both are in it, and the field of both.

        Raises:
            BadRow: if it has several answers, and none is named.
        """
        wholes = wholes_of(row)
        if self.field is None and len(wholes) > 1:
            answers = " and ".join(f"`{name}`" for name in wholes)
            raise BadRow("no-transcript", f"it has {answers}: name one with --field", "")
        name = next(iter(wholes), None) if self.field is None else self.field
        return name, wholes.get(str(name), row)

    # --- both ---

    def _read(
        self, data: Any, *, is_row: bool = False
    ) -> "tuple[Conversation, tuple[ConversionNote, ...]]":
        from harmony_grammar.openai.any_form import read_json  # noqa: PLC0415

        form: Any = None if self.read_as is InputKind.AUTO else self.read_as.value
        read: ReadJson = read_json(data, self.grammar, self.options, form, is_row=is_row)
        return read.conversation, read.notes

    def _made(self, conversation: "Conversation", notes: "list[ConversionNote]") -> dict[str, Any]:
        """The conversation in the form that is asked for."""
        from harmony_grammar import openai as hgo  # noqa: PLC0415

        spelling: Any = "model" if self.options.spelling == "model" else "openai"
        if self.to is FormTo.TEXT:
            return {"text": self.grammar.render(conversation, spelling=spelling)}
        if self.to is FormTo.IDS:
            return {"ids": self.grammar.encode(conversation, spelling=spelling)}
        if self.to is FormTo.WIRE:
            return conversation.to_dict()
        write = hgo.to_chat if self.to is FormTo.CHAT else hgo.to_responses
        strict = self.options.strict
        return write(conversation, grammar=self.grammar, strict=strict, notes=notes)

    def _tell(self, name: str, number: int | None, notes: "tuple[ConversionNote, ...]") -> None:
        if self.log is not None:
            for note in notes:
                said = {"code": str(note.code), "path": note.path, "message": note.message}
                self.log(_dumped({"file": name, "row": number, **said}))
        elif not self.quiet:
            place, out = name if number is None else f"{name}:{number}", Output(sys.stderr)
            for note in notes:
                out.line(f"{place}: ", ("note: ", "bold yellow"), one_line(str(note)))


def _dumped(data: Any, indent: int | None = None) -> bytes:
    return (
        json.dumps(data, ensure_ascii=False, indent=indent).encode("utf-8", "backslashreplace")
        + b"\n"
    )


def _json(text: str) -> Any:
    """What a text says as JSON; None if it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _numbered(
    opened: OpenedFile, kind: DataKind, field: str | None, longest: int
) -> Iterator[tuple[int, Any]]:
    """The rows with their numbers; instead of one that cannot be read, why."""
    number = 0
    for row in rows_of(opened, kind, field, longest):
        if isinstance(row, Damage):
            yield number + 1, BadRow("invalid-row", row.problem, "mend the file")
        elif isinstance(row, Row):
            number += 1
            if row.value is None and row.data.isspace():
                continue
            yield number, value_of(row.data) if row.value is None else row.value


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("convert", short_help="Convert API requests, messages, text and ids.")(_convert)
