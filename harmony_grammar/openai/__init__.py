"""OpenAI API requests as prompts, and completions as what the API returns.

```python
from harmony_grammar import openai as hgo

prepared = hgo.from_chat(request)        # or hgo.from_responses(request)
prepared.ids                             # what the model goes on with
prepared.constraint().matcher()          # what it may say
prepared.chat(completion).message        # what the client gets
```

It needs no package of OpenAI's. Functions are pure: they have no clock and read nothing but what
they are given, so the same request gives the same ids, names and chunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harmony_grammar.api import Grammar
from harmony_grammar.openai.chat_output import ChatOutput, ChatStream
from harmony_grammar.openai.chat_request import read_chat
from harmony_grammar.openai.notes import ConversionError, ConversionNote, NoteCode, NoteList
from harmony_grammar.openai.options import Codec, Options, options_of
from harmony_grammar.openai.prepared import Finish, IdSpan, KnownCalls, Prepared
from harmony_grammar.openai.request_tools import RequestTool
from harmony_grammar.openai.responses_output import ResponsesOutput, ResponsesStream
from harmony_grammar.openai.responses_request import read_responses
from harmony_grammar.openai.written import to_chat, to_responses

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ChatOutput",
    "ChatStream",
    "Codec",
    "ConversionError",
    "ConversionNote",
    "Finish",
    "IdSpan",
    "KnownCalls",
    "NoteCode",
    "Options",
    "Prepared",
    "RequestTool",
    "ResponsesOutput",
    "ResponsesStream",
    "from_chat",
    "from_responses",
    "to_chat",
    "to_responses",
]


def from_chat(
    request: Any,
    options: Options | None = None,
    *,
    grammar: Grammar | None = None,
    **changes: Any,
) -> Prepared:
    """The prompt that a request of Chat Completions asks for.

    Args:
        request: the request, as a mapping or an object of any library; or its messages alone.
        options: choices; None for the defaults.
        grammar: the grammar; None for the default.
        changes: choices by name, which outdo `options`; see `Options`.

    Returns:
        The prompt, and what its completions mean.

    Raises:
        ConversionError: if the request cannot be said to the model; it names the place.
        TypeError: if there is no such option.

    Example:
        >>> prepared = from_chat({"messages": [{"role": "user", "content": "Hi"}]})
        >>> prepared.text[-51:]
        '<|start|>user<|message|>Hi<|end|><|start|>assistant'
    """
    chosen = options_of(options, changes)
    notes = NoteList(strict=chosen.strict)
    return read_chat(request, grammar or Grammar.default(), chosen, notes)


def from_responses(
    request: Any,
    options: Options | None = None,
    *,
    previous: Sequence[Any] = (),
    grammar: Grammar | None = None,
    **changes: Any,
) -> Prepared:
    """The prompt that a request of Responses asks for.

    Args:
        request: the request, as a mapping or an object of any library.
        options: choices; None for the defaults.
        previous: the items of the turns that `previous_response_id` stands for, input and
            output, in order; a reference in the request moves its item.
        grammar: the grammar; None for the default.
        changes: choices by name, which outdo `options`; see `Options`.

    Returns:
        The prompt, and what its completions mean.

    Raises:
        ConversionError: if the request cannot be said to the model; it names the place.
        TypeError: if there is no such option.

    Example:
        >>> prepared = from_responses({"input": "Hi", "instructions": "Be brief."})
        >>> len(prepared.conversation), prepared.notes
        (3, ())
    """
    chosen = options_of(options, changes)
    notes = NoteList(strict=chosen.strict)
    return read_responses(request, previous, grammar or Grammar.default(), chosen, notes)
