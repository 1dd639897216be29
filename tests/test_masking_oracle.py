"""Law 7: the mask equals brute force on small vocabularies, and llguidance's on the real one.

Both descriptions of the language here are written by hand and share nothing with the package.
"""

from __future__ import annotations

import codecs
import random
import string
from typing import TYPE_CHECKING, Any

import llguidance
import numpy as np
import pytest
from masking_walks import set_bits, small_vocabulary, step

from harmony_grammar.masking import Constraint
from harmony_grammar.vocabulary import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

# --- brute force ---

# The special tokens as bytes that no text has.
SPECIALS = {
    "<|start|>": b"\xf8",
    "<|channel|>": b"\xf9",
    "<|constrain|>": b"\xfa",
    "<|message|>": b"\xfb",
    "<|end|>": b"\xfc",
    "<|return|>": b"\xfd",
    "<|call|>": b"\xfe",
}
START, CHANNEL, CONSTRAIN, MESSAGE, END, RETURN, CALL = SPECIALS.values()
SURROGATE = b"\xed\xa0"  # how the encoding of a surrogate would begin
TYPE = b"TYPE"  # stands for any word in a header

MODEL = {
    (CHANNEL, b"analysis", MESSAGE): END,
    (CHANNEL, b"commentary", MESSAGE): END,
    (CHANNEL, b"final", MESSAGE): RETURN,
    (CHANNEL, b"analysis to=python", MESSAGE): CALL,
}
TYPES: list[tuple[bytes, ...]] = [
    (),
    (b" ", CONSTRAIN, TYPE),
    (b" ", TYPE),
    (CONSTRAIN, TYPE),
    (b" ", CONSTRAIN, b" ", TYPE),
    (CONSTRAIN, b" ", TYPE),
]
ANY = {
    **{(CHANNEL, c, *t, MESSAGE): END for c in (b"analysis", b"commentary") for t in TYPES},
    **{(CHANNEL, b"final", *t, MESSAGE): RETURN for t in TYPES},
    **{
        head: CALL
        for t in TYPES
        for c in (b"analysis", b"commentary")
        for head in (
            (CHANNEL, c, b" to=python", *t, MESSAGE),
            (b" to=python", CHANNEL, c, *t, MESSAGE),
            (b" to=python", *t, MESSAGE),
        )
    },
}
WORD = (string.ascii_letters + string.digits + "_.+/-").encode()


class Viable(Exception):
    """Raised where the data end before the sentence does."""


def eat(items: tuple[bytes, ...], data: bytes) -> Iterator[bytes]:
    """What is left of `data` behind a header."""
    if not items:
        yield data
    elif items[0] == TYPE:
        for length in range(1, len(data) + 1):
            if data[length - 1] not in WORD or data[:1] in b"0123456789_.+/-":
                break
            yield from eat(items[1:], data[length:])
        else:
            raise Viable
    elif data.startswith(items[0]):
        yield from eat(items[1:], data[len(items[0]) :])
    elif items[0].startswith(data):
        raise Viable


def read(headers: dict[tuple[bytes, ...], bytes], data: bytes) -> None:
    """Raise `Viable` if `data` is the beginning of a completion, or a whole one."""
    for header, end in headers.items():
        for rest in eat(header, data):
            stop = next((i for i, byte in enumerate(rest) if byte >= 0xF8), len(rest))
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                decoder.decode(rest[:stop], final=stop < len(rest))
            except UnicodeDecodeError:
                continue
            if SURROGATE <= decoder.getstate()[0][:2] < b"\xee":
                continue  # Python finds out only when the third byte has come
            behind = rest[stop:]
            if behind in (b"", end):
                raise Viable
            if end == END and behind[:1] == END:
                for after in eat((START, b"assistant"), behind[1:]):
                    read(headers, after)


def viable(headers: dict[tuple[bytes, ...], bytes], data: bytes) -> bool:
    try:
        read(headers, data)
    except Viable:
        return True
    return False


PIECES = [
    *b"analysis commentary final to=python assistant json <|end|>".split(),
    b" to",
    b" to=",
    b"=python",
    b"s to=py",
    b"thon json",
    b"y to=python x",
    b" j",
    b"is",
    b"ana",
    b"lysis to",
    b"fin",
    "é".encode(),
    "漢字".encode(),
    b"\xc3",
    b"\xa9a",
    b"\x97 b",
    b"\xe6\xbc",
    b"\xa2\xe6",
    b"\xf0\x9f",
    b"\x98\x80",
    b"a\xf0",
]


@pytest.mark.parametrize(("spelling", "headers"), [("model", MODEL), ("any", ANY)])
@pytest.mark.parametrize("seed", range(3))
def test_equal_to_brute_force(
    spelling: Any, headers: dict[tuple[bytes, ...], bytes], seed: int
) -> None:
    vocabulary = small_vocabulary(PIECES)
    constraint = Constraint(builtin_tools=["python"], spelling=spelling, vocabulary=vocabulary)
    rng = random.Random(seed)  # noqa: S311  a repeatable walk
    coded = {vocabulary.special_ids[name]: byte for name, byte in SPECIALS.items()}
    # An ordinary token with such a byte is never legal, since no text has it.
    coded |= {t: piece for t, piece in vocabulary.pieces.items() if max(piece) < min(START)}
    for _ in range(4):
        matcher = constraint.matcher()
        data = b""
        while not matcher.is_finished and len(data) < 80:
            legal = {t for t, piece in coded.items() if viable(headers, data + piece)}
            assert set(set_bits(matcher.mask())) == legal, data
            structural = sorted(t for t in legal if not coded[t].isascii() or coded[t] in PIECES)
            token = rng.choice(structural if structural and rng.random() < 0.7 else sorted(legal))
            matcher.accept(token)
            data += coded[token]


