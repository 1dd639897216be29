"""`HarmonyEncoding`: rendering, parsing and plain encoding under the reference's names."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from functools import cache, cached_property, partial
from os.path import commonprefix
from typing import TYPE_CHECKING, Any, Final, Literal

from harmony_grammar.api import Grammar
from harmony_grammar.bodies.sections import has_function_tools
from harmony_grammar.compat.entrances import Entrances
from harmony_grammar.compat.rendering import (
    RenderConversationConfig,
    Rendering,
    RenderOptions,
    TokenSpans,
    is_answer,
    kept,
    kept_for_training,
)
from harmony_grammar.compat.streaming import StreamableParser
from harmony_grammar.errors import HarmonyError
from harmony_grammar.inputs import list_of_ids
from harmony_grammar.reading.reader import Reader
from harmony_grammar.tokens import special_pattern
from harmony_grammar.tree import Role
from harmony_grammar.writing.forms import require_spelling
from harmony_grammar.writing.renderer import Manner

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from harmony_grammar.tree import Conversation, CustomRole, Message
    from harmony_grammar.vocabulary import Ids, Vocabulary
    from harmony_grammar.writing.forms import Spelling
    from harmony_grammar.writing.renderer import Offsets

__all__ = ["HarmonyEncoding", "HarmonyEncodingName", "load_harmony_encoding"]

_NO_NAMES: Final[frozenset[str]] = frozenset()
_EVERYONE: Final = "all"  # a recipient that the reference does not write
_DEVELOPER: Final = Role.DEVELOPER  # looked up once: enumerations are slow


class HarmonyEncodingName(str, Enum):
    """The encodings that can be loaded."""

    HARMONY_GPT_OSS = "HarmonyGptOss"

    def __str__(self) -> str:
        return self.value


class UnknownEncodingError(HarmonyError, ValueError):
    """A name that no encoding has; a `ValueError`, as the reference raises."""


class HarmonyEncoding:
    """Renders conversations to ids, parses ids into messages, and encodes plain text.

    Args:
        grammar: the grammar, with its vocabulary; the default one if None.
        name: what the encoding is called.
        spelling: how headers are written that were not read, and read where the two differ: as
            openai_harmony does, as the model does, or as oss-harmony does, with which newer
            versions of vLLM come. That one writes recipients where the model does, constrains
            every content type, and passes over further channels in a header.

    Attributes:
        name, grammar, spelling: as given.

    Example:
        >>> from harmony_grammar import Message, Role
        >>> encoding = load_harmony_encoding("HarmonyGptOss")
        >>> encoding.render(Message.from_role_and_content(Role.USER, "Hi"))
        [200006, 1428, 200008, 12194, 200007]
    """

    def __init__(
        self,
        grammar: Grammar | None = None,
        *,
        name: str = HarmonyEncodingName.HARMONY_GPT_OSS.value,
        spelling: Spelling = "openai",
    ) -> None:
        require_spelling(spelling)
        self.grammar = Grammar.default() if grammar is None else grammar
        self.name = name
        self.spelling = spelling
        self._renderer = self.grammar.renderer

    def __reduce__(self) -> tuple[Callable[..., HarmonyEncoding], tuple[Any, ...]]:
        how: dict[str, Any] = {} if self.spelling == "openai" else {"spelling": self.spelling}
        if self.name in set(HarmonyEncodingName) and self is _load(self.name, self.spelling):
            return partial(load_harmony_encoding, **how) if how else load_harmony_encoding, (
                self.name,
            )
        return partial(HarmonyEncoding, name=self.name, **how), (self.grammar,)

    def __copy__(self) -> HarmonyEncoding:
        return self

    def __deepcopy__(self, _memo: object) -> HarmonyEncoding:
        return self

    def __repr__(self) -> str:
        return f"<HarmonyEncoding {self.name!r}>"

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What ids mean; loaded when it is first needed."""
        return self.grammar.vocabulary

    @cached_property
    def entrances(self) -> Entrances:
        """The parsers by where they begin; what all streams of this encoding share."""
        return Entrances(self.grammar, one_channel=self.spelling == "oss")

    # --- rendering ---

    def render(self, message: Message, render_options: RenderOptions | None = None) -> list[int]:
        """Render one message.

        Args:
            message: the message.
            render_options: what it needs to know of its conversation.

        Returns:
            Its ids.

        Raises:
            RenderError: if the format cannot write it.
        """
        options = render_options or RenderOptions()
        tools = options.conversation_has_function_tools
        manner = Manner(self.spelling, tools, options.schema_style)
        out: list[int] = []
        self._extend(out, (message,), manner)
        return out

    def render_conversation(
        self, conversation: Conversation, config: RenderConversationConfig | None = None
    ) -> list[int]:
        """Render a conversation as history.

        Args:
            conversation: the conversation.
            config: what is dropped and how headers are spelled; as the reference does if None.

        Returns:
            Its ids. An answer ends as one of history does, whatever it was parsed with.

        Raises:
            RenderError: if the format cannot write it.
        """
        config = config or RenderConversationConfig()
        messages = kept(self.grammar.rules, conversation.messages, config)
        out: list[int] = []
        self._extend(out, messages, self._manner(conversation, config))
        return out

    def render_conversation_for_completion(
        self,
        conversation: Conversation,
        next_turn_role: Role | CustomRole,
        config: RenderConversationConfig | None = None,
    ) -> list[int]:
        """Render a conversation as a prompt: history, then the opening of the next message.

        Args:
            conversation: the conversation.
            next_turn_role: who is to speak next.
            config: as for `render_conversation`.

        Returns:
            The ids of the prompt.

        Raises:
            RenderError: if the format cannot write it.
        """
        return self.render_conversation(conversation, config) + self._opening(next_turn_role)

    def render_conversation_for_training(
        self, conversation: Conversation, config: RenderConversationConfig | None = None
    ) -> list[int]:
        """Render a conversation to train on: an answer at its end ends the turn.

        Args:
            conversation: the conversation.
            config: as for `render_conversation`; but None never drops the reasoning of the last
                answer, since the model is to learn it.

        Returns:
            Its ids; `loss_mask` says which of them the model is to learn.

        Raises:
            RenderError: if the format cannot write it.
        """
        return self.render_with_spans(conversation, config, training=True).ids

    def render_with_spans(
        self,
        conversation: Conversation,
        config: RenderConversationConfig | None = None,
        *,
        training: bool = False,
    ) -> Rendering:
        """Render a conversation and say where each message, header and body is.

        Args:
            conversation: the conversation.
            config: as for `render_conversation`.
            training: whether it is rendered as `render_conversation_for_training` does.

        Returns:
            The ids and the spans.

        Raises:
            RenderError: if the format cannot write it.
        """
        used = config or RenderConversationConfig()
        choose = kept_for_training if training else kept
        messages = choose(self.grammar.rules, conversation.messages, config if training else used)  # type: ignore[arg-type]  # mypy joins the two functions
        out: list[int] = []
        manner = self._manner(conversation, used)
        offsets = self._extend(out, messages, manner, answer_returns=training)
        rows = zip(messages, offsets, strict=True)
        return Rendering(out, [TokenSpans.at(m, at, self._opening_length(m)) for m, at in rows])

    def _extend(
        self,
        out: list[int],
        messages: Sequence[Message],
        manner: Manner,
        *,
        answer_returns: bool = False,
    ) -> list[Offsets]:
        ends = [self._end] * len(messages)
        if answer_returns and messages and is_answer(self.grammar.rules, messages[-1]):
            ends[-1] = self.grammar.rules.literal(self.grammar.rules.meaning.end_of_turn)
        return self._renderer.extend(out, zip(_addressed(messages), ends, strict=True), manner)

    @cached_property
    def _end(self) -> str:
        return self.grammar.rules.literal(self.grammar.rules.meaning.end_of_message)

    def _manner(self, conversation: Conversation, config: RenderConversationConfig) -> Manner:
        developers = [m for m in conversation.messages if m.author.role is _DEVELOPER]
        spelling = config.spelling or self.spelling
        return Manner(spelling, has_function_tools(developers), config.schema_style)

    def _opening(self, role: Role | CustomRole) -> list[int]:
        return self._renderer.marked_ids(self.entrances.opening_text(role))

    def _opening_length(self, message: Message) -> int:
        """How many ids the opening of a message has; for who has no role's word, one."""
        role = message.author.role
        return 1 if role is Role.TOOL else len(self._opening(role))

    # --- parsing ---

    def parse_messages_from_completion_tokens(
        self,
        tokens: Ids,
        role: Role | CustomRole | None = None,
        *,
        strict: bool = True,
    ) -> list[Message]:
        """Parse ids into messages.

        Args:
            tokens: the ids. The last message may lack its terminator.
            role: whose header the ids begin inside of, as those of a completion do; None if they
                begin with a whole message.
            strict: whether what the format does not allow is an error; if not, it is mended as
                `harmony_grammar.recover` does, which also says what was wrong.

        Returns:
            The messages.

        Raises:
            HarmonySyntaxError: if the ids are no messages, when strict; it says where and what
                to do.
        """
        ids = list_of_ids(tokens)  # type: ignore[arg-type]  # arrays have `tolist`
        reader = Reader(self.entrances.machine(role), self.entrances.source(ids))
        outcome = reader.read()
        if outcome.stop is None:
            return outcome.messages
        if strict:
            return StreamableParser.resuming(self, role, reader).process_eos().messages
        stream = StreamableParser(self, role, strict=False)
        return stream.process_many(ids).process_eos().messages

    # --- where generation stops ---

    def _ids_of(self, names: Iterable[str]) -> list[int]:
        rules = self.grammar
        return sorted(self.vocabulary.encode_special(rules.rules.literal(name)) for name in names)

    def stop_tokens(self) -> list[int]:
        """The ids that end a message, in order."""
        return self._ids_of(self.grammar.rules.terminators)

    def stop_tokens_for_assistant_actions(self) -> list[int]:
        """The ids that end a turn of the assistant, in order."""
        names = {
            symbol.name for symbol in self.grammar.rules.below(self.grammar.rules.meaning.last)
        }
        return self._ids_of(names & self.grammar.rules.terminators)

    # --- plain text ---

    @cached_property
    def special_tokens_set(self) -> set[str]:
        """The spellings of all special tokens; an id may have two."""
        return set(self.vocabulary.special_ids)

    @cached_property
    def _mark(self) -> str:
        """What all special tokens begin with."""
        return commonprefix(list(self.vocabulary.special_ids))  # noqa: RUF071  not paths

    def encode(
        self,
        text: str,
        *,
        allowed_special: Literal["all"] | AbstractSet[str] = _NO_NAMES,
        disallowed_special: Literal["all"] | Collection[str] = "all",
    ) -> list[int]:
        """Encode plain text.

        Args:
            text: the text.
            allowed_special: the special tokens that are encoded as such where the text spells
                them, or `"all"`.
            disallowed_special: what the text must not spell; `"all"` stands for all special
                tokens but the allowed ones, and `()` for nothing.

        Returns:
            The ids.

        Raises:
            HarmonyError: if the text spells what is disallowed.
        """
        everything = disallowed_special == "all"
        if self._mark not in text and (everything or not disallowed_special):
            return self.vocabulary.encode(text)
        known = self.special_tokens_set
        allowed = known if allowed_special == "all" else known & allowed_special
        _refuse(text, known - allowed if everything else disallowed_special)
        return self.vocabulary.encode_marked(text, allowed)

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """Decode ids; a special token becomes its spelling.

        Args:
            tokens: the ids.
            errors: what becomes of bytes that are no UTF-8, as for `bytes.decode`.

        Returns:
            The text.

        Raises:
            VocabularyError: if an id is not in the vocabulary; it names it.
        """
        return self._bytes(tokens).decode("utf-8", errors)

    def decode_utf8(self, tokens: Sequence[int]) -> str:
        """Decode ids that must be whole UTF-8.

        Args:
            tokens: the ids.

        Returns:
            The text.

        Raises:
            HarmonyError: if they are not; `decode` takes them.
        """
        data = self._bytes(tokens)
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise HarmonyError(
                f"the ids are no whole UTF-8: {error.reason} at byte {error.start} of "
                f"{len(data)}; decode() puts U+FFFD there"
            ) from error

    def _bytes(self, tokens: Sequence[int]) -> bytes:
        ids = list_of_ids(tokens)
        try:
            return self.vocabulary.encoding.decode_bytes(ids)
        except (KeyError, OverflowError):  # of a vocabulary with tokens of its own, or of none
            return b"".join(map(self.vocabulary.piece, ids))

    @cached_property
    def _special_ids(self) -> frozenset[int]:
        return frozenset(self.vocabulary.special_ids.values())

    def is_special_token(self, token: int) -> bool:
        """Whether an id is a special token."""
        return token in self._special_ids


