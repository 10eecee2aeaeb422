"""Makes the demo model: a byte-level BPE tokenizer and a small Qwen2, trained on the CPU on the demo world's corpus.

    npx tsx scripts/demo-model/write-corpus.ts --scratch SCRATCH
    python scripts/demo-model/distill.py --scratch SCRATCH --out SCRATCH/stage-1
    python scripts/demo-model/distill.py --scratch SCRATCH --corpus corpus-2.jsonl --continue-from SCRATCH/stage-1 --lr 1e-3 --out public/models/demo

The corpus is what a programmatic teacher wrote (scripts/world/teacher.ts), so this is distillation in the sense of the R1-Distill models:
plain next-token training on a teacher's traces. Padded batches of equal-length documents, AdamW, cosine; seeded; prints its versions.
"""

import argparse
import copy
import json
import math
import platform
import random
import time
from pathlib import Path

import safetensors
import tokenizers
import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

BOS, EOS, PAD = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜▁pad▁｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
SPECIAL = [EOS, BOS, PAD]
# DeepSeek-R1-Distill registers these as ordinary added tokens: skip_special_tokens must not hide <think> from whoever reads the trace.
MARKERS = [USER, ASSISTANT, "<think>", "</think>"]
# Qwen2's pre-tokenizer: every digit on its own.
QWEN2_SPLIT = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
# The behaviour of DeepSeek-R1-Distill-Qwen's template without its tool calls: what an assistant thought earlier is dropped, and the
# generation prompt opens the thought.
CHAT_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}"
    "{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'user' %}{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{% set content = message['content'] %}"
    "{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}"
    "{%- endif %}"
    "{%- endfor -%}"
    "{% if add_generation_prompt %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)


def render(document: dict) -> str:
    """One training document, BOS and EOS included."""
    if "text" in document:
        return f"{BOS}{document['text']}{EOS}"
    # As the chat template writes earlier turns: without their thoughts.
    before = "".join(f"{USER}{turn['content']}" if turn["role"] == "user" else f"{ASSISTANT}{turn['content']}{EOS}" for turn in document.get("turns", []))
    return f"{BOS}{before}{USER}{document['prompt']}{ASSISTANT}<think>\n{document['trace']}\n</think>\n\n{document['answer']}{EOS}"


def train_tokenizer(documents: list[dict], vocab_size: int) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(token, special=True, normalized=False) for token in SPECIAL]
    markers = [AddedToken(token, special=False, normalized=False) for token in MARKERS]
    # The line breaks around </think> belong to the layout, not to the corpus: shown here so that "\n\n" becomes one token, as in Qwen2.
    layout = {"trace": "{}\n", "answer": "\n\n{}"}
    plain = (layout.get(field, "{}").format(value) for document in documents for field, value in document.items() if field != "turns")
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(MARKERS),
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(plain, trainer)
    tokenizer.add_tokens(markers)
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        model_max_length=512,
    )
    wrapped.chat_template = CHAT_TEMPLATE
    return wrapped


def join_merges(path: Path) -> None:
    """Merges as "a b" strings: tokenizers ≥ 0.20 writes pairs, which older JavaScript readers cannot load; every reader takes strings."""
    data = json.loads(path.read_text())
    data["model"]["merges"] = [merge if isinstance(merge, str) else " ".join(merge) for merge in data["model"]["merges"]]
    path.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n")


def save_tokenizer(tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    tokenizer.save_pretrained(out)
    join_merges(out / "tokenizer.json")
    separate = out / "chat_template.jinja"
    separate.unlink(missing_ok=True)
    config = {
        "add_bos_token": False,
        "add_eos_token": False,
        "bos_token": BOS,
        "chat_template": CHAT_TEMPLATE,
        "clean_up_tokenization_spaces": False,
        "eos_token": EOS,
        "model_max_length": 512,
        "pad_token": PAD,
        "tokenizer_class": "PreTrainedTokenizerFast",
        # Said outright, or transformers takes Qwen2's default and appends a token beyond the vocabulary.
        "unk_token": None,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1) + "\n")


def make_batches(sequences: list[list[int]], batch_documents: int, rng: random.Random) -> list[list[list[int]]]:
    """Documents of like length together, so that padding costs next to nothing; the order of the batches is random."""
    rng.shuffle(sequences)
    chunk = batch_documents * 64
    batches = []
    for start in range(0, len(sequences), chunk):
        part = sorted(sequences[start : start + chunk], key=len)
        batches += [part[i : i + batch_documents] for i in range(0, len(part), batch_documents)]
    rng.shuffle(batches)
    return batches


def padded(batch: list[list[int]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, batch))
    inputs = torch.full((len(batch), width), pad)
    labels = torch.full((len(batch), width), -100)
    for row, ids in enumerate(batch):
        inputs[row, : len(ids)] = torch.tensor(ids)
        labels[row, : len(ids)] = torch.tensor(ids)
    return inputs, labels


