"""A constraint: what a completion may be, in the caller's terms, and its automaton."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, Literal

from harmony_grammar.errors import ConstraintError, ConstraintViolation
from harmony_grammar.grammar import given, rules_of
from harmony_grammar.masking.automaton import FIRST, OPEN, automaton_of, graph_of
from harmony_grammar.masking.budget import UNLIMITED, BudgetState
from harmony_grammar.masking.callable_tools import builtin_tools_of, chosen, tools_of
from harmony_grammar.masking.formats import response_body
from harmony_grammar.masking.matcher import BatchMatcher, Matcher, explanation
from harmony_grammar.masking.schema_bodies import engine_of
from harmony_grammar.masking.token_table import table_of
from harmony_grammar.masking.turn import (
    FREE,
    Plan,
    groups_of,
    kinds_of,
    spells,
)
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from typing_extensions import Self

    from harmony_grammar.grammar import AnyGrammar, Rules
    from harmony_grammar.grammar.meaning import Meaning
    from harmony_grammar.masking.callable_tools import Tool
    from harmony_grammar.masking.schema_bodies import BodyGrammar
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import TokenTable
    from harmony_grammar.masking.turn import TurnGraph
    from harmony_grammar.schemas.relaxing import Relaxation

__all__ = ["Constraint"]

_ANY: Final = 1 << 20  # more deviations than any header has
_SPELLINGS: Final[Mapping[str, int]] = {"model": 0, "any": _ANY}
_UNSUPPORTED: Final[Mapping[str, int]] = {"error": 0, "relax": 1}
_REASONING: Final[Mapping[str, int]] = {"allow": OPEN, "require": FIRST, "forbid": OPEN}
_RESERVE: Final = 32  # ids that a body with a schema is taken to need, unless it is asked
_FEW_BODIES: Final = 32  # so many of them are asked


class Constraint:
    """What a completion may be.

    All that follows from the arguments is decided here, so a contradiction is found before
    anything is sampled. A constraint is never changed; any number of matchers may share it.

    Args:
        tools: the developer's tools: tool descriptions, openai-style function dicts or pydantic
            models. A call's body is held to the tool's JSON Schema.
        tool_choice: `auto`: there may be a call; `required`: there must be one; `none`: there
            must be none; a name or a list of names: there must be a call of one of these.
        response_format: what the answer must be; see `formats.response_body`. It binds the
            answer only, so it goes together with tools.
        reasoning: `allow`; `require`: the completion begins with reasoning; `forbid`.
        max_reasoning_tokens: how many ids of reasoning there may be, in all messages together;
            when they are spent, the mask closes the reasoning and opens what must follow.
        max_tokens: how many ids there may be, with the last one that ends the completion. The
            mask brings the completion to its end in time wherever bodies are text. For a body
            with a schema ids are kept free, and the way that closes it is forced when they run
            out; but a schema whose end is far or not found may still be cut by the limit.
        preambles: whether there may be messages to the user before a call or an answer.
        builtin_tools: names of predefined tools: `python`, whose calls are free text, and
            `browser`.
        channels: the channels that there may be messages on; None for those of the format. Others
            are for reasoning: those that a system message declares beside them.
        strict_tools: whether a tool's schema that the engine cannot use is an error; otherwise
            the calls of that tool may be any JSON object.
        unsupported: what becomes of a schema with something that the engine cannot hold:
            `error`; or `relax`: the smallest part of the schema is widened, everything else
            still binds, and `relaxed` says what was widened.
        spelling: `model`: each message has one header, as the model itself writes it; `any`:
            all headers of the grammar. A message that is neither a call nor on a channel is
            nothing in particular, and never allowed.
        grammar: the grammar, a `harmony_grammar.Grammar`; None for the default.
        vocabulary: the vocabulary; None for the grammar's own.
        rules: the old name of `grammar`.

    Raises:
        ConstraintError: if the arguments contradict each other, or what they ask for cannot be
            spelled or held; the message names the argument.

    Attributes:
        tool_names: the whole names of the tools that may be called.
        words: how many 32-bit words a mask has.
        stop_ids: the ids that end a completion.
        prefix: what a matcher begins behind, unless it is told otherwise.
        relaxed: what of the schemas is not held, with JSON pointers and reasons.

    Example:
        >>> from harmony_grammar.masking import Constraint
        >>> Constraint(tools=[{"name": "f"}], tool_choice="required").tool_names
        ('functions.f',)
    """

    def __init__(  # noqa: PLR0913  each is an independent choice, and all but one by name
        self,
        tools: Sequence[Any] = (),
        *,
        tool_choice: Any = "auto",
        response_format: Any = None,
        reasoning: Literal["allow", "require", "forbid"] = "allow",
        max_reasoning_tokens: int | None = None,
        max_tokens: int | None = None,
        preambles: bool = True,
        builtin_tools: Sequence[str] = (),
        channels: Sequence[str] | None = None,
        strict_tools: bool = True,
        unsupported: Literal["error", "relax"] = "error",
        spelling: Literal["model", "any"] = "model",
        grammar: AnyGrammar | None = None,
        vocabulary: Vocabulary | None = None,
        rules: AnyGrammar | None = None,
    ) -> None:
        made_of = dict(locals())
        _require_options(reasoning, spelling, max_reasoning_tokens, max_tokens)
        grammar = given(grammar, rules, "rules")
        self._made_of = _kept({**made_of, "grammar": grammar})
        self._rules = rules_of(grammar)
        self._vocabulary = vocabulary or _vocabulary_of(grammar)
        self._table = table_of(self._vocabulary)
        self._ids = self._vocabulary.require(self._rules.specials)
        relaxed = _report(unsupported)
        declared = tools_of(tools, strict=strict_tools, relaxed=relaxed)
        declared += builtin_tools_of(builtin_tools)
        _require_names(declared, self._rules, graph_of(self._rules, self._table))
        called, required = chosen(tool_choice, declared)
        self.tool_names = tuple(tool.name for tool in called)
        self.words = self._table.words
        self._phase = _REASONING[reasoning]
        self._total = UNLIMITED if max_tokens is None else max_tokens
        self._thought = UNLIMITED if max_reasoning_tokens is None else max_reasoning_tokens
        answer = _answer_of(response_format, self._table, relaxed)
        self.relaxed = tuple(relaxed or ())
        bodies: dict[BodyGrammar, int] = {}

        def number(body: BodyGrammar | None) -> int:
            return FREE if body is None else bodies.setdefault(body, len(bodies) + 1)

        plan = Plan(
            groups=groups_of(called, number),
            answer=None if required else number(answer),
            typed=not required and answer is not None and answer.typed,
            kinds=kinds_of(reasoning, preambles=preambles),
            channels=_channels_of(channels, self._rules),
            bodies=tuple(bodies),
            reserves=_reserves_of(bodies, self._table, self._total),
            deviations=_SPELLINGS[spelling],
        )
        needed = _needed(self._rules.meaning, called, reasoning, answered=not required)
        _require_channels(needed, plan.channels)
        self._automaton = automaton_of(self._rules, self._table, plan)
        self.stop_ids = self._automaton.stop_ids
        self.prefix: tuple[int, ...] = ()
        self._state(())

    @classmethod
    def from_prompt(
        cls,
        prompt: str | Iterable[int],
        *,
        grammar: AnyGrammar | None = None,
        vocabulary: Vocabulary | None = None,
        rules: AnyGrammar | None = None,
        schema_style: Literal["compatible", "faithful"] = "compatible",
        **overrides: Any,
    ) -> Self:
        """The constraint that a prompt tells, which begins where the completion does.

        The messages of the system and the developer say which tools there are and what they
        take, which channels, and what the answer must be. What is known of a preamble is kept, so
        the next prompt that begins with it costs next to nothing.

        Args:
            prompt: decoded text or ids. It ends with an open message of the model, which may have
                more of its header already.
            grammar: the grammar, a `harmony_grammar.Grammar`; None for the default.
            vocabulary: the vocabulary; None for the grammar's own.
            schema_style: how the prompt's types were written.
            rules: the old name of `grammar`.
            overrides: further arguments of a constraint; they outdo what the prompt says.

        Raises:
            ConstraintError: if the prompt does not end with an open message of the model, or has
                tools that cannot be read; otherwise as for a constraint.
            ConstraintViolation: if the open message has what the constraint does not allow.

        Example:
            >>> Constraint.from_prompt("<|start|>user<|message|>Hi<|end|><|start|>assistant").prefix
            ()
        """
        from harmony_grammar.masking.prompt import reader_of  # noqa: PLC0415  few need a parser

        grammar = given(grammar, rules, "rules")
        reader = reader_of(rules_of(grammar), vocabulary or _vocabulary_of(grammar))
        cut = reader.cut(prompt)
        return reader.constraint(cls, cut.preamble, overrides, schema_style).behind(cut.prefix)

    def __reduce__(self) -> tuple[Callable[..., Constraint], tuple[Any, ...]]:
        return _again, (type(self), self._made_of, self.prefix)  # what it became is made anew

    def __copy__(self) -> Self:
        return self  # it is never changed

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def behind(self, prefix: str | Sequence[int]) -> Self:
        """This constraint for completions that begin behind a prefix.

        Args:
            prefix: what `matcher` takes.

        Raises:
            ConstraintViolation: if the constraint does not allow the prefix.
        """
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        other.prefix = tuple(self.encode(prefix) if isinstance(prefix, str) else prefix)
        if other.prefix:
            other.matcher()  # which refuses a prefix that the constraint does not allow
        return other

    def matcher(self, prefix: str | Iterable[int] | None = None) -> Matcher:
        """A matcher for one sequence.

        Args:
            prefix: what stands in the prompt behind the opening of the assistant's message
                already, as text or ids: part of a header, or a header and part of a body. It
                may be spelled in any way, whatever `spelling` says, and no budget counts it.
                None for the constraint's own.

        Raises:
            ConstraintViolation: if the constraint does not allow the prefix.
            ConstraintError: if `max_tokens` is too small to come to an end behind it.
        """
        begun = self.prefix if prefix is None else prefix
        ids = self.encode(begun) if isinstance(begun, str) else list(begun)
        return Matcher(self._state(ids), self._table, (self, ids))

    def batch(self, prefixes: Iterable[str | Iterable[int]]) -> BatchMatcher:
        """A matcher for each of some sequences.

        Args:
            prefixes: for each, what `matcher` takes.
        """
        return BatchMatcher([self.matcher(prefix) for prefix in prefixes])

    def encode(self, text: str) -> list[int]:
        """The ids of a text in which the spellings of special tokens are special tokens."""
        return self._vocabulary.encode_marked(text, self._rules.specials)

    @property
    def opening(self) -> tuple[int, ...]:
        """The ids that open the message of a generation, as the encoding spells them."""
        return tuple(token for word in self._rules.opening_words for token in self.encode(word))

    @property
    def structural_ids(self) -> tuple[int, ...]:
        """The ids of the special tokens that messages consist of."""
        return tuple(self._ids.values())

    @property
    def vocabulary(self) -> Vocabulary:
        """The vocabulary."""
        return self._vocabulary

    @property
    def rules(self) -> Rules:
        """The grammar."""
        return self._rules

    def prepare(self) -> None:
        """Do now what is otherwise done when it is first needed.

        Bodies with a schema need the vocabulary in another form, which takes about a second the
        first time; a server does that before the first request.
        """
        self._automaton.prepare()

    def _state(self, prefix: Sequence[int]) -> State:
        """The state behind a prefix."""
        automaton = self._automaton
        deviations = _ANY if prefix else automaton.plan.deviations
        state: State = automaton.start(self._phase, deviations)
        for index, token in enumerate(prefix):
            following = state.after(token)
            if following is None:
                why = explanation(state, self._table, token)
                raise ConstraintViolation(f"prefix: at index {index}: {why}")
            state = following
        state = automaton.canonical(state) if prefix else state
        if min(self._total, self._thought) == UNLIMITED:
            return state
        if state.distance() - automaton.distances.most_reserved > self._total:
            raise ConstraintError(
                f"max_tokens: {self._total} ids do not suffice, {state.distance()} do"
            )
        return BudgetState(state, automaton, self._total, self._thought)


def _kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that a constraint is made of again; what the caller changes later is not."""
    kept = {name: value for name, value in arguments.items() if name not in ("self", "rules")}
    return deepcopy(kept)


