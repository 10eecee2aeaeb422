"""What transformers and PEFT compute for `npm run proof:real-model`, in float32 on the CPU (log-softmax in float64). JSON in, JSON out.

    python scripts/real-model/reference.py greedy MODEL PROMPTS.json ANSWERS.json OUT.json
    python scripts/real-model/reference.py tokens MODEL TEXTS.jsonl OUT.json
    python scripts/real-model/reference.py loss   MODEL ROWS.jsonl OUT.json FORMAT
    python scripts/real-model/reference.py start  MODEL ADAPTER_FOLDER SETTINGS.json
    python scripts/real-model/reference.py steps  MODEL ROWS.jsonl OUT.jsonl FORMAT ADAPTER_FOLDER SETTINGS.json STEPS

greedy  the likeliest token at every place of the answers, with the gap between the two largest logits there
tokens  the tokenizer's ids of {"text"} rows
loss    Σ of the losses of the trained tokens of {"ids", "target"} rows, row by row
start   an adapter as PEFT initialises it, saved
steps   optimizer steps from that adapter over rows in their order: loss and gradient norm of each, up to STEPS; goes on where OUT ends

OMP_NUM_THREADS says how many threads compute (default 2).
"""

import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, get_scheduler

import formats


def read_lines(path: str) -> list[dict]:
    return [json.loads(line) for line in Path(path).read_text().splitlines() if line.strip()]


def write(path: str, value) -> None:
    Path(path).write_text(json.dumps(value))


@torch.no_grad()
def greedy(model_folder: str, prompts_file: str, answers_file: str, out: str) -> None:
    """One pass over prompt and answer: where every token is the likeliest after those before it, decoding one by one gives the same."""
    model, tokenizer = formats.load(model_folder), AutoTokenizer.from_pretrained(model_folder)
    checked = []
    for prompt, answer in zip(json.loads(Path(prompts_file).read_text()), json.loads(Path(answers_file).read_text()), strict=True):
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        given = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True, return_tensors="pt")["input_ids"]
        ids = answer["tokenIds"]
        logits = model(torch.cat([given, torch.tensor([ids[:-1]], dtype=given.dtype)], 1), logits_to_keep=len(ids)).logits[0]
        top = logits.topk(2)
        checked.append({
            "promptTokens": given.shape[1], "ids": top.indices[:, 0].tolist(), "gaps": (top.values[:, 0] - top.values[:, 1]).tolist(),
            "ended": ids[-1] == tokenizer.eos_token_id,
        })
        write(out, checked)


def tokens(model_folder: str, texts_file: str, out: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    write(out, [tokenizer.encode(row["text"], add_special_tokens=False) for row in read_lines(texts_file)])


def row_loss(model, row: dict) -> torch.Tensor:
    """Σ over the trained tokens; logits only where one of them is predicted.

    Their log-softmax is float64: a float32 sum over 49,152 words loses so many improbable ones that the mean loss is 6e-6 too low.
    """
    ids = torch.tensor(row["ids"])
    trained = torch.tensor(row["target"], dtype=torch.bool).nonzero().flatten()
    hidden = model.model(input_ids=ids[None, :-1]).last_hidden_state[0]
    return F.cross_entropy(model.lm_head(hidden[trained - 1]).double(), ids[trained], reduction="sum")


@torch.no_grad()
def loss(model_folder: str, rows_file: str, out: str, name: str) -> None:
    model = formats.load(model_folder, name)
    began = time.perf_counter()
    rows = [{"loss": row_loss(model, row).item(), "tokens": sum(row["target"])} for row in read_lines(rows_file)]
    total = sum(row["tokens"] for row in rows)
    mean = sum(row["loss"] for row in rows) / total
    write(out, {"format": name, "loss": mean, "tokens": total, "rows": rows, "seconds": time.perf_counter() - began})


def with_adapter(model_folder: str, name: str, settings: dict):
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings["r"], lora_alpha=settings["lora_alpha"], lora_dropout=0.0, target_modules=settings["target_modules"], task_type="CAUSAL_LM"
    )
    torch.manual_seed(settings["seed"])
    return get_peft_model(formats.load(model_folder, name), config)


def start(model_folder: str, adapter_folder: str, settings_file: str) -> None:
    with_adapter(model_folder, "none", json.loads(Path(settings_file).read_text())).save_pretrained(adapter_folder)


def steps(model_folder: str, rows_file: str, out: str, name: str, adapter_folder: str, settings_file: str, until: str) -> None:
    from peft import get_peft_model_state_dict, load_peft_weights, set_peft_model_state_dict

    settings, rows = json.loads(Path(settings_file).read_text()), read_lines(rows_file)
    model = with_adapter(model_folder, name, settings)
    set_peft_model_state_dict(model, load_peft_weights(adapter_folder, device="cpu"))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters, settings["learning_rate"], (settings["adam_beta1"], settings["adam_beta2"]), settings["adam_epsilon"],
        weight_decay=settings["weight_decay"],
    )
    schedule = get_scheduler(settings["lr_scheduler_type"], optimizer, settings["warmup_steps"])
    window = settings["per_device_train_batch_size"] * settings["gradient_accumulation_steps"]
    kept, done = Path(f"{out}.pt"), 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        set_peft_model_state_dict(model, state["adapter"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
        done = state["done"]
    lines = Path(out).read_text().splitlines()[:done] if done > 0 else []
    Path(out).write_text("".join(f"{line}\n" for line in lines))
    for step in range(done, int(until)):
        began = time.perf_counter()
        batch = rows[step * window : (step + 1) * window]
        targets = sum(sum(row["target"]) for row in batch)
        total = 0.0
        for row in batch:
            value = row_loss(model.get_base_model(), row) / targets
            value.backward()
            total += value.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, settings["max_grad_norm"]).item()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        line = {"step": step + 1, "loss": total, "grad_norm": norm, "target_tokens": targets, "seconds": time.perf_counter() - began}
        with Path(out).open("a") as file:
            file.write(json.dumps(line) + "\n")
        state = {"adapter": get_peft_model_state_dict(model), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save({**state, "done": step + 1}, f"{kept}.new")
        Path(f"{kept}.new").replace(kept)
        print(f"{name}: step {step + 1} of {until}", file=sys.stderr)


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    commands = {"greedy": greedy, "tokens": tokens, "loss": loss, "start": start, "steps": steps}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