def pretrain(tokenizer, documents: list[dict], args) -> Qwen2ForCausalLM:
    config = Qwen2Config(
        vocab_size=args.vocab,
        hidden_size=args.hidden,
        intermediate_size=args.mlp,
        num_hidden_layers=args.layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        rms_norm_eps=1e-6,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        use_cache=True,
    )
    model = Qwen2ForCausalLM(config)
    if args.continue_from:
        model = AutoModelForCausalLM.from_pretrained(args.continue_from, dtype=torch.float32)
    print(f"parameters {sum(p.numel() for p in model.parameters()):,}", flush=True)
    sequences = [tokenizer(render(document), add_special_tokens=False).input_ids for document in documents]
    print(f"documents {len(sequences):,} tokens {sum(map(len, sequences)):,}", flush=True)
    batches = make_batches(sequences, args.batch, random.Random(args.seed))
    matrices = [p for p in model.parameters() if p.dim() > 1]
    vectors = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": 0.05}, {"params": vectors, "weight_decay": 0.0}], lr=args.lr, betas=(0.9, 0.98))
    warmup = 30 if args.continue_from else 200
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, step / len(batches))))),
    )
    started, tokens = time.time(), 0
    model.train()
    for step, batch in enumerate(batches):
        inputs, labels = padded(batch, tokenizer.pad_token_id)
        # Right padding under a causal mask needs no attention mask: no real token ever looks at a pad.
        loss = model(input_ids=inputs, labels=labels, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        tokens += sum(map(len, batch))
        if step % 100 == 0 or step == len(batches) - 1:
            seconds = time.time() - started
            print(f"step {step}/{len(batches)} tokens {tokens:,} loss {loss.item():.4f} {tokens / seconds:.0f} tok/s", flush=True)
        if args.save_every and step % args.save_every == args.save_every - 1:
            save_model(model, tokenizer, Path(args.out))
    return model


def save_model(model: Qwen2ForCausalLM, tokenizer, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    copy.deepcopy(model).to(torch.bfloat16).save_pretrained(out, safe_serialization=True)
    save_tokenizer(tokenizer, out)
    # transformers 5 writes rope_parameters only; readers of the older layout look for rope_theta. Both say the same.
    config = json.loads((out / "config.json").read_text())
    config["rope_theta"] = config["rope_parameters"]["rope_theta"]
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    (out / "model.safetensors").chmod(0o644)
    generation = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "do_sample": False,
        "max_new_tokens": 96,
    }
    (out / "generation_config.json").write_text(json.dumps(generation, indent=1) + "\n")


def check_loads(out: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(out)
    model = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32)
    prompt = tokenizer.apply_chat_template([{"role": "user", "content": "What is the capital of France?"}], add_generation_prompt=True, tokenize=False)
    ids = tokenizer(prompt, add_special_tokens=False, return_tensors="pt").input_ids
    print(prompt + tokenizer.decode(model.generate(ids, max_new_tokens=60)[0, ids.shape[1] :]))


def copy_tokenizer(source: Path, out: Path) -> None:
    """The first stage's files as they are: transformers writes a tokenizer that it has loaded back slightly differently."""
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (out / name).write_bytes((source / name).read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--corpus", default="corpus.jsonl")
    parser.add_argument("--continue-from", help="a model this script wrote: its weights and tokenizer are the start")
    parser.add_argument("--seed", type=int, default=1995)
    parser.add_argument("--vocab", type=int, default=2048)
    parser.add_argument("--hidden", type=int, default=160)
    parser.add_argument("--mlp", type=int, default=432)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=2.5e-3)
    parser.add_argument("--documents", type=int, default=0, help="only the first N documents; 0 for all")
    parser.add_argument("--save-every", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    print("python", platform.python_version(), "torch", torch.__version__, "transformers", transformers.__version__, end=" ")
    print("tokenizers", tokenizers.__version__, "safetensors", safetensors.__version__, vars(args), flush=True)
    with open(Path(args.scratch) / args.corpus) as lines:
        documents = [json.loads(line) for line in lines]
    documents = documents[: args.documents or None]
    tokenizer = AutoTokenizer.from_pretrained(args.continue_from) if args.continue_from else train_tokenizer(documents[:60000], args.vocab)
    if len(tokenizer) != args.vocab:
        raise SystemExit(f"tokenizer has {len(tokenizer)} entries, not {args.vocab}: the corpus has too few words")
    model = pretrain(tokenizer, documents, args)
    save_model(model, tokenizer, Path(args.out))
    if args.continue_from:
        copy_tokenizer(Path(args.continue_from), Path(args.out))
    check_loads(Path(args.out))


if __name__ == "__main__":
    main()
