"""`Grammar`: everything that is derived from one grammar text, as methods.

The functions of the package are the methods of `Grammar.default()`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from harmony_grammar.grammar import Rules
from harmony_grammar.reading.strict import StrictParser
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import tiktoken
    from typing_extensions import Self

    from harmony_grammar.checking.lint import Lint
    from harmony_grammar.masking import Constraint
    from harmony_grammar.reading.strict import Report
    from harmony_grammar.schemas.types import Style
    from harmony_grammar.streaming.recover import Recoverer
    from harmony_grammar.streaming.recovery import Recovery
    from harmony_grammar.streaming.stream_parser import StreamParser
    from harmony_grammar.tree import Conversation, Message, OpenMessage, Start
    from harmony_grammar.writing.forms import Spelling
    from harmony_grammar.writing.renderer import Renderer

__all__ = ["Grammar", "check", "encode", "parse", "recover", "render"]


class Grammar(Rules):
    """A grammar of the format, and what is derived from it.

    Make one with `default`, `load` or `from_text`; `using` gives it another vocabulary.
    """

    def using(self, vocabulary: Vocabulary | tiktoken.Encoding) -> Self:
        """The same grammar with ids of another vocabulary.

        Args:
            vocabulary: a vocabulary, or a tiktoken encoding of one's own.

        Raises:
            VocabularyError: if it lacks a special token that the grammar uses.
        """
        if not isinstance(vocabulary, Vocabulary):
            vocabulary = Vocabulary(vocabulary)
        vocabulary.require(self.specials)
        other = type(self)(self.text, self.source, vocabulary.special_ids)
        other.vocabulary = vocabulary
        return other

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """What ids mean; the packaged vocabulary is loaded when it is first needed."""
        return Vocabulary.default()

    @cached_property
    def _parser(self) -> StrictParser:
        return StrictParser(self, lambda: self.vocabulary)

    @cached_property
    def _recoverer(self) -> Recoverer:
        from harmony_grammar.streaming.recover import Recoverer  # noqa: PLC0415  few inputs need it

        return Recoverer(self._parser)

    @cached_property
    def _renderer(self) -> Renderer:
        from harmony_grammar.writing.renderer import Renderer  # noqa: PLC0415  reading needs none

        return Renderer(self, lambda: self.vocabulary)

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

        return to_lark(self, start, declared)

    def parse(
        self,
        source: str | Iterable[int],
        start: Start = "conversation",
        *,
        bodies: bool = False,
    ) -> Conversation:
        """Read a sentence of the format.

        Args:
            source: decoded text, or ids: a list, an array, a tensor or any other iterable.
            start: `"conversation"` for whole messages, `"prompt"` for messages and an open one
                at the end, `"completion"` for what a model samples after a prompt.
            bodies: whether to read the bodies of system and developer messages, too: as
                `SystemContent` and `DeveloperContent`, which render as they were read. A body
                that does not follow the template stays a `TextContent`.

        Returns:
            The tree.

        Raises:
            HarmonySyntaxError: if the source is no sentence; it says where and what to do.

        Example:
            >>> parse("<|start|>user<|message|>Hi<|end|>").messages[0].text
            'Hi'
        """
        conversation = self._parser.parse(source, start)
        if not bodies:
            return conversation
        from harmony_grammar.bodies import with_bodies  # noqa: PLC0415  few programs need it

        return with_bodies(conversation, self)

    def check(
        self, source: str | Iterable[int], start: Start = "conversation", lint: Lint | None = None
    ) -> Report:
        """Judge an input.

        Args:
            source: as for `parse`.
            start: as for `parse`.
            lint: which lint rules are looked at, and how bad their findings are; None for all.

        Returns:
            The verdict and all findings. Bad input never raises.

        Example:
            >>> check("<|start|>user<|message|>Hi").status
            'truncated'
        """
        return self._parser.check(source, start, lint)

    def recover(self, source: str | Iterable[int], start: Start = "completion") -> Recovery:
        """Read any input: make messages of it, whatever it is, and report each repair.

        Args:
            source: as for `parse`.
            start: as for `parse`.

        Returns:
            The messages and everything else that the input holds. A sentence gives exactly what
            `parse` gives, without a repair. Nothing is lost, and no call is invented.

        Example:
            >>> recover("<|channel|>final??<|message|>Hello").messages[0].channel
            'final'
        """
        return self._recoverer.recover(source, start)

    def stream(self, start: Start = "completion", *, recover: bool = False) -> StreamParser:
        """Read a stream as it comes; see `harmony_grammar.StreamParser`.

        Args:
            start: as for `parse`.
            recover: whether to mend what is no sentence. If not, the first mistake raises.

        Example:
            >>> parser = Grammar.default().stream(recover=True)
            >>> [type(event).__name__ for event in parser.feed("<|channel|>final<|message|>Hi")]
            ['MessageStarted', 'HeaderCompleted', 'TextDelta']
        """
        from harmony_grammar.streaming.stream_parser import StreamParser  # noqa: PLC0415  few inputs need it

        return StreamParser(start, recover=recover, recoverer=self._recoverer)

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

        return Constraint(tools, **options, rules=self)

    def render(
        self,
        node: Conversation | Message | OpenMessage,
        *,
        spelling: Spelling = "openai",
        schema_style: Style = "compatible",
    ) -> str:
        """Write a tree as text. What was parsed comes back as it was.

        Args:
            node: a conversation or a message.
            spelling: how to write the header of a message that was not parsed: `"openai"` puts
                the recipient first, `"model"` the channel.
            schema_style: how to write what tools take, in a content that was not parsed:
                `"compatible"` as the reference does, `"faithful"` so that the type means what
                the schema does; see `tool_type`.

        Raises:
            RenderError: if no production writes the node's fields, or if a body spells a special
                token, which text cannot tell from the token itself.

        Example:
            >>> text = "<|start|>user<|message|>Hi<|end|>"
            >>> render(parse(text)) == text
            True
        """
        return self._renderer.render(node, spelling=spelling, schema_style=schema_style)

    def encode(
        self,
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
        return self._renderer.encode(node, spelling=spelling, schema_style=schema_style)


def parse(
    source: str | Iterable[int], start: Start = "conversation", *, bodies: bool = False
) -> Conversation:
    """Read a sentence of the harmony format; see `Grammar.parse`."""
    return Grammar.default().parse(source, start, bodies=bodies)


def check(
    source: str | Iterable[int], start: Start = "conversation", lint: Lint | None = None
) -> Report:
    """Judge an input; see `Grammar.check`."""
    return Grammar.default().check(source, start, lint)


def recover(source: str | Iterable[int], start: Start = "completion") -> Recovery:
    """Read any input; see `Grammar.recover`."""
    return Grammar.default().recover(source, start)


def render(
    node: Conversation | Message | OpenMessage,
    *,
    spelling: Spelling = "openai",
    schema_style: Style = "compatible",
) -> str:
    """Write a tree as text; see `Grammar.render`."""
    return Grammar.default().render(node, spelling=spelling, schema_style=schema_style)


def encode(
    node: Conversation | Message | OpenMessage,
    *,
    spelling: Spelling = "openai",
    schema_style: Style = "compatible",
) -> list[int]:
    """Write a tree as ids; see `Grammar.encode`."""
    return Grammar.default().encode(node, spelling=spelling, schema_style=schema_style)
