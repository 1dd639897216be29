"""Serve a gpt-oss model of transformers as OpenAI would.

    pip install 'harmony-grammar[server,transformers]'
    python examples/serve_transformers.py --model openai/gpt-oss-20b

Then ask it as you would ask OpenAI:

    client = openai.OpenAI(base_url="http://127.0.0.1:8000/v1", api_key="none")
    client.chat.completions.create(model="gpt-oss", messages=[{"role": "user", "content": "Hi"}])
"""

from __future__ import annotations

import argparse
import inspect
from typing import TYPE_CHECKING, Any

import torch
import uvicorn
from server import Server
from transformers import AutoModelForCausalLM, DynamicCache

if TYPE_CHECKING:
    from collections.abc import Iterator

    from server import Sampler

    import harmony_grammar as hg


def sampler_of(model: Any) -> Sampler:
    """A loaded model as a sampler, id by id under the constraint of each request."""
    # Newer models take their cache by its name, older ones by another.
    known = inspect.signature(model.forward).parameters
    word = "cache" if "cache" in known else "past_key_values"
    bits = torch.arange(32, device=model.device)

    def sample(
        prompt: list[int], constraint: hg.Constraint, asked: dict[str, Any]
    ) -> Iterator[int]:
        matcher, fed = constraint.matcher(), prompt
        cache = {word: DynamicCache(config=model.config)}
        heat = float(1.0 if asked.get("temperature") is None else asked["temperature"])
        most = float(1.0 if asked.get("top_p") is None else asked["top_p"])
        dice = torch.Generator(model.device)
        dice.seed() if asked.get("seed") is None else dice.manual_seed(int(asked["seed"]))
        while not matcher.is_finished:
            with torch.inference_mode():
                ids = torch.tensor([fed], device=model.device)
                logits = model(input_ids=ids, **cache).logits[0, -1].float()
            words = torch.from_numpy(matcher.mask().copy()).to(model.device)
            legal = ((words[:, None] >> bits) & 1).flatten()[: len(logits)].bool()
            logits = logits.masked_fill(~legal, float("-inf"))
            odds = torch.softmax(logits / max(heat, 1e-6), -1)
            if most < 1:  # what is left is as likely as `top_p` asks
                order = odds.argsort(descending=True)
                odds[order[odds[order].cumsum(0) - odds[order] > most]] = 0
            token = int(torch.multinomial(odds, 1, generator=dice) if heat else logits.argmax())
            matcher.accept(token)
            fed = [token]
            yield token

    return sample


def main() -> None:
    """Serve it."""
    parser = argparse.ArgumentParser(description="Serve a gpt-oss model as OpenAI would.")
    parser.add_argument("--model", required=True, help="a folder or a name that transformers knows")
    parser.add_argument("--name", default="gpt-oss", help="what clients call it")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    args = parser.parse_args()
    where = "cuda" if torch.cuda.is_available() else "cpu"
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype="auto").to(where).eval()
    uvicorn.run(Server(sampler_of(model), args.name).app, host=args.host, port=args.port)


if __name__ == "__main__":
    main()
