"""Prompts of requests as other programs make them: the reference, vLLM, a template, a server.

The reference is an ordinary dependency of the tests. The others are there in the environment of
`.ci/hosts/conversions` only, each in the package that its authors publish; None where it is not.
"""

from __future__ import annotations

import json
import sys
from datetime import datetime
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import openai_harmony as oh  # type: ignore[import-untyped]  # it ships no types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

__all__ = [
    "DATE",
    "Prompt",
    "gpt_oss_server",
    "hugging_face",
    "reference",
    "vllm_chat",
    "vllm_responses",
]

DATE: Final = "2026-11-28"
Request: TypeAlias = "Mapping[str, Any]"
Prompt: TypeAlias = "Callable[[Request], list[int]]"


# --- openai_harmony ---


def reference(encoding: Any, *, own_drop: bool = False) -> Prompt:
    """The reference, with messages as OpenAI's guide has them for a request.

    Args:
        encoding: its encoding.
        own_drop: whether it drops reasoning by its own rule, instead of the guide's.
    """

    def prompt(request: Request) -> list[int]:
        messages = list(_messages(request))
        if not own_drop:
            messages = _without_old_thoughts(messages)
        config = oh.RenderConversationConfig(auto_drop_analysis=own_drop)
        conversation = oh.Conversation.from_messages(messages)
        ids: list[int] = encoding.render_conversation_for_completion(
            conversation, oh.Role.ASSISTANT, config=config
        )
        return ids

    return prompt


def _messages(request: Request) -> Iterator[Any]:
    system = oh.SystemContent.new().with_conversation_start_date(DATE)
    effort = request.get("reasoning_effort")
    if effort is not None:
        system = system.with_reasoning_effort(oh.ReasoningEffort(effort.capitalize()))
    yield oh.Message.from_role_and_content(oh.Role.SYSTEM, system)
    said = list(request["messages"])
    told = []
    while said and said[0]["role"] in ("system", "developer"):
        told.append(said.pop(0)["content"])
    developer = oh.DeveloperContent.new()
    instructions = "\n\n".join(text for text in told if text.strip())
    if instructions:
        developer = developer.with_instructions(instructions)
    functions = [tool["function"] for tool in request.get("tools", ())]
    if functions:
        developer = developer.with_function_tools(
            [
                oh.ToolDescription.new(f["name"], f.get("description") or "", f.get("parameters"))
                for f in functions
            ]
        )
    if instructions or functions:
        yield oh.Message.from_role_and_content(oh.Role.DEVELOPER, developer)
    names = {
        call["id"]: call["function"]["name"] for m in said for call in m.get("tool_calls") or ()
    }
    for message in said:
        yield from _of(message, names)


