"""Makes tests/fixtures/goldens: what transformers + PEFT compute on tiny checkpoints, for the tests of the engine.

    python scripts/goldens/make_goldens.py [--only NAME]

Needs torch, transformers, peft, tokenizers, safetensors (versions that made the checked-in files: golden.json, "versions").
CPU, one thread, float32, seeds in checkpoints.py: a second run gives the same files on the same machine.

golden.json
  rows[]        line, prompt (rendered text), ids, is_target (1: predicted from the token before), truncated
  batch         some rows in one padded batch, and the positions whose logits are kept: loss = mean over target tokens, target_tokens, loss_base (adapter off)
  greedy[]      prompt, prompt_ids, base, adapter: new tokens (EOS included where reached); min_gap: smallest lead of the best logit
  curve         settings (names of transformers / TRL / PEFT) and steps[]: loss, grad_norm before clipping, learning_rate used, target_tokens
golden.safetensors
  logits.{i} [positions, V] with the adapter, i-th row of the batch at batch.positions[i]; base_logits.0 likewise; grad.{PEFT name} for the batch loss

The curve follows transformers 5: the loss of a window is its summed token loss over its number of target tokens, the last
window of an epoch may hold fewer micro-batches and still makes a step, the learning rate of step k (from 0) is schedule(k).
cross_check.py repeats it with TRL's SFTTrainer; see the result noted there.
"""

import argparse
import json
import math
import shutil
from pathlib import Path

import peft
import safetensors
import tokenizers
import torch
import transformers
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, get_scheduler

import corpus
from checkpoints import CHECKPOINTS, Checkpoint, make_adapter, make_model, make_tokenizer, save_adapter, write_json

OUT = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "goldens"
NEW_TOKENS = 24


def curve_settings(spec: Checkpoint) -> dict[str, object]:
    return {
        "learning_rate": 5e-3, "max_steps": 10, "per_device_train_batch_size": 2, "gradient_accumulation_steps": 3,
        "lr_scheduler_type": "cosine", "warmup_steps": 3, "weight_decay": 0.01, "adam_beta1": 0.9, "adam_beta2": 0.999,
        "adam_epsilon": 1e-8, "max_grad_norm": spec.max_grad_norm, "shuffle": False, "max_length": 96,
        "completion_only_loss": True, "r": spec.r, "lora_alpha": spec.alpha, "lora_dropout": 0, "use_rslora": spec.rslora,
        "target_modules": spec.targets,
    }


def completion_of(prompt: str, response: str) -> str:
    """The response without a <think> that the generation prompt has already written."""
    if prompt.rstrip("\n").endswith("<think>") and response.lstrip().startswith("<think>"):
        return response.lstrip().removeprefix("<think>").lstrip("\n")
    return response


def render(tokenizer, instruction: str) -> str:
    return tokenizer.apply_chat_template([{"role": "user", "content": instruction}], tokenize=False, add_generation_prompt=True)


def encode_row(tokenizer, line: int, instruction: str, response: str, max_length: int) -> dict[str, object]:
    prompt = render(tokenizer, instruction)
    prompt_ids = tokenizer(prompt, add_special_tokens=False)["input_ids"]
    text = prompt + completion_of(prompt, response)
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    if ids[: len(prompt_ids)] != prompt_ids:
        ids = prompt_ids + tokenizer(text[len(prompt):], add_special_tokens=False)["input_ids"]
    if ids[-1] != tokenizer.eos_token_id:
        ids = ids + [tokenizer.eos_token_id]
    is_target = [0] * len(prompt_ids) + [1] * (len(ids) - len(prompt_ids))
    truncated = len(ids) > max_length
    return {"line": line, "prompt": prompt, "ids": ids[:max_length], "is_target": is_target[:max_length], "truncated": truncated}


def padded(rows: list[dict]) -> dict[str, torch.Tensor]:
    length = max(len(row["ids"]) for row in rows)
    pad = lambda values, filler: values + [filler] * (length - len(values))  # noqa: E731
    labels = [[i if t else -100 for i, t in zip(row["ids"], row["is_target"])] for row in rows]
    return {
        "input_ids": torch.tensor([pad(row["ids"], 0) for row in rows]),
        "attention_mask": torch.tensor([pad([1] * len(row["ids"]), 0) for row in rows]),
        "labels": torch.tensor([pad(label, -100) for label in labels]),
    }


def target_count(rows: list[dict]) -> int:
    return sum(sum(row["is_target"][1:]) for row in rows)


def peft_name(name: str) -> str:
    return name.replace(".default.", ".")


def lora_parameters(model) -> dict[str, torch.nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if "lora_" in name}


def positions_of(row: dict, stride: int) -> list[int]:
    last = len(row["ids"]) - 1
    return sorted({*range(0, last, stride), last})


def batch_golden(model, rows: list[dict], spec: Checkpoint) -> tuple[dict, dict[str, torch.Tensor]]:
    rows = [rows[i] for i in spec.batch_rows]
    batch = padded(rows)
    model.zero_grad()
    output = model(**batch)  # transformers' own loss: mean over the shifted labels that are not -100
    output.loss.backward()
    positions = [positions_of(row, spec.logit_stride) for row in rows]
    tensors = {f"logits.{i}": output.logits[i, kept].detach().contiguous() for i, kept in enumerate(positions)}
    for name, parameter in lora_parameters(model).items():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, name
        tensors[f"grad.{peft_name(name)}"] = parameter.grad.clone()
    model.zero_grad()
    with torch.no_grad(), model.disable_adapter():
        base = model(**batch)
    tensors["base_logits.0"] = base.logits[0, positions[0]].contiguous()
    return {"rows": list(spec.batch_rows), "positions": positions, "loss": output.loss.item(), "loss_base": base.loss.item(), "target_tokens": target_count(rows)}, tensors


