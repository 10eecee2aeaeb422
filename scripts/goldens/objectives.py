"""Makes tests/fixtures/objectives: what torch + PEFT compute for objectives other than plain SFT, on two of the tiny checkpoints.

    python scripts/goldens/objectives.py

Needs what make_goldens.py needs, and its files: model, adapter and rows are those of tests/fixtures/goldens. CPU, one thread, float32.

{checkpoint}.json
  weighted    weights: of each row of the batch, one per token; loss = sum(weight * nll) / sum(weight) over the trained tokens
              curve: steps over windows of two micro-batches of two rows, normalised over the window
  preference  pairs of rows (chosen, rejected) of the batch, in the batch's order; DPO's sigmoid loss (arXiv 2305.18290) with the
              adapter as policy and the model without it as reference, mean over pairs; margins: beta * (chosen - rejected) of each pair
              curve: steps over windows of two micro-batches of one pair
{checkpoint}.safetensors
  weighted.grad.{PEFT name}, preference.grad.{PEFT name}: gradients of the two batch losses
"""

import json

import peft
import safetensors
import torch
import torch.nn.functional as F
import transformers
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

from checkpoints import write_json
from make_goldens import OUT, compact_numbers, lora_parameters, padded, peft_name

FIXTURES = OUT.parent / "objectives"
NAMES = ["tied-gqa", "qwen3-tied-f16"]
BETA = 0.1
STEPS = 4
SETTINGS = {
    "learning_rate": 1e-3, "lr_scheduler_type": "constant", "warmup_steps": 0, "weight_decay": 0.01, "max_grad_norm": 1.0, "max_steps": STEPS,
    "per_device_train_batch_size": 2, "gradient_accumulation_steps": 2, "shuffle": False,
}


def token_weights(i: int, row: dict) -> list[float]:
    """Rows of one weight, rows whose turns have two, and rows without; all are exact in float32."""
    length = len(row["ids"])
    half = length - sum(row["is_target"]) // 2
    return [[2.0] * length, [0.25] * length, [1.0] * half + [3.0] * (length - half), [1.0] * length][i % 4]


def token_log_probs(model, rows: list[dict]) -> list[torch.Tensor]:
    """Of each row: log p of its trained tokens."""
    batch = padded(rows)
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1]
    labels = batch["labels"][:, 1:]
    nll = F.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="none")
    return [-row[kept] for row, kept in zip(nll, labels != -100)]


def weighted_loss(model, rows: list[dict], weights: list[list[float]], total: float) -> torch.Tensor:
    kept = [torch.tensor([w for w, t in zip(own[1:], row["is_target"][1:]) if t]) for own, row in zip(weights, rows)]
    return sum((-(w * p)).sum() for w, p in zip(kept, token_log_probs(model, rows))) / total


def weight_sum(rows: list[dict], weights: list[list[float]]) -> float:
    return sum(w for own, row in zip(weights, rows) for w, t in zip(own[1:], row["is_target"][1:]) if t)


def margins(model, rows: list[dict]) -> torch.Tensor:
    policy = torch.stack([p.sum() for p in token_log_probs(model, rows)])
    with torch.no_grad(), model.disable_adapter():
        base = torch.stack([p.sum() for p in token_log_probs(model, rows)])
    gain = policy - base
    return BETA * (gain[0::2] - gain[1::2])


def preference_loss(model, rows: list[dict], pairs: int) -> torch.Tensor:
    return -F.logsigmoid(margins(model, rows)).sum() / pairs


def gradients(model, loss: torch.Tensor, name: str) -> dict[str, torch.Tensor]:
    model.zero_grad()
    loss.backward()
    found = {f"{name}.grad.{peft_name(n)}": p.grad.clone() for n, p in lora_parameters(model).items()}
    assert all(g.abs().max() > 0 for g in found.values())
    return found


def curve(model, windows: list[list], loss_of) -> list[dict]:
    """`loss_of(micro, window)`: what a micro-batch adds to the loss of its window."""
    parameters = list(lora_parameters(model).values())
    optimizer = torch.optim.AdamW(parameters, lr=SETTINGS["learning_rate"], eps=1e-8, weight_decay=SETTINGS["weight_decay"])
    steps = []
    for step in range(STEPS):
        window = windows[step % len(windows)]
        optimizer.zero_grad()
        loss = 0.0
        for micro in window:
            part = loss_of(micro, window)
            part.backward()
            loss += part.item()
        norm = torch.nn.utils.clip_grad_norm_(parameters, SETTINGS["max_grad_norm"]).item()
        steps.append({"loss": loss, "grad_norm": norm})
        optimizer.step()
    return steps


def load(name: str):
    folder = OUT / name
    base = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    return PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True).eval()


def make(name: str) -> None:
    all_rows = json.loads((OUT / name / "golden.json").read_text())["rows"][:8]
    weights = [token_weights(i, row) for i, row in enumerate(all_rows)]
    batch, batch_weights = all_rows[:4], weights[:4]
    windows = [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    rows_of = lambda micro: [all_rows[i] for i in micro]  # noqa: E731
    weights_of = lambda micro: [weights[i] for i in micro]  # noqa: E731

    model = load(name)
    weighted = weighted_loss(model, batch, batch_weights, weight_sum(batch, batch_weights))
    tensors = gradients(model, weighted, "weighted")
    preference = preference_loss(model, batch, 2)
    batch_margins = margins(model, batch).tolist()
    tensors |= gradients(model, preference, "preference")

    weighted_curve = curve(
        trained := load(name), windows,
        lambda micro, window: weighted_loss(trained, rows_of(micro), weights_of(micro), sum(weight_sum(rows_of(m), weights_of(m)) for m in window)),
    )
    preference_curve = curve(
        policy := load(name), windows, lambda micro, window: preference_loss(policy, rows_of(micro), len(window)),
    )
    FIXTURES.mkdir(exist_ok=True)
    save_file(tensors, FIXTURES / f"{name}.safetensors")
    (FIXTURES / f"{name}.safetensors").chmod(0o644)
    path = FIXTURES / f"{name}.json"
    write_json(path, {
        "made_by": "scripts/goldens/objectives.py",
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft, safetensors)},
        "settings": SETTINGS,
        "weighted": {"weights": weights, "loss": weighted.item(), "weight_sum": weight_sum(batch, batch_weights), "curve": weighted_curve},
        "preference": {"beta": BETA, "loss": preference.item(), "margins": batch_margins, "curve": preference_curve},
    })
    path.write_text(compact_numbers(path.read_text()))
    print(name, "weighted", weighted.item(), weighted_curve, "preference", preference.item(), batch_margins, preference_curve)


if __name__ == "__main__":
    torch.set_num_threads(1)
    for checkpoint in NAMES:
        make(checkpoint)