def _of(message: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[Any]:
    role, text = message["role"], message.get("content")
    if role in ("system", "developer"):
        content = oh.DeveloperContent.new().with_instructions(text)
        yield oh.Message.from_role_and_content(oh.Role.DEVELOPER, content)
    elif role == "user":
        yield oh.Message.from_role_and_content(oh.Role.USER, text)
    elif role == "tool":
        author = oh.Author.new(oh.Role.TOOL, f"functions.{names[message['tool_call_id']]}")
        said = oh.Message.from_author_and_content(author, text).with_channel("commentary")
        yield said.with_recipient("assistant")
    else:
        calls = message.get("tool_calls") or ()
        if message.get("reasoning"):
            yield _said(message["reasoning"], "analysis")
        if text:
            yield _said(text, "commentary" if calls else "final")
        for call in calls:
            said = _said(call["function"]["arguments"], "commentary").with_content_type("json")
            yield said.with_recipient(f"functions.{call['function']['name']}")


def _said(text: str, channel: str) -> Any:
    return oh.Message.from_role_and_content(oh.Role.ASSISTANT, text).with_channel(channel)


def _without_old_thoughts(messages: list[Any]) -> list[Any]:
    """The messages without the thoughts that an answer has followed, as the guide has it."""
    last = max((i for i, m in enumerate(messages) if m.channel == "final"), default=0)
    return [m for i, m in enumerate(messages) if m.channel != "analysis" or i > last]


# --- vLLM ---


def vllm_chat(encoding: Any) -> Prompt | None:
    """vLLM's conversion of Chat Completions, as its server calls it.

    Its module alone is run, with what it imports of the rest in its place: the whole of vLLM needs
    torch and minutes.
    """
    module = _vllm(encoding)
    if module is None:
        return None

    def prompt(request: Request) -> list[int]:
        told, said = module.extract_instructions_from_messages(request["messages"])
        messages = module.build_harmony_preamble(
            instructions=told,
            tools=_as_tools(tool["function"] for tool in request.get("tools", ())),
            reasoning_effort=request.get("reasoning_effort"),
        )
        messages += module.parse_chat_inputs_to_harmony_messages(said)
        ids: list[int] = module.render_for_completion(messages)
        return ids

    return prompt


def vllm_responses(encoding: Any) -> Prompt | None:
    """vLLM's conversion of Responses, as its server calls it."""
    module = _vllm(encoding)
    package = _package("vllm")
    if module is None or package is None:
        return None
    from openai.types.responses import ResponseFunctionToolCall  # noqa: PLC0415  only this needs it

    stand_ins = {
        **_STAND_INS,
        "vllm.entrypoints.openai.parser.harmony_utils": vars(module),
        "vllm.entrypoints.openai.responses.protocol": {
            "ResponseInputOutputItem": object,
            "ResponsesRequest": object,
        },
        "vllm.utils": {"random_uuid": None},
    }
    reader = _run(package / "entrypoints/openai/responses/harmony.py", stand_ins)

    def prompt(request: Request) -> list[int]:
        told, given = request.get("instructions"), request["input"]
        if told is None and isinstance(given, list):
            told, given = module.extract_instructions_from_messages(given)
        messages = module.build_harmony_preamble(
            instructions=told,
            tools=_as_tools(request.get("tools", ())),
            reasoning_effort=(request.get("reasoning") or {}).get("effort"),
        )
        before: list[Any] = []
        for item in given:
            call = item.get("type") == "function_call"
            read = ResponseFunctionToolCall.model_validate(item) if call else item
            messages.append(reader.response_input_to_harmony(read, before))
            before += [read] if call else []
        ids: list[int] = module.render_for_completion([m for m in messages if m is not None])
        return ids

    return prompt


def _as_tools(functions: Iterable[Mapping[str, Any]]) -> list[Any] | None:
    return [
        SimpleNamespace(
            type="function",
            name=f["name"],
            description=f.get("description"),
            parameters=f.get("parameters"),
        )
        for f in functions
    ] or None


class _RefusedError(ValueError):
    def __init__(self, message: str, **_more: object) -> None:
        super().__init__(message)


_STAND_INS: Final[Mapping[str, Mapping[str, Any]]] = {
    "vllm": {
        "envs": SimpleNamespace(
            VLLM_GPT_OSS_HARMONY_SYSTEM_INSTRUCTIONS=False, VLLM_SYSTEM_START_DATE=DATE
        )
    },
    "vllm.entrypoints.openai.chat_completion.protocol": {
        "ChatCompletionToolsParam": type("ChatCompletionToolsParam", (), {})
    },
    "vllm.exceptions": {"VLLMValidationError": _RefusedError},
    "vllm.logger": {"init_logger": lambda _name: None},
}


def _vllm(encoding: Any) -> Any:
    package = _package("vllm")
    if package is None:
        return None
    module = _run(package / "entrypoints/openai/parser/harmony_utils.py", _STAND_INS)
    module._harmony_encoding = encoding  # noqa: SLF001  it would fetch the vocabulary
    return module


# --- Hugging Face's template ---


def hugging_face(encoding: Any) -> Prompt | None:
    """The chat template of gpt-oss, as transformers runs it; TRL has a copy."""
    package = _package("trl")
    if package is None:
        return None
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415  only this needs it

    def refuse(message: str) -> None:
        raise _RefusedError(message)

    def written(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = written
    environment.globals.update(raise_exception=refuse, strftime_now=lambda _form: DATE)
    source = (package / "chat_templates/gptoss.jinja").read_text("utf-8")
    template = environment.from_string(source)

    def prompt(request: Request) -> list[int]:
        effort = request.get("reasoning_effort")
        text = template.render(
            messages=[_for_template(message) for message in request["messages"]],
            tools=request.get("tools"),
            add_generation_prompt=True,
            **({} if effort is None else {"reasoning_effort": effort}),
        )
        ids: list[int] = encoding.encode(text, allowed_special="all")
        return ids

    return prompt


def _for_template(message: Mapping[str, Any]) -> dict[str, Any]:
    """A message as those of transformers have it: arguments as objects, reasoning as `thinking`."""
    made = {k: v for k, v in message.items() if k not in ("reasoning", "tool_calls")}
    if made.get("content") is None:
        made["content"] = ""
    if message.get("reasoning"):
        made["thinking"] = message["reasoning"]
    if message.get("tool_calls"):
        made["tool_calls"] = [
            {"function": {**f, "arguments": json.loads(f["arguments"])}}
            for f in (call["function"] for call in message["tool_calls"])
        ]
    return made


# --- the server of OpenAI's repository ---


def gpt_oss_server(encoding: Any) -> Prompt | None:
    """The server of OpenAI's gpt-oss repository, asked over HTTP; it has Responses alone."""
    package = _package("gpt_oss")
    if package is None or find_spec("fastapi") is None:
        return None
    from starlette.testclient import TestClient  # noqa: PLC0415  only this needs it

    stand_ins = {
        "gpt_oss.tools.python_docker.docker_tool": {"PythonTool": None},
        "gpt_oss.tools.simple_browser": {"SimpleBrowserTool": None},
        "gpt_oss.tools.simple_browser.backend": {"YouComBackend": None, "ExaBackend": None},
    }
    module = _run(package / "responses_api/api_server.py", stand_ins, "gpt_oss.responses_api.run")
    today = datetime.fromisoformat(DATE)
    module.datetime = SimpleNamespace(datetime=SimpleNamespace(now=lambda: today))
    seen: list[list[int]] = []
    stop = encoding.encode("<|return|>", allowed_special="all")[0]

    def next_id(ids: list[int], *_more: object, **_named: object) -> int:
        seen.append(list(ids))
        return int(stop)

    client = TestClient(module.create_api_server(next_id, encoding), raise_server_exceptions=False)

    def prompt(request: Request) -> list[int]:
        seen.clear()
        said = client.post("/v1/responses", json={"model": "m", "stream": True, **request})
        if not seen:
            raise _RefusedError(f"{said.status_code}")
        return seen[0]

    return prompt


# --- packages, run without what they do not need here ---


def _package(name: str) -> Path | None:
    """Where a package is, which is not loaded."""
    spec = find_spec(name)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) if places else None


def _run(
    path: Path, stand_ins: Mapping[str, Mapping[str, Any]], name: str = "conversion_program"
) -> Any:
    """A module, loaded by itself with stand-ins for some that it imports."""
    made: dict[str, ModuleType] = {}
    for full, what in stand_ins.items():
        made[full] = ModuleType(full)
        vars(made[full]).update(what)
        made[full].__path__ = []
    before = {full: sys.modules.get(full) for full in made}
    sys.modules.update(made)
    try:
        spec = spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ImportError(str(path))
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for full, old in before.items():
            sys.modules.pop(full)
            if old is not None:
                sys.modules[full] = old
    return module
