"""`Grammar`: everything that is derived from one grammar text, as methods.

The functions of the package are the methods of `Grammar.default()`, and say what those take.
"""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harmony_grammar.grammar import Rules
from harmony_grammar.reading.strict import StrictParser
from harmony_grammar.tokens import SPECIAL_TOKENS
from harmony_grammar.vocabulary import Vocabulary, special_tokens_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from os import PathLike

    import tiktoken

    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.masking import Constraint
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.streaming.recovery import Recoverer, Recovery
    from harmony_grammar.streaming.stream_parser import StreamParser
    from harmony_grammar.tree import Conversation, Message, OpenMessage, Start
    from harmony_grammar.writing.forms import Spelling
    from harmony_grammar.writing.renderer import Renderer

__all__ = ["Grammar", "check", "encode", "parse", "recover", "render"]


class Grammar:
    """A grammar of the format, and what is derived from it.

    Make one with `default`, `load` or `from_text`; `using` gives it another vocabulary.

    Args:
        rules: the grammar, loaded.
        vocabulary: what ids mean; None for the packaged vocabulary, with the special tokens of
            the rules.

    Attributes:
        rules: the rules: productions, terminals and what they mean.

    Example:
        >>> text = Grammar.default().text.replace("<|start|>", "<|begin|>")
        >>> Grammar.from_text(text).parse("<|begin|>user<|message|>Hi<|end|>").messages[0].text
        'Hi'
    """

    def __init__(self, rules: Rules, vocabulary: Vocabulary | None = None) -> None:
        self.rules = rules
        self._given = vocabulary
        self._vocabulary = vocabulary
        self._recoverer: Recoverer | None = None

    @staticmethod
    def default() -> Grammar:
        """The grammar of the harmony format; the same object every time."""
        return _default()

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, special_tokens: Mapping[str, int] | None = None
    ) -> Grammar:
        """The grammar in a file; see `from_text`."""
        return cls.from_text(Path(path).read_text(encoding="utf-8"), special_tokens=special_tokens)

    @classmethod
    def from_text(cls, text: str, *, special_tokens: Mapping[str, int] | None = None) -> Grammar:
        """A grammar of one's own.

        Args:
            text: the grammar, in Lark's syntax, with the labels of `harmony.lark`.
            special_tokens: the ids of special tokens, by spelling. Ids, masks and `encode` use
                them. Those that are not given are those of `o200k_harmony`, as far as their ids
                are free.

        Raises:
            GrammarError: if the text cannot be loaded, is not LALR(1), is ambiguous, lacks a
                meaning, or reads something that the tree would lose.
            VocabularyError: if a special token is given the id of an ordinary token.

        Example:
            >>> text = Grammar.default().text.replace("<|start|>", "<|begin|>")
            >>> grammar = Grammar.from_text(text, special_tokens={"<|begin|>": 201000})
            >>> grammar.encode(grammar.parse("<|begin|>user<|message|>Hi<|end|>"))
            [201000, 1428, 200008, 12194, 200007]
        """
        tokens = None if special_tokens is None else special_tokens_with(special_tokens)
        return cls(Rules.from_text(text, special_tokens=tokens))

    def using(self, vocabulary: Vocabulary | tiktoken.Encoding) -> Grammar:
        """The same grammar with ids of another vocabulary.

        Args:
            vocabulary: a vocabulary, or a tiktoken encoding of one's own.

        Raises:
            VocabularyError: if it lacks a special token that the grammar uses.
        """
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        vocabulary.require(self.rules.specials)
        return Grammar(self.rules.with_special_tokens(vocabulary.special_ids), vocabulary)

    @property
    def text(self) -> str:
        """The grammar's text."""
        return self.rules.text

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels, in the order of the grammar."""
        return self.rules.channels

    @property
    def roles(self) -> tuple[str, ...]:
        """The words of the roles, in the order of the grammar."""
        return self.rules.roles

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The ids of special tokens, by spelling."""
        return self.rules.special_tokens

    @property
    def vocabulary(self) -> Vocabulary:
        """What ids mean; made when it is first needed.

        Raises:
            VocabularyError: if the packaged vocabulary is damaged.
        """
        if self._vocabulary is None:
            packaged = self.special_tokens is SPECIAL_TOKENS
            self._vocabulary = (
                Vocabulary.default()
                if packaged
                else Vocabulary.with_special_tokens(self.special_tokens)
            )
        return self._vocabulary

    @cached_property
    def parser(self) -> StrictParser:
        """Strict reading, for what is built on it; `parse` and `check` are its front doors."""
        return StrictParser(self.rules, self._known_vocabulary)

    @property
    def recoverer(self) -> Recoverer:
        """Recovery, for what is built on it; `recover` and `stream` are its front doors."""
        if self._recoverer is None:
            from harmony_grammar.streaming.recovery import Recoverer  # noqa: PLC0415  few inputs need it

            self._recoverer = Recoverer(self.parser)
        return self._recoverer

    @cached_property
    def renderer(self) -> Renderer:
        """Rendering, for what is built on it; `render` and `encode` are its front doors."""
        from harmony_grammar.writing.renderer import Renderer  # noqa: PLC0415  reading needs none

        return Renderer(self.rules, self._known_vocabulary)

    def _known_vocabulary(self) -> Vocabulary:
        return self.vocabulary

    def __reduce__(self) -> tuple[Callable[..., Grammar], tuple[Any, ...]]:
        if self is _default():
            return Grammar.default, ()
        return Grammar, (self.rules, self._given)

    def __copy__(self) -> Grammar:
        return self  # nothing of it can be changed

    def __deepcopy__(self, _memo: object) -> Grammar:
        return self

    def to_lark(self, start: str = "conversation", *, declared: Sequence[str] = ()) -> str:
        """The grammar as a plain Lark text, which `lark.Lark` reads without this package.

        Messages and the types of tools are read alike by `lark.Lark(text, parser="lalr")`, whose
        trees have the labels of the grammar. Bodies with free text are not: that a line is text
        only where nothing else can be read is more than Lark's lexer knows.

        Args:
            start: `"conversation"`, `"prompt"`, `"completion"`, or a part of a body, such as
                `"tool_type"`.
            declared: channels that a system message declares, which Lark cannot find out.

        Raises:
            GrammarError: if there is no such start.

        Example:
            >>> from lark import Lark
            >>> tree = Lark(Grammar.default().to_lark(), parser="lalr").parse(
            ...     "<|start|>user<|message|>Hi<|end|>"
            ... )
            >>> [str(token) for token in tree.scan_values(lambda token: True)]
            ['user', 'Hi', '<|end|>']
        """
        from harmony_grammar.grammar.stock import to_lark  # noqa: PLC0415  few programs need it

        return to_lark(self.rules, start, declared)

    def parse(
        self, source: str | Iterable[int], start: Start = "conversation", *, bodies: bool = False
    ) -> Conversation:
        """Read a sentence of this grammar, as `harmony_grammar.parse` does of the default one.

        Args:
            source: decoded text, or ids.
            start: `"conversation"`, `"prompt"` or `"completion"`.
            bodies: whether to read the bodies of system and developer messages, too.

        Raises:
            HarmonySyntaxError: if the source is no sentence.
        """
        conversation = self.parser.parse(source, start)
        if not bodies:
            return conversation
        from harmony_grammar.bodies import with_bodies  # noqa: PLC0415  few programs need it

        return with_bodies(conversation, self.rules)

    def check(
        self, source: str | Iterable[int], start: Start = "conversation", lint: Lint | None = None
    ) -> Report:
        """Judge an input by this grammar, as `harmony_grammar.check` does by the default one.

        Args:
            source: decoded text, or ids.
            start: as for `parse`.
            lint: which lint rules are looked at; None for all.
        """
        return self.parser.check(source, start, lint)

    def recover(
        self, source: str | Iterable[int], start: Start = "completion", *, stripped: bool = True
    ) -> Recovery:
        """Read any input, as `harmony_grammar.recover` does with the default grammar.

        Args:
            source: decoded text, or ids.
            start: as for `parse`.
            stripped: whether text may be read that has lost its special tokens.
        """
        return self.recoverer.recover(source, start, stripped=stripped)

    def stream(
        self, start: Start = "completion", *, recover: bool = False, stripped: bool = True
    ) -> StreamParser:
        """Read a stream as it comes; see `harmony_grammar.StreamParser`.

        Args:
            start: as for `parse`.
            recover: whether to mend what is no sentence. If not, the first mistake raises.
            stripped: when mending, whether text may be read that has lost its special tokens.

        Example:
            >>> parser = Grammar.default().stream(recover=True)
            >>> [type(event).__name__ for event in parser.feed("<|channel|>final<|message|>Hi")]
            ['MessageStarted', 'HeaderCompleted', 'TextDelta']
        """
        from harmony_grammar.streaming.stream_parser import StreamParser  # noqa: PLC0415  few inputs need it

        return StreamParser(start, recover=recover, stripped=stripped, grammar=self)

    def constraint(self, tools: Sequence[Any] = (), **options: Any) -> Constraint:
        """Say what a completion may be, for constrained decoding; see `harmony_grammar.Constraint`.

        Args:
            tools: the developer's tools.
            options: as for `Constraint`.

        Raises:
            ConstraintError: if the arguments contradict each other.

        Example:
            >>> Grammar.default().constraint(reasoning="forbid").matcher().expected()[:1]
            ('`<|channel|>`',)
        """
        from harmony_grammar.masking import Constraint  # noqa: PLC0415  reading needs no numpy

        return Constraint(tools, **options, grammar=self)

    def render(
        self,
        node: Conversation | Message | OpenMessage,
        *,
        spelling: Spelling = "openai",
        schema_style: Style = "compatible",
    ) -> str:
        """Write a tree as text, as `harmony_grammar.render` does with the default grammar.

        Args:
            node: a conversation or a message.
            spelling: how to write the header of a message that was not parsed.
            schema_style: how to write what tools take.

        Raises:
            RenderError: if no production writes the node's fields, or if a body spells a special
                token.
        """
        return self.renderer.render(node, spelling=spelling, schema_style=schema_style)

    def encode(
        self,
        node: Conversation | Message | OpenMessage,
        *,
        spelling: Spelling = "openai",
        schema_style: Style = "compatible",
    ) -> list[int]:
        """Write a tree as ids, as `harmony_grammar.encode` does with the default grammar.

        Args:
            node: a conversation or a message.
            spelling: as for `render`.
            schema_style: as for `render`.

        Raises:
            RenderError: if no production writes the node's fields.
            VocabularyError: if a special token of the grammar has no id.
        """
        return self.renderer.encode(node, spelling=spelling, schema_style=schema_style)


