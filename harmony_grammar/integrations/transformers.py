"""Constrained decoding with transformers: a logits processor.

transformers hands the processor all ids of all rows at every step, and reorders rows between
steps when it searches with beams. So a row's state is found by its ids: a row that goes on from a
row of the step before goes on with its matcher, or with a copy of it. Where no such row is, what
is there is taken for a new prompt.

Example:
    Give the processor and the ids that end a completion to `generate`::

        constraint = Constraint(tools=tools, tool_choice="required")
        model.generate(
            **inputs,
            logits_processor=[HarmonyLogitsProcessor(constraint)],
            **generation_options(constraint),
        )

    Or leave it to the prompts, each of which says which tools there are and what they take::

        model.generate(
            **inputs,
            logits_processor=[HarmonyLogitsProcessor.from_prompt()],
            **generation_options(),
        )
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch

from harmony_grammar.errors import ConstraintError, ConstraintViolation
from harmony_grammar.masking import Constraint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from typing_extensions import Self

    from harmony_grammar.masking import Matcher

    Ids = NDArray[np.int64]

__all__ = ["HarmonyLogitsProcessor", "completion_begin", "generation_options"]

_KEPT: Final = 64


def generation_options(
    constraint: Constraint | None = None, pad_token_id: int | None = None
) -> dict[str, Any]:
    """What `generate` needs to know besides the processor.

    Args:
        constraint: the constraint; None if the prompts tell it.
        pad_token_id: the id that fills rows up; None for the first that ends a completion.

    Returns:
        `eos_token_id`, the ids that end a completion, and `pad_token_id`.
    """
    stops = (constraint or _anything()).stop_ids
    pad = stops[0] if pad_token_id is None else pad_token_id
    return {"eos_token_id": list(stops), "pad_token_id": pad}


@cache
def _anything() -> Constraint:
    """A constraint whose completions end in every way there is: in an answer and in a call."""
    return Constraint([{"name": "f"}])


def completion_begin(constraint: Constraint, prompt: Sequence[int]) -> int:
    """Where a completion begins in a prompt: behind the last opening of the model's message.

    Args:
        constraint: the constraint.
        prompt: the ids of the prompt, padded or not.

    Returns:
        The index of the first id behind the opening.

    Raises:
        ConstraintError: if the prompt does not open a message for the model.
    """
    opening = constraint.opening
    ids = np.asarray(prompt, np.int64)
    for begin in np.flatnonzero(ids == opening[0])[::-1].tolist():
        end = begin + len(opening)
        if tuple(ids[begin:end].tolist()) == opening:
            return int(end)
    words = "".join(constraint.rules.opening_words)
    raise ConstraintError(
        f"the prompt does not end with an open message: there is no {words} in its "
        f"{len(ids)} ids (use the chat template with add_generation_prompt=True)"
    )


@dataclass(slots=True)
class _Row:
    """A row of the batch.

    Attributes:
        ids: all its ids.
        matcher: where it is.
    """

    ids: Ids
    matcher: Matcher


class HarmonyLogitsProcessor:
    """Holds every row of a generation to a constraint.

    It may be used for one generation after another, not for several at once. `generate` takes
    anything that can be called, so transformers itself is not needed here.

    Args:
        constraint: the constraint; None to take each row's from its own prompt, see
            `Constraint.from_prompt`.
        prompt_length: how many columns the prompt has; None to take the ids of the first call
            for the prompt. The completion begins behind the prompt's last opening of the model's
            message, which may be prefilled.

    Raises:
        ConstraintError: when a prompt does not open a message for the model, or what it is
            prefilled with is against the constraint.
    """

    def __init__(
        self, constraint: Constraint | None = None, prompt_length: int | None = None
    ) -> None:
        self.constraint = constraint
        self.prompt_length = prompt_length
        self._overrides: dict[str, Any] = {}
        self._rows: list[_Row] = []
        self._known: OrderedDict[tuple[object, ...], torch.Tensor] = OrderedDict()
        # Ids that no completion holds: what stands behind a prompt that is padded on the right.
        known = constraint or _anything()
        structural = set(known.encode("".join(known.rules.specials)))
        specials = set(known.vocabulary.special_ids.values())
        self._padding = (specials - structural) | set(known.stop_ids)

    @classmethod
    def from_prompt(cls, prompt_length: int | None = None, **overrides: Any) -> Self:
        """A processor that takes each row's constraint from its own prompt.

        Rows with the same preamble share theirs, and so do later generations.

        Args:
            prompt_length: as for the processor.
            overrides: arguments of a constraint that outdo what the prompts say, such as
                `max_tokens`, `grammar` or `vocabulary`.
        """
        processor = cls(None, prompt_length)
        processor._overrides = overrides
        return processor

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        """Set the scores of illegal ids to minus infinity.

        Args:
            input_ids: all ids of every row, the prompt first; shape `(rows, length)`.
            scores: shape `(rows, size)`, where `size` may be more than the vocabulary has.

        Returns:
            The scores, a new tensor of the same shape. Rows that have ended keep theirs.
        """
        self._follow(input_ids.detach().cpu().numpy().astype(np.int64, copy=False))
        matchers = [row.matcher for row in self._rows]
        keys = [None if m.is_finished else m.mask_key for m in matchers]
        biases = {
            key: self._bias(key, matcher, scores)
            for key, matcher in zip(keys, matchers, strict=True)
        }
        if len(biases) == 1:
            return scores + biases[keys[0]]
        out = torch.empty_like(scores)
        for row, key in enumerate(keys):
            torch.add(scores[row], biases[key], out=out[row])
        return out

    def _bias(self, key: object, matcher: Matcher, scores: torch.Tensor) -> torch.Tensor:
        """What to add to the scores of a row, on their device; kept for the next time."""
        width = int(scores.shape[-1])
        whole = (key, width, scores.dtype, scores.device)
        known = self._known.get(whole)
        if known is None:
            known = _additive(None if key is None else matcher.mask(), width)
            known = known.to(device=scores.device, dtype=scores.dtype)
            self._known[whole] = known
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(whole)
        return known

    # --- where the rows are ---

    def _follow(self, ids: Ids) -> None:
        """Bring the matchers to the ids of this step."""
        rows = self._continued(ids)
        self._rows = self._begun(ids) if rows is None else rows

    def _continued(self, ids: Ids) -> list[_Row] | None:
        """The rows as the rows of the step before, gone on; None if they are not."""
        old = self._rows
        if not old or ids.shape[1] <= old[0].ids.size or all(r.matcher.is_finished for r in old):
            return None
        length = old[0].ids.size
        before = np.stack([row.ids for row in old])
        sources = []
        for index, row in enumerate(ids):
            same = np.flatnonzero((before == row[:length]).all(axis=1)).tolist()
            if not same:
                return None
            sources.append(index if index in same else same[0])
        matchers = self._taken(sources)
        try:
            for matcher, row in zip(matchers, ids, strict=True):
                _go_on(matcher, row[length:].tolist())
        except ConstraintViolation:
            return None
        return [_Row(row.copy(), m) for row, m in zip(ids, matchers, strict=True)]

    def _taken(self, sources: list[int]) -> list[Matcher]:
        """The matchers of some rows, copied where several rows go on from one."""
        used: set[int] = set()
        matchers = []
        for source in sources:
            matcher = self._rows[source].matcher
            matchers.append(matcher.copy() if source in used else matcher)
            used.add(source)
        return matchers

    def _begun(self, ids: Ids) -> list[_Row]:
        """The rows at the beginning of a generation, or behind a prompt of known length."""
        length = ids.shape[1] if self.prompt_length is None else self.prompt_length
        rows = []
        for row in ids:
            prompt = row[:length].tolist()
            while prompt and prompt[-1] in self._padding:
                prompt.pop()
            matcher = self._matcher(prompt)
            _go_on(matcher, row[length:].tolist())
            rows.append(_Row(row.copy(), matcher))
        return rows

    def _matcher(self, prompt: list[int]) -> Matcher:
        """A matcher behind a prompt."""
        if self.constraint is None:
            return Constraint.from_prompt(prompt, **self._overrides).matcher()
        return self.constraint.matcher(prompt[completion_begin(self.constraint, prompt) :])


def _go_on(matcher: Matcher, ids: Sequence[int]) -> None:
    """Take ids up to the end of the completion; what fills the row up behind it is ignored."""
    for token in ids:
        if matcher.is_finished:
            return
        matcher.accept(token)


def _additive(mask: Any, width: int) -> torch.Tensor:
    """Zero for what a mask allows and minus infinity for the rest; all zero without a mask."""
    bias = np.zeros(width, np.float32)
    if mask is not None:
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[:width]
        bias[: bits.size][bits == 0] = -np.inf
        bias[bits.size :] = -np.inf
    return torch.from_numpy(bias)