def _refuse(text: str, spellings: Collection[str]) -> None:
    """Refuse a text that spells one of these.

    Raises:
        HarmonyError: if it does; it says what to do.
    """
    found = special_pattern(spellings).search(text) if spellings else None
    if found is None:
        return
    token = found.group()
    raise HarmonyError(
        f"the text spells {token!r} at character {found.start()}, which is disallowed: "
        f"to encode it as the special token, pass `allowed_special={{{token!r}}}`; "
        f"to encode it as ordinary text, leave it out of `disallowed_special`, "
        f"or pass `disallowed_special=()` to allow all such text"
    )


def _addressed(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages; to address everyone is to address nobody."""
    if all(message.recipient != _EVERYONE for message in messages):
        return messages
    return [replace(m, recipient=None) if m.recipient == _EVERYONE else m for m in messages]


@cache
def _load(name: str, spelling: Spelling) -> HarmonyEncoding:
    known = [member.value for member in HarmonyEncodingName]
    if name not in known:
        raise UnknownEncodingError(f"there is no encoding {name!r}: there is {', '.join(known)}")
    return HarmonyEncoding(name=name, spelling=spelling)


def load_harmony_encoding(
    name: str | HarmonyEncodingName, *, spelling: Spelling = "openai"
) -> HarmonyEncoding:
    """The encoding of a name; the same object each time.

    Args:
        name: its name.
        spelling: as for `HarmonyEncoding`; `"oss"` is for programs written for oss-harmony.

    Returns:
        The encoding. It fetches nothing: the vocabulary comes with the package.

    Raises:
        HarmonyError: if there is no such encoding or spelling; it lists those that there are.

    Example:
        >>> from harmony_grammar import Message, Role
        >>> call = Message.from_role_and_content(Role.ASSISTANT, "{}").with_channel("commentary")
        >>> call = call.with_recipient("functions.f").with_content_type("json")
        >>> encoding = load_harmony_encoding("HarmonyGptOss", spelling="oss")
        >>> encoding.decode(encoding.render(call))[:54]
        '<|start|>assistant<|channel|>commentary to=functions.f'
    """
    return _load(str(name), spelling)