@cache
def _default() -> Grammar:
    return Grammar(Rules.default())


def parse(
    source: str | Iterable[int], start: Start = "conversation", *, bodies: bool = False
) -> Conversation:
    """Read a sentence of the harmony format.

    Args:
        source: decoded text, or ids: a list, an array, a tensor or any other iterable.
        start: `"conversation"` for whole messages, `"prompt"` for messages and an open one at the
            end, `"completion"` for what a model samples after a prompt.
        bodies: whether to read the bodies of system and developer messages, too: as
            `SystemContent` and `DeveloperContent`, which render as they were read. A body that
            does not follow the template stays a `TextContent`.

    Returns:
        The tree. `render` and `encode` write it as it was read.

    Raises:
        HarmonySyntaxError: if the source is no sentence; it says where and what to do.

    Example:
        >>> parse("<|start|>user<|message|>Hi<|end|>").messages[0].text
        'Hi'
    """
    return _default().parse(source, start, bodies=bodies)


def check(
    source: str | Iterable[int], start: Start = "conversation", lint: Lint | None = None
) -> Report:
    """Judge an input: whether it is a sentence of the format, and what is odd about it.

    Args:
        source: decoded text, or ids, as for `parse`.
        start: as for `parse`.
        lint: which lint rules are looked at, and how bad their findings are; None for all.

    Returns:
        The verdict and all findings. Bad input never raises.

    Raises:
        TypeError: if the source is neither text nor ids.

    Example:
        >>> check("<|start|>user<|message|>Hi").status
        'truncated'
    """
    return _default().check(source, start, lint)


