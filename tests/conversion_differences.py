"""Where prompts of requests differ between programs: the rows of `docs/conversions.md`.

Each row is run through the program that it is about and through ours, so the tables say what
happens. openai_harmony is there in the ordinary tests, the others in the environment of
`.ci/hosts/conversions`. There the document is written anew, with the reference's vocabulary in a
folder of one's own:

    TIKTOKEN_ENCODINGS_BASE=FOLDER python tests/conversion_differences.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from conversion_programs import (
    DATE,
    gpt_oss_server,
    hugging_face,
    reference,
    vllm_chat,
    vllm_responses,
)

from harmony_grammar import openai as hgo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from conversion_programs import Prompt

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "conversions.md"


class Row(NamedTuple):
    """One difference.

    Attributes:
        what: what is special of the request.
        request: the request.
        why: why we do otherwise.
    """

    what: str
    request: Mapping[str, Any]
    why: str


USER: Final = {"role": "user", "content": "Hi"}
ANSWER: Final = {"role": "assistant", "content": "Hello"}
THOUGHT: Final = {**ANSWER, "reasoning": "Hm."}


def function(name: str = "f", parameters: Any = None) -> dict[str, Any]:
    """A function of a request."""
    told = {"name": name, "description": "Does it."}
    return {
        "type": "function",
        "function": told if parameters is None else {**told, "parameters": parameters},
    }


def calling(*ids: str, **more: Any) -> dict[str, Any]:
    """A message that calls a function."""
    calls = [
        {"id": each, "type": "function", "function": {"name": "f", "arguments": f'{{"n": {n}}}'}}
        for n, each in enumerate(ids)
    ]
    return {"role": "assistant", "content": None, "tool_calls": calls, **more}


def result(of: str, text: str = "1", **more: Any) -> dict[str, Any]:
    """The result of a call."""
    return {"role": "tool", "tool_call_id": of, "content": text, **more}


def chat(*messages: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A request of Chat Completions."""
    return {"messages": list(messages), **more}


SYSTEM: Final = {"role": "system", "content": "Be brief."}
IMAGE: Final = {"type": "image_url", "image_url": {"url": "https://x"}}
SCHEMA: Final = {"type": "object", "properties": {"n": {"type": "number"}}}
FORMAT: Final = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
NOTHING: Final = {"type": "object", "properties": {}}

REFERENCE: Final = (
    Row(
        "reasoning of a turn between two answers",
        chat(USER, ANSWER, USER, THOUGHT, USER),
        "It has led to an answer as well; the reference drops what stands before the first.",
    ),
    Row(
        "reasoning of an answered turn, while a call of a later one waits",
        chat(USER, THOUGHT, USER, calling("a", reasoning="So."), result("a"), tools=[function()]),
        "The guide keeps reasoning since the last answer, not all that there is.",
    ),
    Row(
        "a function whose schema is empty",
        chat(USER, tools=[function(parameters=NOTHING)]),
        "So the guide writes functions without arguments.",
    ),
)

VLLM: Final = (
    Row(
        "a second system message",
        chat(SYSTEM, {**SYSTEM, "content": "Be kind."}, USER),
        "What is said before anybody speaks belongs together.",
    ),
    Row(
        "reasoning, text and a call in one message",
        chat(USER, calling("a", content="I look.", reasoning="Hm."), tools=[function()]),
        "The guide's order is reasoning, preamble, call.",
    ),
    Row(
        "reasoning under the name that other servers give it",
        chat(USER, calling("a", reasoning_content="Hm."), tools=[function()]),
        "Nothing is left out in silence.",
    ),
    Row(
        "a refusal",
        chat(USER, {"role": "assistant", "content": None, "refusal": "No."}, USER),
        "The same; it is noted.",
    ),
    Row(
        "a picture",
        chat({"role": "user", "content": [{"type": "text", "text": "Hi"}, IMAGE]}),
        "The same; `media=` says what stands for it.",
    ),
    Row(
        "a result whose call is not there, with a name",
        chat(USER, result("z", name="f"), tools=[function()]),
        "No tool has an empty name.",
    ),
    Row(
        "results in another order than their calls",
        chat(USER, calling("a", "b"), result("b", "2"), result("a", "1"), tools=[function()]),
        "The format tells results of one function apart by their order alone.",
    ),
    Row(
        "a function called `python`",
        chat(USER, tools=[function("python")]),
        "The model calls its own tool of that name; the name is undone in the output.",
    ),
    Row(
        "a response format",
        chat(USER, response_format=FORMAT),
        "The guide has a section for it; the mask alone lets the model guess.",
    ),
    Row(
        "minimal effort",
        chat(USER, reasoning_effort="minimal"),
        "The nearest of the three levels, and a note.",
    ),
    Row(
        "a function whose schema is empty",
        chat(USER, tools=[function(parameters=NOTHING)]),
        "So the guide writes functions without arguments.",
    ),
    Row("blank instructions", chat({**SYSTEM, "content": " "}, USER), "They say nothing."),
)

