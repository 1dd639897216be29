"""gpt-oss: its Responses server over its own ASGI app, with its tools, and the tools alone."""

from __future__ import annotations

import asyncio
import json
import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from program_talks import COMPLETIONS, FUNCTION, encoding, ids, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = {
    "results": [
        {"title": "Page", "url": "https://x.org/a", "summary": "About x.", "text": "<p>x is y</p>"}
    ]
}
AFTER = "<|channel|>final<|message|>Done.<|return|>"
FUNCTION_TOOL = {"type": "function", **FUNCTION}
HISTORY = [
    {"type": "message", "role": "user", "content": "Which?"},
    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Nine."}]},
    {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And now?"}]},
    {
        "type": "reasoning",
        "id": "r",
        "summary": [],
        "content": [{"type": "reasoning_text", "text": "R"}],
    },
    {"type": "function_call", "id": "f", "call_id": "c1", "name": "now", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "c1", "output": "9"},
]


def scenarios() -> Iterator[tuple[str, Any]]:
    os.environ["EXA_API_KEY"] = "none"
    server = import_module("gpt_oss.responses_api.api_server")
    docker: Any = import_module("gpt_oss.tools.python_docker.docker_tool")
    backend: Any = import_module("gpt_oss.tools.simple_browser.backend")
    browser = import_module("gpt_oss.tools.simple_browser")
    harmony = import_module("openai_harmony")
    client = import_module("fastapi.testclient").TestClient
    docker.call_python_script = lambda script: f"ran {script}\n"  # no container here

    async def post(*_args: Any) -> Any:
        return PAGE

    backend.Backend._post = post  # noqa: SLF001  no web here

    def ask(completions: list[str], **request: Any) -> Any:
        """What the server answers, and each prompt that the model is given."""
        left = [token for text in completions for token in ids(text)]
        prompts: list[str] = []

        def next_token(tokens: list[int], new_request: Any = None, **_how: Any) -> int:
            if new_request or not prompts:
                prompts.append(encoding().decode_utf8(tokens))
            return left.pop(0) if left else ids("<|return|>")[0]

        app = server.create_api_server(next_token, encoding())
        with client(app, raise_server_exceptions=True) as http:
            answer = http.post("/v1/responses", json={"max_output_tokens": 200, **request})
        if not request.get("stream"):
            return [answer.status_code, answer.json(), prompts]
        sent = [
            json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")
        ]
        return [answer.status_code, sent, prompts]

    for name, text in COMPLETIONS.items():
        tools: list[Any] = [FUNCTION_TOOL]
        if name == "python":
            tools.append({"type": "code_interpreter"})
        if name == "browser":
            tools.append({"type": "browser_search"})
        for stream in (False, True):
            yield (
                f"{name}, stream {stream}",
                lambda text=text, tools=tools, stream=stream: ask(
                    [text, AFTER], input="Hi", instructions="Be brief.", tools=tools, stream=stream
                ),
            )
    for effort in ("low", "medium", "high"):
        yield (
            f"history, {effort}",
            lambda effort=effort: ask(
                [AFTER], input=HISTORY, reasoning={"effort": effort}, tools=[FUNCTION_TOOL]
            ),
        )

    def use(tool: Any, *messages: Any) -> Any:
        async def results() -> list[Any]:
            return [made for message in messages async for made in tool.process(message)]

        return asyncio.run(results())

    def call(recipient: str, text: str) -> Any:
        made = harmony.Message.from_role_and_content(harmony.Role.ASSISTANT, text)
        return made.with_recipient(recipient).with_channel("analysis")

    def python() -> Any:
        tool = docker.PythonTool()
        return [plain(tool.tool_config), use(tool, call("python", "print(1)"))]

    yield "the python tool", python

    def browse() -> Any:
        tool = browser.SimpleBrowserTool(backend=backend.ExaBackend(source="web"))
        config = tool.tool_config
        config.name = "web"  # as the server's own tests change it
        calls = [
            call("browser.search", '{"query": "x"}'),
            call("browser.open", '{"id": 0}'),
            call("browser.find", '{"pattern": "y"}'),
            call("browser.open", "no JSON"),
        ]
        done = use(tool, *calls)
        return [plain(config), done, tool.normalize_citations("as 【0†L1】 says")]

    yield "the browser", browse