def _again(
    kind: type[Constraint], made_of: Mapping[str, Any], prefix: tuple[int, ...]
) -> Constraint:
    """A constraint that is made of this, and begins behind a prefix."""
    return kind(**made_of).behind(prefix)


def _vocabulary_of(grammar: AnyGrammar | None) -> Vocabulary:
    return Vocabulary.default() if grammar is None else grammar.vocabulary


def _answer_of(
    response_format: Any, table: TokenTable, relaxed: list[Relaxation] | None
) -> BodyGrammar | None:
    """What the answer must be, which must be valid even where it has no say."""
    answer = response_body(response_format, relaxed)
    if answer is not None and answer.cut:
        engine_of(answer, table).require_beginning("response_format")
    return answer


def _report(unsupported: str) -> list[Relaxation] | None:
    """Where to say what is not held; None if that is an error."""
    _one_of("unsupported", unsupported, _UNSUPPORTED)
    return [] if unsupported == "relax" else None


def _require_options(
    reasoning: str, spelling: str, max_reasoning_tokens: object, max_tokens: object
) -> None:
    """Refuse options that are none, or that contradict each other."""
    _one_of("reasoning", reasoning, _REASONING)
    _one_of("spelling", spelling, _SPELLINGS)
    _count("max_reasoning_tokens", max_reasoning_tokens, 0)
    _count("max_tokens", max_tokens, 1)
    if reasoning == "require" and max_reasoning_tokens == 0:
        raise ConstraintError("max_reasoning_tokens: it is 0, but reasoning is required")


