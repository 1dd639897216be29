"""The arguments and options that several commands share."""

# No `from __future__ import annotations`: typer reads these at run time.

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from harmony_grammar.cli.datasets.files import DataKind
from harmony_grammar.cli.inputs import InputKind, StartChoice
from harmony_grammar.cli.output import Arrangement

__all__ = [
    "Data",
    "Field",
    "File",
    "Form",
    "GrammarFile",
    "Keep",
    "Kind",
    "LongestRow",
    "SchemaStyle",
    "Spelling",
    "SpellingChoice",
    "Start",
    "StyleChoice",
]


class SpellingChoice(str, Enum):
    """How the header of a call is written."""

    OPENAI = "openai"
    MODEL = "model"


class StyleChoice(str, Enum):
    """How the types of tools are written."""

    COMPATIBLE = "compatible"
    FAITHFUL = "faithful"


File = Annotated[
    str, typer.Argument(metavar="FILE", help="The file to read; - is what is piped in.")
]
GrammarFile = Annotated[
    Path | None,
    typer.Option(
        "--grammar",
        metavar="FILE",
        help="A grammar of your own, in the syntax of the packaged one.",
        show_default="the packaged one",
    ),
]
Start = Annotated[
    StartChoice,
    typer.Option(
        "--start",
        help="What the input is: whole messages (conversation), messages and an open one at the "
        "end (prompt), or what a model samples after a prompt (completion). By itself (auto): "
        "the first of these that it is complete as, else the one whose error comes furthest on.",
    ),
]
Kind = Annotated[
    InputKind,
    typer.Option(
        "--input",
        "--as",
        help="What the input is: decoded text; token ids, as a JSON list or integers separated by "
        "white space; or messages as JSON: of Chat Completions (chat), Responses, ShareGPT, or "
        "openai_harmony's own (wire). By itself (auto): ids if it holds nothing but digits, "
        "commas, brackets and white space; messages if it is JSON that has some.",
    ),
]
Keep = Annotated[
    bool,
    typer.Option(
        "--keep-newline",
        help="Take a newline at the very end of a text for part of it. Editors put one there, and "
        "on the wire there is none, so that by itself it is ignored.",
    ),
]
Data = Annotated[
    DataKind,
    typer.Option(
        "--data",
        help="What kind of data set the files are; none for transcripts. By itself (auto): by the "
        "names of the files, and of .json files and what is piped in by how it begins.",
    ),
]
Field = Annotated[
    str | None,
    typer.Option(
        "--field",
        metavar="NAME",
        show_default="found out",
        help="The field or column that holds the transcript of a row.",
    ),
]
LongestRow = Annotated[
    int,
    typer.Option(
        "--longest-row",
        metavar="MB",
        min=1,
        help="How many megabytes a row of a data set may have; a longer one is not read.",
    ),
]
Form = Annotated[
    Arrangement, typer.Option("--format", help="Lines for people, or JSON for programs.")
]
Spelling = Annotated[
    SpellingChoice,
    typer.Option(
        "--spelling",
        help="The header of a call: recipient before channel, as openai_harmony writes it "
        "(openai), or channel before recipient, as the model itself does (model).",
    ),
]
SchemaStyle = Annotated[
    StyleChoice,
    typer.Option(
        "--schema-style",
        help="How the types of tools are written: as openai_harmony and chat templates do "
        "(compatible), or in this project's style, which keeps all that a schema says (faithful).",
    ),
]
