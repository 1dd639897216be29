"""What must come, and why something may not: the answers that are made for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from harmony_grammar.masking.automaton import HeaderState
from harmony_grammar.masking.budget import BudgetState

if TYPE_CHECKING:
    from harmony_grammar.masking.states import State
    from harmony_grammar.masking.token_table import TokenTable

__all__ = ["explanation", "forced_ids"]

_MOST_FORCED: Final = 1000


def forced_ids(state: State, table: TokenTable) -> list[int]:
    """The ids that must follow a state; see `Matcher.forced`."""
    state = state.fork()
    out: list[int] = []
    while len(out) < _MOST_FORCED:
        ids = _forced_text(state, table)
        if not ids:
            only = state.mask().ids()
            ids = only.tolist() if only.size == 1 else []
        if not ids:
            break
        for token in ids:
            following = state.after(token)
            if following is None:
                return out
            out.append(token)
            state = following
    return out


def _forced_text(state: State, table: TokenTable) -> list[int]:
    """The ids of a text that a header must go on with."""
    while isinstance(state, BudgetState) and state.ample:
        state = state.state
    text = b""
    while isinstance(state, HeaderState) and len(state.bytes()) == 1 and not state.specials():
        ((byte, state),) = state.bytes().items()
        text += bytes([byte])
    try:
        ids = table.encode(text.decode("utf-8"))
    except UnicodeDecodeError:
        return []
    # Behind a choice of texts the last id may be another, since it may reach across.
    return ids if isinstance(state, HeaderState) and not state.bytes() else ids[:-1]


def explanation(state: State, table: TokenTable, token: int) -> str:
    """Why an id may not follow a state; see `Matcher.explain`."""
    name = _name(table, token)
    if name is None:
        return f"{token} is no id of the vocabulary, which has {table.size}"
    if token in state.mask():
        return f"{name} may come here"
    expected = ", ".join(sorted(state.expected())) or "nothing"
    reason = _reason(state, table, token)
    return f"{name} may not come here: {reason}; expected: {expected}"


def _name(table: TokenTable, token: int) -> str | None:
    if token in table.names:
        return f"{table.names[token]} ({token})"
    if token in table.pieces:
        return f"{table.pieces[token].decode('utf-8', 'replace')!r} ({token})"
    return None


def _reason(state: State, table: TokenTable, token: int) -> str:
    if isinstance(state, BudgetState):
        if state.state.after(token) is not None:
            return _shortage(state)
        state = state.state
    if isinstance(state, HeaderState) and token in table.pieces:
        return f"{state.place()}, {_misfit(state, table.pieces[token])}"
    return state.place()


def _shortage(state: BudgetState) -> str:
    if state.reasoning and state.thought <= state.automaton.free.most:
        return f"{max(state.thought, 0)} ids of reasoning are left"
    return f"{state.total} ids are left"


def _misfit(state: HeaderState, piece: bytes) -> str:
    """How far a text fits into a header."""
    for length, byte in enumerate(piece):
        following = state.bytes().get(byte)
        if following is None:
            fits = piece[:length].decode("utf-8", "replace")
            wrong = piece[length:].decode("utf-8", "replace")
            return f"where {wrong!r} does not fit" + (f" behind {fits!r}" if fits else "")
        state = following
    return "where it fits"
