"""An OpenAI-compatible server in one file: Chat Completions and Responses, streamed and not.

    pip install 'harmony-grammar[server]'
    python examples/server.py

serves, on port 8000, a model that knows nothing: it says at random what each request allows. Any
function from the ids of a prompt to the ids of a completion can stand in its place, and
`uvicorn.run(Server(sample).app)` serves it; `serve_transformers.py` does so for transformers.

What a server needs and the package does not have is here: a clock, a queue with a bound, the
responses that `previous_response_id` names, and the wire. All else is `harmony_grammar.openai`.
"""

from __future__ import annotations

import json
import logging
import random
import time
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import date
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
from harmony_grammar.masking import random_completion

# The ids of a prompt, what the completion may be, and the request become the ids of a completion.
# It ends by itself where the model ends its turn; closing it early stops the model.
Sampler = Callable[[list[int], hg.Constraint, dict[str, Any]], Iterator[int]]
LOG = logging.getLogger(__name__)
KEPT = 1024  # responses that a later request may go on with
# What a request may ask for and is not done here: whoever asks is told, and does not wait for it.
NOT_DONE: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "stop": ([], ""),
    "logprobs": (False,),
    "background": (False,),
}


class ModelError(Exception):
    """The sampler failed."""


class Server:
    """The routes of one model.

    Args:
        sample: the model.
        name: what it is called.
        at_once: how many completions are sampled at once.
        waiting: how many requests may wait; further ones are refused.
        most: how many ids a completion may have, unless its request says less.
        choices: choices of the conversion; see `harmony_grammar.openai.Options`. Predefined tools
            are refused, since nobody here would run them.
    """

    def __init__(
        self, sample: Sampler, name: str = "gpt-oss", at_once: int = 1, waiting: int = 64,
        most: int = 4096, **choices: Any,
    ) -> None:  # fmt: skip
        self.sample, self.name, self.most = sample, name, most
        self.choices = hgo.Options(**{"builtins": "refuse", **choices})
        self.free, self.room = at_once, at_once + waiting
        self.turn: anyio.Semaphore | None = None
        self.kept: OrderedDict[str, list[Any]] = OrderedDict()
        routes = [
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.model),
            Route("/v1/chat/completions", self.chat, methods=["POST"]),
            Route("/v1/responses", self.responses, methods=["POST"]),
        ]
        handlers = {
            HTTPException: refused,
            hg.HarmonyError: misfit,
            ClientDisconnect: gone,
            ModelError: broken,
            Exception: broken,
        }
        self.app = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]

    # --- sampling ---

    @asynccontextmanager
    async def ids(self, request: Request, prepared: hgo.Prepared, asked: dict[str, Any]) -> Any:
        """The ids of a completion as they come, and in the end why there are no more."""
        if self.room <= 0:
            raise HTTPException(429, "the server is busy; try again in a moment")
        prompt, constraint = prepared.ids, prepared.constraint()
        most = min(self.most, prepared.max_tokens or self.most)
        self.turn = self.turn or anyio.Semaphore(self.free)
        ended: list[hgo.Finish] = []

        async def sampled() -> AsyncIterator[int]:
            ids = self.sample(prompt, constraint, asked)
            try:
                for _ in range(most):
                    token = await run_sync(step, ids)  # the model runs in a thread
                    if token is None or await request.is_disconnected():
                        ended.append("abort" if token is not None else "stop")
                        return
                    yield token
                ended.append("stop" if await run_sync(step, ids) is None else "length")
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
        asked = await self.asked(request)
        prepared = hgo.from_chat(asked, self.options())
        if not asked.get("stream"):
            ids, reason = await self.whole(request, prepared, asked)
            return JSONResponse(prepared.chat(ids, reason).to_dict(int(time.time())))
        told = asked.get("stream_options")
        usage = isinstance(told, dict) and bool(told.get("include_usage"))
        stream = prepared.chat_stream(include_usage=usage, created=int(time.time()))
        opened = self.ids(request, prepared, asked)
        return await self.streamed(opened, stream, lambda: b"data: [DONE]\n\n")

    async def responses(self, request: Request) -> Response:
        """Responses."""
        asked = {"store": True, **await self.asked(request)}
        before = str(asked.get("previous_response_id") or "")
        if before and before not in self.kept:
            raise HTTPException(404, f"there is no response {before!r} any more")
        former = self.kept.get(before, [])
        prepared = hgo.from_responses(asked, self.options(), previous=former)
        stream = prepared.responses_stream(created_at=int(time.time()))
        if asked.get("stream"):
            opened = self.ids(request, prepared, asked)
            return await self.streamed(opened, stream, lambda: self.keep(asked, former, stream))
        ids, reason = await self.whole(request, prepared, asked)
        stream.feed(ids)
        stream.finish(reason)
        self.keep(asked, former, stream)
        return JSONResponse(stream.output().to_dict(int(time.time())))

    def keep(self, asked: Any, former: list[Any], stream: hgo.ResponsesStream) -> bytes:
        """Keep a response, so that a later request may go on with it."""
        if asked["store"] is False:
            return b""
        said = asked.get("input") or []
        items = [{"role": "user", "content": said}] if isinstance(said, str) else said
        response = stream.output().to_dict()
        self.kept[response["id"]] = [*former, *items, *response["output"]]
        if len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return b""

    async def asked(self, request: Request) -> dict[str, Any]:
        """The JSON object that a request is."""
        try:
            body = json.loads(await request.body())
            json.dumps(body, ensure_ascii=False).encode()  # half a character is no text
        except (ValueError, RecursionError):
            raise HTTPException(400, "the body of the request is not JSON") from None
        if not isinstance(body, dict):
            raise HTTPException(400, "the body of the request is not a JSON object")
        self.require(body.get("model"))
        for key, words in NOT_DONE.items():
            if body.get(key) is not None and body[key] not in words:
                raise hgo.ConversionError(f"this server does not do {key!r}", f"/{key}")
        for key in ("temperature", "top_p", "seed"):
            if not isinstance(body.get(key, 0), (int, float, type(None))):
                raise hgo.ConversionError("a number is needed", f"/{key}")
        return body

    def options(self) -> hgo.Options:
        """The choices for a request: it gets today's date, and ids that no other one has."""
        today = date.today().isoformat()  # noqa: DTZ011  the model is told the date of where it runs
        return self.choices.changed(date=today, seed=uuid.uuid4().hex)

    async def streamed(
        self, opened: AbstractAsyncContextManager[Any], stream: Any, done: Callable[[], bytes]
    ) -> Response:
        """What a stream makes of each id, as server-sent events; `done` says what ends them."""
        held = AsyncExitStack()
        sampled, ended = await held.enter_async_context(opened)  # a busy server says so here
        held.push_async_callback(sampled.aclose)

        async def events() -> AsyncIterator[bytes]:
            try:
                async for token in sampled:
                    for event in stream.feed([token]):
                        yield sse(event)
                last = stream.finish(ended[0])
                end = done()
                for event in last:
                    yield sse(event)
                yield end
            except ModelError as error:  # the status has been sent: the client is told here
                for event in failed(stream, error):
                    yield sse(event)

        return Events(events(), held.aclose)