def recover(
    source: str | Iterable[int], start: Start = "completion", *, stripped: bool = True
) -> Recovery:
    """Read any input: make messages of it, whatever it is, and report each repair.

    Args:
        source: decoded text, or ids, as for `parse`.
        start: as for `parse`.
        stripped: whether text that has lost its special tokens, as decoding with
            `skip_special_tokens` leaves it, is read back into its messages where that is clear:
            it begins with a channel, and further on the assistant begins again. Calls in it are
            `ambiguous`.

    Returns:
        The messages and everything else that the input holds. A sentence gives exactly what
        `parse` gives, without a repair. Nothing is lost, and no call is invented.

    Raises:
        TypeError: if the source is neither text nor ids.

    Example:
        >>> recover("<|channel|>final??<|message|>Hello").messages[0].channel
        'final'
    """
    return _default().recover(source, start, stripped=stripped)


def render(
    node: Conversation | Message | OpenMessage,
    *,
    spelling: Spelling = "openai",
    schema_style: Style = "compatible",
) -> str:
    """Write a tree as text. What was parsed comes back as it was.

    Args:
        node: a conversation or a message.
        spelling: how to write the header of a message that was not parsed: `"openai"` puts the
            recipient first, `"model"` the channel.
        schema_style: how to write what tools take, in a content that was not parsed:
            `"compatible"` as the reference does, `"faithful"` so that the type means what the
            schema does; see `tool_type`.

    Returns:
        The text.

    Raises:
        RenderError: if no production writes the node's fields, or if a body spells a special
            token, which text cannot tell from the token itself; `encode` can.

    Example:
        >>> text = "<|start|>user<|message|>Hi<|end|>"
        >>> render(parse(text)) == text
        True
    """
    return _default().render(node, spelling=spelling, schema_style=schema_style)


def encode(
    node: Conversation | Message | OpenMessage,
    *,
    spelling: Spelling = "openai",
    schema_style: Style = "compatible",
) -> list[int]:
    """Write a tree as ids. What was parsed from ids comes back as it was.

    Args:
        node: a conversation or a message.
        spelling: as for `render`.
        schema_style: as for `render`.

    Returns:
        The ids. A body that spells a special token is encoded as the text it is.

    Raises:
        RenderError: if no production writes the node's fields.

    Example:
        >>> encode(parse("<|start|>user<|message|>Hi<|end|>"))
        [200006, 1428, 200008, 12194, 200007]
    """
    return _default().encode(node, spelling=spelling, schema_style=schema_style)
