"""The choices of a conversion, each with its default and the reason for it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from typing_extensions import Self

__all__ = ["CallSpelling", "Codec", "Media", "Options", "options_of"]


class Codec(Protocol):
    """Writes reasoning into `encrypted_content`, and reads it back."""

    def encode(self, text: str) -> str:
        """The content of a reasoning text."""

    def decode(self, content: str) -> str | None:
        """The reasoning text of a content; None if it is not one of this codec."""


CallSpelling: TypeAlias = Literal["openai", "openai-constrain", "model"]
Media: TypeAlias = "Literal['error', 'placeholder', 'skip'] | Callable[[Mapping[str, Any]], str]"


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The choices of a conversion.

    Attributes:
        date: the current date, as `YYYY-MM-DD`. None leaves the line out: a pure function has no
            clock. Servers give today's.
        identity: who the model is, instead of the format's own sentence; the model was trained
            with that one, and other identities belong into the instructions.
        names: how a function's name is written: `keep` changes only what a header cannot carry,
            as the model has seen such names; `identifier` makes every name a TypeScript
            identifier.
        alias_reserved: whether a function that is called like a predefined tool gets another
            name in the prompt; the model mistakes such functions for what it was trained with.
        builtins: whether `web_search` and `code_interpreter` are declared as the predefined
            `browser` and `python` (`declare`), or refused by a host that cannot run them
            (`refuse`).
        unsupported_tools: whether a tool that the model has not learned is an `error`, so that no
            client waits for it, or left out with a note (`skip`).
        namespaces: `flatten` writes a tool of a namespace as the function `NAMESPACE__NAME`,
            under the one namespace that the model was trained with; `own` declares the namespace.
        mcp_tools: the tools of MCP servers, by `server_label`; a request names the server alone.
        media: what stands for images, audio and files: an `error`, since the model reads none; a
            `placeholder`; nothing (`skip`); or what a function makes of the part.
        stray_results: what a result of no known call is: an `error`, as nothing says which tool
            it is of; or the result of a function with that id as its name, with a note (`keep`),
            for who looks at data.
        user_names: whether the `name` of a user is written into the header. No server does.
        keep_reasoning: which reasoning stays: `auto` drops what stands before the last answer, as
            the model was trained; `all`, as training on whole conversations needs; or `none`.
        no_effort: what `reasoning_effort: none` is: `low`, since the model cannot be told not to
            reason; `no-analysis`, where the mask forbids reasoning as well; or an `error`.
        declare_format: whether a response format is told to the model in the prompt, as the
            format's guide asks; other servers only bind the answer.
        spelling: how calls in the history are written: `openai` as most servers do,
            `to=functions.f` before the channel and the bare word `json`; `openai-constrain` with
            the constrain marker; `model` as the model itself does, which it was seen to imitate
            wrongly. A history whose ids are known keeps its own.
        generation_prompt: whether the prompt ends with the opening of the model's message. A
            conversation without it keeps the reasoning of its last turn, and an answer at its end
            ends the turn, as models learn to do.
        strict_default: whether a function without `strict` is strict. None is what the APIs say:
            no in Chat Completions, yes in Responses.
        codec: reads and writes `encrypted_content`; None leaves such reasoning out.
        strict: whether a note is an error.
        ready_only: whether calls that must not be dispatched are held back. By default a call is
            given as soon as its header is whole, as clients expect of a stream, and a note says
            what is wrong with it.
        unknown_tools: whether a call of a tool that the request does not have is held back
            (`withhold`), as the API never returns one, or given (`surface`).
        builtin_calls: whether a Chat completion shows calls of predefined tools, which its schema
            does not have: `hide`, or `expose` as functions.
        reasoning_fields: the fields of a Chat message that reasoning is written to.
        reasoning_details: whether a Chat message has `reasoning_details`, too, an item for each
            reasoning message.
        phases: whether a Chat message has `content_parts`, too, which keep apart what was said
            before a call and the answer.
        forced_finish: the finish reason where the request named the one function to call; agents
            test for `tool_calls`, OpenAI's older guide has `stop`.
        close_in_time: whether the mask ends the completion within the tokens that the request
            allows. By default it is cut, and its finish reason says so.
        seed: what ids of calls and items are made of besides the prompt and their place.
    """

    date: str | None = None
    identity: str | None = None
    names: Literal["keep", "identifier"] = "keep"
    alias_reserved: bool = True
    builtins: Literal["declare", "refuse"] = "declare"
    unsupported_tools: Literal["error", "skip"] = "error"
    namespaces: Literal["flatten", "own"] = "flatten"
    mcp_tools: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    media: Media = "error"
    stray_results: Literal["error", "keep"] = "error"
    user_names: bool = False
    keep_reasoning: Literal["auto", "all", "none"] = "auto"
    no_effort: Literal["low", "no-analysis", "error"] = "low"
    declare_format: bool = True
    spelling: CallSpelling = "openai"
    generation_prompt: bool = True
    strict_default: bool | None = None
    codec: Codec | None = None
    strict: bool = False
    ready_only: bool = False
    unknown_tools: Literal["withhold", "surface"] = "withhold"
    builtin_calls: Literal["hide", "expose"] = "hide"
    reasoning_fields: tuple[str, ...] = ("reasoning",)
    reasoning_details: bool = False
    phases: bool = False
    forced_finish: Literal["tool_calls", "stop"] = "tool_calls"
    close_in_time: bool = False
    seed: str = ""

    def __post_init__(self) -> None:
        for name, words in _WORDS.items():
            given = getattr(self, name)
            if given not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}, not {given!r}")
        if not (self.media in _MEDIA or callable(self.media)):
            raise ValueError(f"media must be {', '.join(_MEDIA)} or a function, not {self.media!r}")

    def changed(self, **changes: Any) -> Self:
        """These options with some changed.

        Raises:
            TypeError: if there is no such option.
            ValueError: if an option cannot be what it is given.
        """
        return replace(self, **changes)


_MEDIA: Final = ("error", "placeholder", "skip")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "names": ("keep", "identifier"),
    "builtins": ("declare", "refuse"),
    "unsupported_tools": ("error", "skip"),
    "namespaces": ("flatten", "own"),
    "stray_results": ("error", "keep"),
    "keep_reasoning": ("auto", "all", "none"),
    "no_effort": ("low", "no-analysis", "error"),
    "spelling": get_args(CallSpelling),
    "unknown_tools": ("withhold", "surface"),
    "builtin_calls": ("hide", "expose"),
    "forced_finish": ("tool_calls", "stop"),
}


def options_of(options: Options | None, changes: Mapping[str, Any]) -> Options:
    """Options with changes.

    Raises:
        TypeError: if there is no such option.
    """
    known = [option.name for option in fields(Options)]
    for name in changes:
        if name not in known:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(known)}")
    base = options or Options()
    return base.changed(**changes) if changes else base