def _one_of(name: str, value: object, known: Mapping[str, int]) -> None:
    if value not in known:
        raise ConstraintError(f"{name}: it is one of {', '.join(known)}, not {value!r}")


def _count(name: str, value: object, least: int) -> None:
    if value is None:
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConstraintError(f"{name}: a number of at least {least} is needed, not {value!r}")


def _reserves_of(bodies: Iterable[BodyGrammar], table: TokenTable, total: int) -> tuple[int, ...]:
    """How many ids of a budget are kept free for each body with a schema.

    If there are few of them, each is asked; otherwise all are taken to need some.
    """
    given = tuple(bodies)
    some = min(_RESERVE, total // 2)
    if len(given) > _FEW_BODIES or total == UNLIMITED:
        return (some,) * len(given)
    needed = (engine_of(body, table).needed for body in given)
    return tuple(some if ids is None else ids for ids in needed)


def _channels_of(names: Sequence[str] | None, rules: Rules) -> tuple[str, ...]:
    """The channels that may be used: those given, or those of the format."""
    if names is None:
        return rules.channels
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise ConstraintError(f"channels: a list of names is needed, not {names!r}")
    automaton = rules.automaton(rules.meaning.channel_name)
    for name in names:
        if automaton is None or not spells(automaton, name):
            raise ConstraintError(f"channels: no system message can declare {name!r}")
    return tuple(dict.fromkeys(names))


def _needed(
    meaning: Meaning, called: Sequence[Tool], reasoning: str, *, answered: bool
) -> dict[str, str]:
    """The channels that are needed, and what for."""
    needed = {meaning.channel_of(tool.channel): f"a call of {tool.name}" for tool in called[::-1]}
    if reasoning == "require":
        needed[meaning.reasoning] = "reasoning"
    if answered:
        needed[meaning.answer] = "the answer"
    return needed


def _require_channels(needed: Mapping[str, str], channels: Sequence[str]) -> None:
    """Refuse channels that lack one that is needed for something."""
    for channel, what in needed.items():
        if channel not in channels:
            raise ConstraintError(
                f"channels: {what} needs the channel {channel!r}, "
                f"which is not one of them ({', '.join(channels) or 'none'})"
            )


def _require_names(tools: Sequence[Tool], rules: Rules, graph: TurnGraph) -> None:
    """Refuse names that are given twice or that no header can spell."""
    automata = [a for name in sorted(graph.recipients()) if (a := rules.automaton(name))]
    seen: dict[str, str] = {}
    for tool in tools:
        if tool.name in seen:
            raise ConstraintError(f"{tool.where}.name: {tool.name!r} is {seen[tool.name]} already")
        seen[tool.name] = tool.where
        if not any(spells(automaton, tool.name) for automaton in automata):
            raise ConstraintError(f"{tool.where}.name: no header can spell {tool.name!r}")
