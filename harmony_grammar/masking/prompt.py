"""What a prompt tells a constraint: tools, channels, response formats, and where to begin.

A prompt is looked at from special token to special token: only the messages of the system and
the developer are read, so a long history costs next to nothing, and one that is not well-formed
does no harm. What they say is read once for each distinct preamble, and the constraint made of
it is kept; the prompts of a server mostly share theirs.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar, cast

from harmony_grammar.bodies import read_body
from harmony_grammar.checking.declared import declared_tools, has_formats
from harmony_grammar.errors import ConstraintError, HarmonyError
from harmony_grammar.inputs import list_of_ids
from harmony_grammar.reading.strict import StrictParser
from harmony_grammar.schemas.dialects import closed, lenient
from harmony_grammar.tree import Role
from harmony_grammar.tree.contents import DeveloperContent, SystemContent

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from harmony_grammar.bodies import BodyReading
    from harmony_grammar.grammar import Rules
    from harmony_grammar.masking.constraint import Constraint
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.tree import Message
    from harmony_grammar.tree.tools import ToolNamespaceConfig
    from harmony_grammar.vocabulary import Vocabulary

__all__ = ["Cut", "PromptReader", "reader_of", "told_by"]

_Constraint = TypeVar("_Constraint", bound="Constraint")

_DECLARING: Final = frozenset({Role.SYSTEM, Role.DEVELOPER})
_KEPT_HEADS: Final = 1024
_LONGEST_HEAD: Final = 100
_KEPT_PREAMBLES: Final = 64
_LONGEST_PREAMBLE: Final = 1_000_000


class Cut(NamedTuple):
    """A prompt, cut where it matters.

    Attributes:
        preamble: the messages of the system and of the developer, as text or tuples of ids.
        prefix: what stands behind the opening of the last message, as text or ids.
    """

    preamble: tuple[str | tuple[int, ...], ...]
    prefix: str | list[int]


class PromptReader:
    """Reads the prompts of a grammar in a vocabulary.

    Args:
        rules: the grammar.
        vocabulary: the vocabulary.

    Attributes:
        rules, vocabulary: as given.
        kept: the constraints of the preambles that were read of late.
        declaring: for each header that was met, whether it is one of the system or the developer.
    """

    def __init__(self, rules: Rules, vocabulary: Vocabulary) -> None:
        self.rules = rules
        self.vocabulary = vocabulary
        self._parser = StrictParser(rules, lambda: self.vocabulary)
        self._start, *_ = rules.opening_words
        self._opening = "".join(rules.opening_words)
        self._ids = vocabulary.require((self._start, *rules.specials))
        self._openers = [rules.literal(name) for name in sorted(rules.openers)]
        self._opening_ids = vocabulary.encode_marked(self._opening, (self._start,))
        self.declaring: dict[Hashable, bool] = {}
        self.kept: OrderedDict[Hashable, Constraint] = OrderedDict()

    def __reduce__(self) -> tuple[Callable[..., PromptReader], tuple[Rules, Vocabulary]]:
        return reader_of, (self.rules, self.vocabulary)

    def cut(self, prompt: str | Iterable[int]) -> Cut:
        """Find the messages that declare something, and where the completion begins.

        Raises:
            ConstraintError: if the prompt does not end with an open message of the model.
        """
        source = prompt if isinstance(prompt, str) else list_of_ids(prompt)
        begins = list(self._places(source))
        opening = self._opening if isinstance(source, str) else self._opening_ids
        last = begins[-1] if begins else 0
        if not begins or source[last : last + len(opening)] != opening:
            raise ConstraintError(
                "prompt: it does not end with an open message of the model; append "
                f"{self._opening} (a chat template does with add_generation_prompt=True)"
            )
        pieces = (source[a:b] for a, b in pairwise(begins))
        preamble = tuple(_frozen(piece) for piece in pieces if self._declares(piece))
        return Cut(preamble, source[last + len(opening) :])

    def constraint(
        self,
        kind: type[_Constraint],
        preamble: tuple[str | tuple[int, ...], ...],
        overrides: Mapping[str, Any],
        style: Style,
    ) -> _Constraint:
        """The constraint of a preamble, kept for the next prompt.

        Args:
            kind: the class of the constraint.
            preamble: the messages that declare something.
            overrides: arguments that outdo what they say.
            style: how the types of tools were written.

        Raises:
            ConstraintError: if they declare tools that cannot be read; or as for a constraint.
        """

        def made() -> _Constraint:
            messages = [m for m in map(self._message, preamble) if m is not None]
            told = told_by(messages, self.rules, style, skip_tools="tools" in overrides)
            return kind(**{**told, **overrides}, grammar=self)

        key = (kind, style, preamble, tuple(sorted(overrides.items())))
        try:
            known = self.kept.get(key)
        except TypeError:  # an argument that cannot be a key: nothing is kept
            return made()
        if known is None:
            known = made()
            if sum(map(len, preamble)) > _LONGEST_PREAMBLE:
                return known
            self.kept[key] = known
            if len(self.kept) > _KEPT_PREAMBLES:
                self.kept.popitem(last=False)
        return cast("_Constraint", known)

    def _places(self, source: str | list[int]) -> Iterator[int]:
        """Where messages begin."""
        at = self._find(source, self._start, 0)
        while at >= 0:
            yield at
            at = self._find(source, self._start, at + 1)

    def _find(self, source: str | list[int], special: str, begin: int) -> int:
        """Where a special token comes next; -1 if nowhere."""
        if isinstance(source, str):
            return source.find(special, begin)
        try:
            return source.index(self._ids[special], begin)
        except ValueError:
            return -1

    def _declares(self, piece: str | list[int]) -> bool:
        """Whether a message is of the system or of the developer; asked once for each header."""
        head = self._head(piece)
        known = self.declaring.get(head)
        if known is None:
            known = self._is_declaring(piece[: len(head)])
            if len(head) <= _LONGEST_HEAD:
                if len(self.declaring) >= _KEPT_HEADS:
                    self.declaring.clear()
                self.declaring[head] = known
        return known

    def _head(self, piece: str | list[int]) -> Any:
        """What a message begins with, up to where its body is opened; empty if it is nowhere."""
        ends = [
            end + (len(opener) if isinstance(piece, str) else 1)
            for opener in self._openers
            if (end := self._find(piece, opener, 0)) >= 0
        ]
        return _frozen(piece[: min(ends, default=0)])

    def _is_declaring(self, head: Any) -> bool:
        """Whether a message that begins so is of the system or of the developer, if it is one."""
        closing = self.rules.literal(self.rules.meaning.end_of_message)
        whole = head + closing if isinstance(head, str) else [*head, self._ids[closing]]
        try:
            return self._parser.parse(whole, "conversation").messages[0].author.role in _DECLARING
        except HarmonyError:
            return False

    def _message(self, piece: Any) -> Message | None:
        """A message that declares something; None if it is not well-formed and declares nothing.

        Raises:
            ConstraintError: if it is not well-formed, and what it declares would be forbidden.
        """
        source = piece if isinstance(piece, str) else list(piece)
        try:
            return self._parser.parse(source, "conversation").messages[0]
        except HarmonyError as error:
            if self._may_declare(source):
                raise ConstraintError(
                    f"prompt: a message that declares tools or formats is malformed: {error}"
                ) from error
            return None

    def _may_declare(self, piece: str | list[int]) -> bool:
        """Whether the body of a message that is not well-formed has tools or formats."""
        body = piece[len(self._head(piece)) :]
        if not isinstance(body, str):
            special = set(self._ids.values())
            try:
                data = self.vocabulary.decode_bytes([one for one in body if one not in special])
            except HarmonyError:
                return True
            body = data.decode("utf-8", "replace")
        return bool(declared_tools(body, self.rules)) or has_formats(body, self.rules)


def _frozen(piece: str | list[int]) -> str | tuple[int, ...]:
    return piece if isinstance(piece, str) else tuple(piece)


@lru_cache(maxsize=8)
def reader_of(rules: Rules, vocabulary: Vocabulary) -> PromptReader:
    """The reader of a grammar and a vocabulary, with all that it has kept."""
    return PromptReader(rules, vocabulary)


def told_by(
    messages: Iterable[Message],
    rules: Rules,
    style: Style = "compatible",
    *,
    skip_tools: bool = False,
) -> dict[str, Any]:
    """What messages of the system and the developer say, as arguments of a constraint.

    Args:
        messages: the messages, in order; what a later one says anew counts.
        rules: the grammar.
        style: how the types of tools were written.
        skip_tools: whether it does not matter which tools there are.

    Returns:
        `tools`, and `channels` and `response_format` if anything is said of them.

    Raises:
        ConstraintError: if a message has tools that cannot be read.
    """
    tools: dict[str, Any] = {}
    told: dict[str, Any] = {}
    for message in messages:
        role = message.author.role
        if not isinstance(role, Role):
            continue
        reading = read_body(message.text, role, rules, style=style)
        content = reading.content
        if not skip_tools:
            _require_read(message.text, role, reading, rules)
        if isinstance(content, (SystemContent, DeveloperContent)):
            tools.update(content.tools or {})
        if isinstance(content, SystemContent) and content.channel_config is not None:
            told["channels"] = content.channel_config.valid_channels
        if isinstance(content, DeveloperContent) and content.response_formats:
            told["response_format"] = _either([f.schema for f in content.response_formats])
    return {"tools": tuple(map(_namespace, tools.values())), **told}


def _namespace(config: ToolNamespaceConfig) -> ToolNamespaceConfig:
    """A namespace whose tools take nothing but what the prompt names."""
    tools = [
        tool
        if tool.parameters is None
        else replace(tool, parameters=closed(lenient(tool.parameters)))
        for tool in config.tools
    ]
    return replace(config, tools=tools)


def _either(schemas: Sequence[Any]) -> Any:
    return schemas[0] if len(schemas) == 1 else {"anyOf": list(schemas)}


def _require_read(body: str, role: Role, reading: BodyReading, rules: Rules) -> None:
    """Refuse a body that declares what was not read: it would be forbidden in silence."""
    lost = sorted((declared_tools(body, rules) or set()) - set(_names(reading.content)))
    unread = bool(reading.diagnostics) and has_formats(body, rules)
    if not lost and not unread:
        return
    what = f"the tool {lost[0]!r}" if lost else "the response format"
    where = "it is not declared as tools are"
    for found in reading.diagnostics:
        where = f"it leaves its template at line {found.line}, column {found.column}"
    raise ConstraintError(
        f"prompt: {what} of the {role.value} message cannot be read, {where}; "
        "mend it, or give `tools` yourself"
    )


def _names(content: object) -> Iterator[str]:
    """The recipients that a content declares."""
    for config in (getattr(content, "tools", None) or {}).values():
        yield from (f"{config.name}.{tool.name}" for tool in config.tools)
        if not config.tools:
            yield config.name