@torch.no_grad()
def greedy(model, ids: list[int], ends: list[int]) -> tuple[list[int], float]:
    """Greedy continuation and the smallest lead of the best logit over the second: how far from a coin toss it is."""
    new, gap = [], math.inf
    while len(new) < NEW_TOKENS:
        top = model(input_ids=torch.tensor([ids + new])).logits[0, -1].topk(2)
        gap = min(gap, (top.values[0] - top.values[1]).item())
        new.append(top.indices[0].item())
        if new[-1] in ends:
            break
    generated = model.generate(
        input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long), do_sample=False, max_new_tokens=NEW_TOKENS,
    )
    assert generated[0, len(ids):].tolist() == new, "generate() with its cache must agree with the plain loop"
    return new, gap


def greedy_golden(model, tokenizer) -> list[dict]:
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    result = []
    for prompt in corpus.GREEDY_PROMPTS:
        ids = tokenizer(render(tokenizer, prompt), add_special_tokens=False)["input_ids"]
        adapter, adapter_gap = greedy(model, ids, ends)
        with model.disable_adapter():
            base, base_gap = greedy(model, ids, ends)
        assert base != adapter
        result.append({"prompt": prompt, "prompt_ids": ids, "base": base, "adapter": adapter, "min_gap": min(adapter_gap, base_gap)})
    return result


def train_curve(model, rows: list[dict], settings: dict) -> list[dict]:
    parameters = list(lora_parameters(model).values())
    optimizer = torch.optim.AdamW(
        parameters, lr=settings["learning_rate"], betas=(settings["adam_beta1"], settings["adam_beta2"]),
        eps=settings["adam_epsilon"], weight_decay=settings["weight_decay"],
    )
    schedule = get_scheduler(
        settings["lr_scheduler_type"], optimizer, num_warmup_steps=settings["warmup_steps"], num_training_steps=settings["max_steps"],
    )
    size, accumulation = settings["per_device_train_batch_size"], settings["gradient_accumulation_steps"]
    micro = [rows[i : i + size] for i in range(0, len(rows), size)]
    windows = [micro[i : i + accumulation] for i in range(0, len(micro), accumulation)]
    assert len(windows[-1]) < accumulation, "the last window should be a partial one"
    model.train()
    steps = []
    while len(steps) < settings["max_steps"]:
        window = windows[len(steps) % len(windows)]
        count = sum(target_count(batch) for batch in window)
        loss = 0.0
        for batch in window:
            part = model(**padded(batch), num_items_in_batch=count).loss
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, settings["max_grad_norm"]).item()
        steps.append({"step": len(steps) + 1, "loss": loss, "grad_norm": norm, "learning_rate": schedule.get_last_lr()[0], "target_tokens": count})
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()
    clipped = sum(step["grad_norm"] > settings["max_grad_norm"] for step in steps)
    assert clipped >= 3, f"clipping bites in {clipped} steps only"
    return steps


def make(spec: Checkpoint) -> None:
    folder = OUT / spec.name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "model").mkdir(parents=True)
    make_tokenizer(spec, folder / "model")
    make_model(spec, folder / "model")
    lines = [json.dumps({"instruction": a, "response": b}, ensure_ascii=False) for a, b in corpus.INSTRUCTIONS]
    (folder / "dataset.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")

    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    base = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    make_adapter(spec, base, folder / "adapter")
    base = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    model = PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True).eval()
    settings = curve_settings(spec)
    rows = [encode_row(tokenizer, i + 1, a, b, settings["max_length"]) for i, (a, b) in enumerate(corpus.INSTRUCTIONS)]
    plain = tokenizers.Tokenizer.from_file(str(folder / "model" / "tokenizer.json"))
    for row in rows:  # AutoTokenizer must not have rebuilt the tokenizer in its own way
        assert plain.encode(row["prompt"], add_special_tokens=False).ids == row["ids"][: len(plain.encode(row["prompt"], add_special_tokens=False).ids)]

    batch, tensors = batch_golden(model, rows, spec)
    tokens = greedy_golden(model, tokenizer)
    steps = train_curve(model, rows, settings)
    save_adapter(model, folder / "final_adapter", spec.family)
    save_file(tensors, folder / "golden.safetensors")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    write_json(folder / "golden.json", {
        "made_by": "scripts/goldens/make_goldens.py", "name": spec.name, "seed": spec.seed,
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft, tokenizers, safetensors)},
        "batch": batch, "greedy": tokens, "curve": {"settings": settings, "steps": steps}, "rows": rows,
    })
    text = (folder / "golden.json").read_text()
    (folder / "golden.json").write_text(compact_numbers(text))
    print(spec.name, "loss", batch["loss"], "base", batch["loss_base"], "rows", len(rows), "longest", max(len(r["ids"]) for r in rows))
    print("  greedy gaps", [round(t["min_gap"], 4) for t in tokens], "lengths", [(len(t["base"]), len(t["adapter"])) for t in tokens])
    print("  curve", [(round(s["loss"], 4), round(s["grad_norm"], 3)) for s in steps])


def compact_numbers(text: str) -> str:
    """Lists of numbers on one line."""
    import re

    return re.sub(r"\[\s+([-\d.,\seE]+?)\s+\]", lambda m: "[" + re.sub(r"\s+", "", m.group(1)) + "]", text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--only")
    only = parser.parse_args().only
    torch.set_num_threads(1)
    for checkpoint in CHECKPOINTS:
        if only in (None, checkpoint.name):
            make(checkpoint)
