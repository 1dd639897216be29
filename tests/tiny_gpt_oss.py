"""A gpt-oss that knows nothing: as big in its vocabulary as the real one, and otherwise tiny."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from harmony_grammar.masking import Constraint

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZE = 201_088
PAD = 199_999


@cache
def model() -> Any:
    """The model."""
    import torch  # noqa: PLC0415  an extra
    import transformers  # noqa: PLC0415

    torch.manual_seed(0)
    config = transformers.GptOssConfig(
        vocab_size=SIZE,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        num_local_experts=2,
        num_experts_per_tok=1,
        max_position_embeddings=4096,
        eos_token_id=200_002,
        pad_token_id=PAD,
    )
    return transformers.GptOssForCausalLM(config).eval()


def encode(text: str) -> list[int]:
    """The ids of a text in which special tokens are spelled."""
    return Constraint().encode(text)


def padded(prompts: Sequence[str], side: str = "left") -> tuple[Any, Any]:
    """The ids of prompts and what of them counts, filled up on a side."""
    import torch  # noqa: PLC0415  an extra

    rows = [encode(prompt) for prompt in prompts]
    width = max(map(len, rows))
    fill = [[PAD] * (width - len(row)) for row in rows]
    ids = [f + r if side == "left" else r + f for f, r in zip(fill, rows, strict=True)]
    mask = [
        [0] * len(f) + [1] * len(r) if side == "left" else [1] * len(r) + [0] * len(f)
        for f, r in zip(fill, rows, strict=True)
    ]
    return torch.tensor(ids), torch.tensor(mask)