TEMPLATE: Final = (
    Row(
        "a second system message",
        chat(SYSTEM, {**SYSTEM, "content": "Be kind."}, USER),
        "Nothing is left out in silence.",
    ),
    Row("a later system message", chat(USER, ANSWER, SYSTEM, USER), "The same."),
    Row("instructions without tools", chat(SYSTEM, USER), "The guide has no blank lines there."),
    Row(
        "text beside a call",
        chat(USER, calling("a", content="I look."), tools=[function()]),
        "The user was meant to see it: a preamble.",
    ),
    Row(
        "reasoning, text and a call in one message",
        chat(USER, calling("a", content="I look.", reasoning="Hm."), tools=[function()]),
        "The guide's order is reasoning, preamble, call.",
    ),
    Row("a second call", chat(USER, calling("a", "b"), tools=[function()]), "No call is lost."),
    Row(
        "a result",
        chat(USER, calling("a"), result("a", 'It is "one".'), tools=[function()]),
        "The guide shows the text as it is.",
    ),
    Row(
        "minimal effort",
        chat(USER, reasoning_effort="minimal"),
        "The model knows three levels.",
    ),
    Row(
        "a default in a schema",
        chat(
            USER,
            tools=[
                function(
                    parameters={"properties": {"n": {"type": "number", "default": 1}}}
                    | {"type": "object"}
                )
            ],
        ),
        "As the reference writes it; the comment takes no comma.",
    ),
)


def said(role: str, *texts: str, **more: Any) -> dict[str, Any]:
    """A message of Responses."""
    kind = "output_text" if role == "assistant" else "input_text"
    parts = [{"type": kind, "text": text} for text in texts]
    return {"type": "message", "role": role, "content": parts, **more}


