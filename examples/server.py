"""An OpenAI-compatible server in one file: Chat Completions and Responses, streamed and not.

It serves any model that is a function from the ids of a prompt to the ids of a completion;
`serve_transformers.py` beside it serves one of transformers. `Server(sample).app` is what an ASGI
server runs: `uvicorn.run(Server(sample).app)`.

What a server needs and the package does not have is here: a clock, a queue with a bound, the
responses that `previous_response_id` names, and the wire. All else is `harmony_grammar.openai`.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import date
from itertools import islice
from typing import Any

import anyio
from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

import harmony_grammar as hg
from harmony_grammar import openai as hgo

# The ids of a prompt, what the completion may be, and the request become the ids of a completion.
# It ends by itself where the model ends its turn; closing it early stops the model.
Sampler = Callable[[list[int], hg.Constraint, dict[str, Any]], Iterator[int]]
KEPT = 1024  # responses that a later request may go on with


class Server:
    """The routes of one model.

    Args:
        sample: the model.
        name: what it is called.
        at_once: how many completions are sampled at once.
        waiting: how many requests may wait; further ones are refused.
        most: how many ids a completion may have, unless its request says less.
    """

    def __init__(
        self, sample: Sampler, name: str = "gpt-oss", at_once: int = 1, waiting: int = 64,
        most: int = 4096,
    ) -> None:  # fmt: skip
        self.sample, self.name, self.most = sample, name, most
        self.free, self.room = at_once, at_once + waiting
        self.turn: anyio.Semaphore | None = None
        self.kept: OrderedDict[str, list[Any]] = OrderedDict()
        routes = [
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/responses", self.responses, methods=["POST"]),
        ]
        handlers = {HTTPException: refused, hg.HarmonyError: misfit, ClientDisconnect: gone}
        self.app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]

    # --- sampling ---

    @asynccontextmanager
    async def ids(self, request: Request, prepared: hgo.Prepared, asked: dict[str, Any]) -> Any:
        """The ids of a completion as they come, and in the end why there are no more."""
        if self.room <= 0:
            raise HTTPException(429, "the server is busy; try again in a moment")
        constraint = prepared.constraint()
        most = min(self.most, prepared.max_tokens or self.most)
        self.turn = self.turn or anyio.Semaphore(self.free)
        ended: list[hgo.Finish] = []

        async def sampled() -> AsyncIterator[int]:
            ids = self.sample(prepared.ids, constraint, asked)
            try:
                for _ in range(most):
                    token = await run_sync(next, ids, None)  # the model runs in a thread
                    if token is None or await request.is_disconnected():
                        ended.append("abort" if token is not None else "stop")
                        return
                    yield token
                last = await run_sync(next, ids, None)
                ended.append("stop" if last is None else "length")
            finally:
                getattr(ids, "close", lambda: None)()

        self.room -= 1
        try:
            async with self.turn:
                yield sampled(), ended
        finally:
            self.room += 1

    async def whole(self, request: Request, prepared: hgo.Prepared, asked: Any) -> Any:
        """All ids of a completion, and why it ended."""
        async with self.ids(request, prepared, asked) as (sampled, ended):
            ids = [token async for token in sampled]
        return ids, ended[0]

    # --- routes ---

    async def models(self, _: Request) -> Response:
        """What there is."""
        return JSONResponse({"object": "list", "data": [self.card()]})

    async def model(self, request: Request) -> Response:
        """The one model."""
        self.require(request.path_params["name"])
        return JSONResponse(self.card())

    def card(self) -> dict[str, Any]:
        """What the API says of the model."""
        return {"id": self.name, "object": "model", "created": 0, "owned_by": "you"}

    def require(self, name: Any) -> None:
        """Refuse a request that names another model."""
        if name != self.name:
            raise HTTPException(404, f"there is no model {name!r}; there is {self.name!r}")

    async def chat(self, request: Request) -> Response:
        """Chat Completions."""
        asked = await body_of(request)
        self.require(asked.get("model"))
        if asked.get("n") not in (None, 1):
            raise hgo.ConversionError("one completion is made for a request", "/n")
        prepared = hgo.from_chat(asked, date=today())
        if not asked.get("stream"):
            ids, reason = await self.whole(request, prepared, asked)
            return JSONResponse(prepared.chat(ids, reason).to_dict(int(time.time())))
        usage = bool((asked.get("stream_options") or {}).get("include_usage"))
        stream = prepared.chat_stream(include_usage=usage, created=int(time.time()))
        return await self.streamed(request, prepared, asked, stream, b"data: [DONE]\n\n")

    async def responses(self, request: Request) -> Response:
        """Responses."""
        asked = await body_of(request)
        self.require(asked.get("model"))
        before = asked.get("previous_response_id")
        if before is not None and before not in self.kept:
            raise HTTPException(404, f"there is no response {before!r} any more")
        prepared = hgo.from_responses(asked, previous=self.kept.get(before, []), date=today())
        stream = prepared.responses_stream(created_at=int(time.time()))
        if asked.get("stream"):
            return await self.streamed(request, prepared, asked, stream, b"")
        ids, reason = await self.whole(request, prepared, asked)
        stream.feed(ids)
        stream.finish(reason)
        self.keep(asked, stream)
        return JSONResponse(stream.output().to_dict(int(time.time())))

    def keep(self, asked: dict[str, Any], stream: hgo.ResponsesStream) -> None:
        """Keep a response, so that a later request may go on with it."""
        said = asked.get("input", [])
        items = [{"role": "user", "content": said}] if isinstance(said, str) else said
        before = self.kept.get(asked.get("previous_response_id") or "", [])
        response = stream.output().to_dict()
        self.kept[response["id"]] = [*before, *items, *response["output"]]
        for old in list(islice(self.kept, max(0, len(self.kept) - KEPT))):
            del self.kept[old]

    async def streamed(
        self, request: Request, prepared: hgo.Prepared, asked: Any, stream: Any, end: bytes
    ) -> Response:
        """What a stream makes of each id, as server-sent events."""
        entered = self.ids(request, prepared, asked)
        sampled, ended = await entered.__aenter__()  # a busy server says so before it answers

        async def events() -> AsyncIterator[bytes]:
            try:
                async for token in sampled:
                    for event in stream.feed([token]):
                        yield sse(event)
                for event in stream.finish(ended[0]):
                    yield sse(event)
                if isinstance(stream, hgo.ResponsesStream):
                    self.keep(asked, stream)
                yield end
            except Exception as error:  # noqa: BLE001  the status is sent: the client is told here
                for event in failed(stream, error):
                    yield sse(event)
            finally:
                with anyio.CancelScope(shield=True):
                    await sampled.aclose()
                    await entered.__aexit__(None, None, None)

        return StreamingResponse(events(), media_type="text/event-stream")


def failed(stream: Any, error: Exception) -> list[Any]:
    """What a stream says of an error of the model."""
    said = {"code": "server_error", "message": f"the model failed: {type(error).__name__}"}
    if isinstance(stream, hgo.ResponsesStream):
        return list(stream.finish("error", said))
    return [{"error": {**said, "type": "server_error", "param": None}}]


def sse(event: dict[str, Any]) -> bytes:
    """An event on the wire; those of Responses have their type as name."""
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


async def body_of(request: Request) -> dict[str, Any]:
    """The JSON object that a request is."""
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body of the request is not JSON") from None
    if not isinstance(body, dict):
        raise HTTPException(400, "the body of the request is not a JSON object")
    return body


def today() -> str:
    """The date, as prompts have it."""
    return date.today().isoformat()  # noqa: DTZ011  the model is told the date of where it runs


def refused(_: Request, error: HTTPException) -> Response:
    """A request that is not served, in the form of the API."""
    kind = "rate_limit_error" if error.status_code == 429 else "invalid_request_error"  # noqa: PLR2004
    said = {"message": error.detail, "type": kind, "param": None, "code": None}
    return JSONResponse({"error": said}, error.status_code)


def misfit(_: Request, error: hg.HarmonyError) -> Response:
    """A request that cannot be said to the model, in the form of the API."""
    path = getattr(error, "path", "")
    said = {"message": str(error), "type": "invalid_request_error", "code": None}
    return JSONResponse(
        {"error": {**said, "param": path.strip("/").replace("/", ".") or None}}, 400
    )


def gone(_: Request, __: ClientDisconnect) -> Response:
    """The client went away before it had asked."""
    return Response(status_code=499)