# --- llguidance ---

LARK = r"""
%llguidance {"no_forcing": true}
start: (thought | preamble)* (answer | call)
thought: <|channel|> "analysis" <|message|> TEXT <|end|> <|start|> "assistant"
preamble: <|channel|> "commentary" <|message|> TEXT <|end|> <|start|> "assistant"
answer: <|channel|> "final" <|message|> TEXT <|return|>
call: <|channel|> "analysis to=python" <|message|> TEXT <|call|>
    | <|channel|> "commentary to=functions." ("get_weather" | "get_time" | "now") " " <|constrain|> "json" <|message|> json <|call|>
json: %json {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": false}
TEXT: /(.|\n)*/
"""  # noqa: E501  a rule of the grammar is a line
ARGUMENTS = {
    "type": "object",
    "properties": {"n": {"type": "integer"}},
    "required": ["n"],
    "additionalProperties": False,
}
TOOLS = [{"name": name, "parameters": ARGUMENTS} for name in ("get_weather", "get_time", "now")]
CALL_OF = "<|channel|>commentary to=functions.{} <|constrain|>json<|message|>{}<|call|>"
ANSWER = "<|channel|>final<|message|>Hello — 👋🏽!\n\n```py\nprint(1)\n```<|return|>"
OPEN = "<|end|><|start|>assistant"
GENERATIONS = [
    f"<|channel|>analysis<|message|>Grüße, 漢字 🙂 and `<|x`.{OPEN}{ANSWER}",
    f"<|channel|>commentary<|message|>Let me look.{OPEN}<|channel|>analysis<|message|>Hm.{OPEN}"
    + CALL_OF.format("get_weather", '{"n": -12}'),
    "<|channel|>analysis to=python<|message|>print('é' * 3)\n<|call|>",
    f"<|channel|>analysis<|message|>{OPEN}" + CALL_OF.format("now", '{"n":7}'),
    "<|channel|>final<|message|><|return|>",
]


@pytest.fixture(scope="module")
def oracle() -> Any:
    vocabulary = Vocabulary.default()
    names: dict[int, str] = {}
    for spelling, token in vocabulary.special_ids.items():
        names.setdefault(token, spelling)
    maker: Any = llguidance.LLTokenizer
    tokenizer = maker.from_tiktoken(
        encoder=dict(zip(vocabulary.pieces.values(), vocabulary.pieces, strict=True)),
        special_tokens={spelling: token for token, spelling in names.items()},
        pattern=vocabulary.encoding._pat_str,  # noqa: SLF001  there is no other way to it
        n_vocab=vocabulary.size,
        eos_token=199_999,
        slices=None,
    )
    matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_lark(LARK))
    assert not matcher.is_error(), matcher.get_error()
    return matcher


def same_mask(oracle: Any, constraint: Constraint, ids: list[int]) -> None:
    """Both masks before every id, which both then take."""
    other, ours = oracle.deep_copy(), constraint.matcher()
    expected = np.zeros(constraint.words, np.int32)
    for index, token in enumerate(ids):
        other.unsafe_compute_mask_ptr(expected.ctypes.data, expected.nbytes)
        assert np.array_equal(ours.mask(), expected), (index, ids)
        assert other.consume_token(token)
        ours.accept(token)
    assert ours.is_finished == other.is_stopped()


@pytest.mark.parametrize("text", GENERATIONS)
@pytest.mark.parametrize("way", ["whole", "bytes"])
def test_bit_identical_to_llguidance(oracle: Any, text: str, way: str) -> None:
    constraint = Constraint(TOOLS, builtin_tools=["python"])
    ids = constraint.encode(text)
    if way == "bytes":
        single = constraint.vocabulary.encoding.encode_single_token
        specials = constraint.vocabulary.special_ids.values()
        ids = [
            part
            for token in ids
            for part in (
                [token]
                if token in specials
                else [single(bytes([b])) for b in constraint.vocabulary.piece(token)]
            )
        ]
    same_mask(oracle, constraint, ids)


@pytest.mark.parametrize("seed", range(20))
def test_bit_identical_on_random_walks(oracle: Any, seed: int) -> None:
    constraint = Constraint(TOOLS, builtin_tools=["python"])
    rng = random.Random(seed)  # noqa: S311  a repeatable walk
    matcher = constraint.matcher()
    ids: list[int] = []
    while not matcher.is_finished and len(ids) < 60:
        ids.append(step(constraint, matcher, rng))
        matcher.accept(ids[-1])
    same_mask(oracle, constraint, ids)
