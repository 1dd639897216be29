"""`harmony-grammar parse`, `render` and `tokens`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import harmony_grammar as hg
from harmony_grammar.cli.app import build

if TYPE_CHECKING:
    from typer.testing import Result

USER = "<|start|>user<|message|>Hi<|end|>"
CALL = (
    "<|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{}<|call|>"
)
OPENAI_CALL = (
    "<|start|>assistant to=functions.f<|channel|>commentary <|constrain|>json<|message|>{}<|call|>"
)
ANSWER = "<|channel|>final<|message|>Hello.<|return|>"
PROMPT = f"{USER}<|start|>assistant"
PREFILLED = f"{PROMPT}<|channel|>final<|message|>Once"
BAD = "<|start|>user<|message|>Hi<|end|>oops"


def run(*arguments: str, stdin: str | bytes = "") -> Result:
    result: Result = CliRunner().invoke(build(), arguments, input=stdin)
    return result


def parsed(text: str, *arguments: str) -> Any:
    return json.loads(run("parse", "--format", "json", *arguments, stdin=text).stdout)


# --- parse ---


def test_the_tree() -> None:
    result = run(
        "parse", stdin=USER + CALL + "<|start|>functions.f to=assistant<|message|>1<|end|>"
    )
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "conversation  (places in characters)",
        "├── user  0..33",
        "│   ├── body: 'Hi'  24..26",
        "│   └── ended by: <|end|>",
        "├── assistant  33..126",
        "│   ├── channel: commentary",
        "│   ├── recipient: functions.f",
        "│   ├── content type: json (constrained)",
        "│   ├── body: '{}'  116..118",
        "│   └── ended by: <|call|>",
        "└── tool functions.f  126..178",
        "    ├── recipient: assistant",
        "    ├── body: '1'  170..171",
        "    └── ended by: <|end|>",
    ]


def test_the_tree_of_ids_and_of_an_open_message() -> None:
    ids = json.dumps(hg.encode(hg.parse(PROMPT, "prompt")))
    result = run("parse", stdin=ids)
    assert result.stdout.splitlines()[0] == "prompt  (places in ids)"
    assert result.stdout.splitlines()[-1] == "└── assistant (open)  5..7"


def test_a_long_body_is_cut() -> None:
    text = USER.replace("Hi", "x" * 100)
    assert f"body: '{'x' * 60}'…  24..124" in run("parse", stdin=text).stdout


def test_a_bare_content_type() -> None:
    text = "<|start|>assistant<|channel|>final json<|message|>{}<|return|>"
    assert "content type: json\n" in run("parse", stdin=text).stdout


def test_json_is_wire_json_with_places() -> None:
    assert parsed(PROMPT) == {
        "start": "prompt",
        "unit": "text",
        "messages": [
            {
                "role": "user",
                "name": None,
                "content": [{"type": "text", "text": "Hi"}],
                "terminator": "<|end|>",
                "spans": {
                    "message": [0, 33],
                    "header": [0, 24],
                    "body": [24, 26],
                    "terminator": [26, 33],
                },
            }
        ],
        "open_message": {
            "role": "assistant",
            "name": None,
            "content": None,
            "spans": {"message": [33, 51], "header": [33, 51]},
        },
    }


def test_a_prefilled_body_has_a_place() -> None:
    data = parsed(f"{PREFILLED}\n")
    assert data["open_message"]["spans"]["body"] == [78, 82]
    kept = parsed(f"{PREFILLED}\n", "--keep-newline")
    assert kept["open_message"]["content"] == [{"type": "text", "text": "Once\n"}]


def test_what_is_not_complete_is_explained() -> None:
    result = run("parse", stdin=BAD)
    assert result.exit_code == 1
    assert not result.stdout
    assert result.stderr.startswith("<stdin>:1:34: error: text stands where a message should begin")
    assert "hint: a message begins with `<|start|>`" in result.stderr


# --- render ---


@pytest.mark.parametrize("text", [USER, CALL, OPENAI_CALL, PREFILLED, ANSWER, USER + CALL, ""])
def test_parse_and_render_are_inverse_up_to_spelling(text: str) -> None:
    spelling = "model" if text.endswith(CALL) else "openai"
    data = json.dumps(parsed(text))
    assert run("render", "--spelling", spelling, "-n", stdin=data).stdout == text


def test_render_ends_with_a_newline_unless_told() -> None:
    message = json.dumps({"role": "user", "content": "Hi"})
    assert run("render", stdin=message).stdout == f"{USER}\n"
    assert run("render", "--no-newline", stdin=message).stdout == USER


@pytest.mark.parametrize("wrap", [lambda m: m, lambda m: [m], lambda m: {"messages": [m]}])
def test_render_takes_every_wire_form(wrap: Any) -> None:
    message = {"role": "user", "content": [{"type": "text", "text": "Hi"}]}
    assert run("render", stdin=json.dumps(wrap(message))).stdout == f"{USER}\n"


def test_render_to_ids() -> None:
    message = json.dumps({"role": "user", "content": "Hi"})
    result = run("render", "--to", "ids", stdin=message)
    assert json.loads(result.stdout) == [200006, 1428, 200008, 12194, 200007]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is no JSON: line 1, column 1: Expecting value"),
        ('{"role": "user"}', "a message lacks 'content'"),
        ('{"messages": 3}', "these are no messages: 'int' object is not iterable"),
        ("3", "these are no messages: the JSON is int, neither an object nor a list"),
        ('[{"role": "boss", "content": "x"}]', "these are no messages: Unknown role: 'boss'"),
        ('[{"role": "user", "content": [{"type": "image"}]}]', "Unknown content variant"),
        ('{"start": "end", "messages": []}', "these are no messages: start is 'end'"),
        ("[" * 100_000, "the JSON nests too deeply"),
    ],
)
def test_what_is_no_wire_json(text: str, said: str) -> None:
    result = run("render", stdin=text)
    assert result.exit_code == 2
    assert said in result.stderr
    assert 'give {"messages": [{"role": "user", "content": "Hi"}]}' in result.stderr


def test_what_text_cannot_say_ids_can() -> None:
    message = json.dumps({"role": "user", "content": "a <|end|> b"})
    result = run("render", stdin=message)
    assert result.exit_code == 1
    assert "render it to ids instead" in result.stderr
    assert run("render", "--to", "ids", stdin=message).exit_code == 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("text", "half of a surrogate pair, which no text file can hold: remove it"),
        ("ids", "a lone surrogate at character 0 is half a character and has no ids"),
    ],
)
def test_half_a_character_can_be_written_nowhere(kind: str, said: str) -> None:
    message = json.dumps({"role": "user", "content": "\ud800"})
    result = run("render", "--to", kind, stdin=message)
    assert result.exit_code == 1
    assert said in result.stderr


def test_what_no_header_says() -> None:
    message = json.dumps({"role": "assistant", "content": "x", "channel": "finall"})
    result = run("render", stdin=message)
    assert result.exit_code == 1
    assert "did you mean 'final'?" in result.stderr


# --- tokens ---


def rows(text: str, *arguments: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = json.loads(
        run("tokens", "--format", "json", *arguments, stdin=text).stdout
    )
    return data


def parts(text: str) -> str:
    """The parts, with the text of each."""
    joined: list[list[str]] = []
    for row in rows(text):
        if joined and joined[-1][0] == row["part"]:
            joined[-1][1] += row["text"]
        else:
            joined.append([row["part"], row["text"]])
    return " ".join(f"{part}[{said}]" for part, said in joined)


def test_the_table() -> None:
    result = run("tokens", stdin=USER)
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "  index      id  message  part          text",
        "      0  200006        0  start         <|start|>",
        "      1    1428        0  author        'user'",
        "      2  200008        0  body-start    <|message|>",
        "      3   12194        0  body          'Hi'",
        "      4  200007        0  end           <|end|>",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            CALL,
            (
                "start[<|start|>] author[assistant] channel[<|channel|>commentary] "
                "recipient[ to=functions.f] content-type[ <|constrain|>json] "
                "body-start[<|message|>] body[{}] end[<|call|>]"
            ),
        ),
        (
            OPENAI_CALL,
            (
                "start[<|start|>] author[assistant] recipient[ to=functions.f] "
                "channel[<|channel|>commentary] content-type[ <|constrain|>json] "
                "body-start[<|message|>] body[{}] end[<|call|>]"
            ),
        ),
        (
            "<|start|>python to=assistant<|channel|>analysis<|message|>1<|end|>",
            (
                "start[<|start|>] author[python] recipient[ to=assistant] "
                "channel[<|channel|>analysis] body-start[<|message|>] body[1] end[<|end|>]"
            ),
        ),
        (
            "<|start|>user:bøb<|message|>Hi<|end|>",
            "start[<|start|>] author[user:bøb] body-start[<|message|>] body[Hi] end[<|end|>]",
        ),
        (ANSWER, "channel[<|channel|>final] body-start[<|message|>] body[Hello.] end[<|return|>]"),
        (
            f"{PROMPT}<|channel|>final json<|message|>Once",
            (
                "start[<|start|>] author[user] body-start[<|message|>] body[Hi] end[<|end|>] "
                "start[<|start|>] author[assistant] channel[<|channel|>final] content-type[ json] "
                "body-start[<|message|>] body[Once]"
            ),
        ),
        (
            (
                "<|start|>system<|message|># Valid channels: critique.<|end|>"
                "<|start|>assistant<|channel|>critique<|message|>x<|end|>"
            ),
            (
                "start[<|start|>] author[system] body-start[<|message|>] "
                "body[# Valid channels: critique.] end[<|end|>] start[<|start|>] author[assistant] "
                "channel[<|channel|>critique] body-start[<|message|>] body[x] end[<|end|>]"
            ),
        ),
        ("", ""),
    ],
)
def test_parts(text: str, said: str) -> None:
    assert parts(text) == said


def test_parts_of_a_tokenisation_that_is_not_canonical() -> None:
    ids = [200006]
    ids_of = {hg.Vocabulary.default().piece(token): token for token in range(256)}
    ids += [ids_of[bytes([byte])] for byte in b"user:b\xc3\xb8b"]
    ids += [200008, ids_of[b"\xc3"], ids_of[b"\xb8"], 200007]
    found = rows(json.dumps(ids))
    assert [row["part"] for row in found] == [
        *("start", *["author"] * 9, "body-start", "body", "body", "end")
    ]
    assert found[11]["text"] == "\\xc3"


def test_json_rows() -> None:
    assert rows(USER)[1] == {
        "index": 1,
        "id": 1428,
        "text": "user",
        "special": False,
        "message": 0,
        "part": "author",
    }


def test_what_cannot_be_read_is_unread_and_explained() -> None:
    result = run("tokens", stdin=BAD)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].split() == ["5", "188183", "unread", "'oops'"]
    assert "<stdin>:1:34: error: text stands" in result.stderr


@pytest.mark.parametrize("token", [-1, 250_000, 2**70])
def test_an_id_that_is_none(token: int) -> None:
    result = run("tokens", stdin=json.dumps([token]))
    assert result.exit_code == 1
    assert "(not in the vocabulary)" in result.stdout
    assert "the id is not in the vocabulary" in result.stderr