def items(*given: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A request of Responses."""
    return {"input": list(given), "tools": [], "reasoning": {"effort": "medium"}, **more}


THINKS: Final = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "Hm."}],
}
CALLS: Final = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}"}
RETURNS: Final = {"type": "function_call_output", "call_id": "a", "output": "1"}
FLAT: Final = {"type": "function", "strict": False, **function(parameters=SCHEMA)["function"]}

VLLM_ITEMS: Final = (
    Row(
        "text before a call",
        items(said("user", "Hi"), said("assistant", "I look."), CALLS, RETURNS, tools=[FLAT]),
        "Before a call of the same turn it is a preamble.",
    ),
    Row(
        "a preamble, as its `phase` says",
        items(said("user", "Hi"), said("assistant", "Wait.", phase="commentary")),
        "The same.",
    ),
    Row(
        "instructions, and a developer item",
        items(said("developer", "Be kind."), said("user", "Hi"), instructions="Be brief."),
        "What is said before anybody speaks belongs together.",
    ),
    Row(
        "a call of a custom tool",
        items(
            said("user", "Hi"),
            {"type": "custom_tool_call", "call_id": "a", "name": "f", "input": "x"},
        ),
        "It is a call of a function that takes one text.",
    ),
    Row(
        "a run of the code interpreter",
        items(
            said("user", "Hi"),
            {"type": "code_interpreter_call", "id": "ci", "code": "1", "outputs": None},
        ),
        "So the guide has calls of python.",
    ),
)

SERVER: Final = (
    Row(
        "a call, and its result",
        items(said("user", "Hi"), CALLS, RETURNS, tools=[FLAT]),
        "A call says that its arguments are JSON.",
    ),
    Row(
        "text before a call",
        items(said("user", "Hi"), said("assistant", "I look."), CALLS, RETURNS, tools=[FLAT]),
        "Before a call of the same turn it is a preamble.",
    ),
    Row(
        "a question behind a result, with reasoning before the call",
        items(said("user", "Hi"), THINKS, CALLS, RETURNS, said("user", "And?"), tools=[FLAT]),
        "No answer has come of the reasoning yet.",
    ),
    Row(
        "a message of two parts",
        items(said("user", "Hi", " there")),
        "One message is one message.",
    ),
    Row(
        "a system item",
        items(said("system", "Be brief."), said("user", "Hi")),
        "The system message is never the client's, who speaks as the developer.",
    ),
    Row(
        "a developer item",
        items(said("developer", "Be brief."), said("user", "Hi")),
        "The API has that role.",
    ),
    Row(
        "minimal effort",
        items(said("user", "Hi"), reasoning={"effort": "minimal"}),
        "The nearest of the three levels, and a note.",
    ),
    Row(
        "no word of effort",
        {"input": "Hi", "tools": []},
        "The format's own level is medium.",
    ),
)

TABLES: Final[Mapping[str, tuple[Row, ...]]] = {
    "openai_harmony": REFERENCE,
    "vLLM": VLLM,
    "vLLM's Responses": VLLM_ITEMS,
    "Hugging Face's chat template": TEMPLATE,
    "the server of OpenAI's gpt-oss": SERVER,
}


def programs(encoding: Any) -> dict[str, Prompt | None]:
    """The programs by the titles of their tables; None for one that is not there."""
    made = (
        reference(encoding, own_drop=True),
        vllm_chat(encoding),
        vllm_responses(encoding),
        hugging_face(encoding),
        gpt_oss_server(encoding),
    )
    return dict(zip(TABLES, made, strict=True))


def ours(request: Mapping[str, Any]) -> list[int]:
    """What we make of a request."""
    read = hgo.from_chat if "messages" in request else hgo.from_responses
    return read(request, date=DATE).ids


def outcome(program: Prompt, request: Mapping[str, Any], encoding: Any) -> str | Exception:
    """The prompt that a program makes of a request, or the error."""
    try:
        return str(encoding.decode_utf8(program(request)))
    except Exception as error:  # noqa: BLE001  whatever it raises is what the row shows
        return error


def shown(row: Row, program: Prompt, encoding: Any) -> tuple[str, str]:
    """What the program makes of a row, and what we do: the messages in which they differ."""
    both = [outcome(each, row.request, encoding) for each in (program, ours)]
    texts = [each.split("<|start|>")[1:] if isinstance(each, str) else [] for each in both]
    if all(texts):
        while all(texts) and texts[0][0] == texts[1][0]:
            texts = [each[1:] for each in texts]
        while all(texts) and texts[0][-1] == texts[1][-1]:
            texts = [each[:-1] for each in texts]
    else:  # an error stands against the whole
        usual = outcome(ours, chat(), encoding)
        texts = [each[each[:1] == str(usual).split("<|start|>")[1:2] :] for each in texts]
    first, second = (_cell(*each) for each in zip(both, texts, strict=True))
    return first, second


def _cell(whole: str | Exception, messages: Sequence[str]) -> str:
    if isinstance(whole, Exception):
        told = str(whole).partition("\n")[0]
        return f"an error: {told}".replace("|", "\\|")
    text = "".join(f"<|start|>{message}" for message in messages)
    return f"`{text}`".replace("|", "\\|").replace("\n", "⏎") if text else "nothing"


_HEAD: Final = """# Prompts of other programs

From one request several programs make several prompts. [Chat Completions and Responses](openai.md)
has what is decided here, and why; these are the places where the prompt is another than that of
a program that many use. Elsewhere prompts are equal, id by id: requests of any kind are made up and
run through all of them.

Each row is run through both sides by the tests, which show the messages in which they differ.
"""

_ABOUT: Final[Mapping[str, str]] = {
    "openai_harmony": "Version 0.0.8, with its own way of dropping reasoning. It takes messages of "
    "the format; a request becomes those that OpenAI's guide asks for.",
    "vLLM": "Version 0.32, Chat Completions.",
    "vLLM's Responses": "The same version.",
    "Hugging Face's chat template": "The template of the models, as TRL 1.16 has it. It takes "
    "reasoning as `thinking`, and arguments as objects.",
    "the server of OpenAI's gpt-oss": "Version 0.0.9, Responses, the only API that it has.",
}


def table(title: str, program: Prompt, encoding: Any) -> str:
    """The section about a program."""
    lines = [f"| request | {title} | harmony_grammar | why |", "|---|---|---|---|"]
    for row in TABLES[title]:
        theirs, made = shown(row, program, encoding)
        lines.append(f"| {row.what} | {theirs} | {made} | {row.why} |")
    heading = title[0].upper() + title[1:] if title.startswith("the ") else title
    return "\n".join([f"## {heading}", "", _ABOUT[title], "", *lines, ""])


def document(found: Mapping[str, Prompt | None], encoding: Any) -> str:
    """The document.

    Raises:
        LookupError: if a program is not there.
    """
    sections = [_HEAD]
    for title, program in found.items():
        if program is None:
            raise LookupError(f"there is no {title}; see .ci/hosts/conversions")
        sections.append(table(title, program, encoding))
    return "\n".join(sections)


if __name__ == "__main__":
    import openai_harmony  # type: ignore[import-untyped]  # it ships no types

    loaded = openai_harmony.load_harmony_encoding("HarmonyGptOss")
    DOCUMENT.write_text(document(programs(loaded), loaded), encoding="utf-8")