class Events(StreamingResponse):
    """Server-sent events of a completion, whose model stops when nobody listens any more."""

    def __init__(self, events: AsyncIterator[bytes], close: Callable[[], Awaitable[None]]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self.close = close

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            with anyio.CancelScope(shield=True):
                await self.close()


def step(ids: Iterator[int]) -> int | None:
    """The next id of a model; None if it has ended its turn."""
    try:
        return next(ids, None)
    except Exception as error:
        LOG.exception("the model failed")  # the client is told no more than what kind of error
        raise ModelError(f"the model failed: {type(error).__name__}") from error


def failed(stream: Any, error: ModelError) -> list[Any]:
    """What a stream says of an error of the model."""
    said = {"code": "server_error", "message": str(error)}
    if isinstance(stream, hgo.ResponsesStream):
        return list(stream.finish("error", said))
    return [{"error": {**said, "type": "server_error", "param": None}}]


def sse(event: dict[str, Any]) -> bytes:
    """An event on the wire; those of Responses have their type as name."""
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


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


def broken(_: Request, error: Exception) -> Response:
    """A fault of the model or of this server, in the form of the API."""
    message = str(error) if isinstance(error, ModelError) else "the server failed"
    said = {"message": message, "type": "server_error", "param": None, "code": "server_error"}
    return JSONResponse({"error": said}, 500)


def gone(_: Request, __: ClientDisconnect) -> Response:
    """The client went away before it had asked."""
    return Response(status_code=499)


def knows_nothing(_: list[int], constraint: hg.Constraint, asked: dict[str, Any]) -> Iterator[int]:
    """A sampler without a model: any completion that the request allows."""
    yield from random_completion(constraint, random.Random(asked.get("seed")))  # noqa: S311  no secret


if __name__ == "__main__":
    import uvicorn

    uvicorn.run(Server(knows_nothing).app)
