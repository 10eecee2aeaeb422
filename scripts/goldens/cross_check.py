"""Repeats the curves and the masks of make_goldens.py with TRL's SFTTrainer on the same rows, adapters and settings.

    python scripts/goldens/cross_check.py

Result with torch 2.13, transformers 5.18, peft 0.21, trl 1.13, one CPU thread: for all four checkpoints the token ids and
masks are equal; over ten steps loss and gradient norm differ by at most 2e-7 relative, the learning rates not at all,
the final adapters by at most 9e-8 (relative norm).
"""

import json
import tempfile

import torch
from datasets import Dataset
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from trl import SFTConfig, SFTTrainer

import corpus
from checkpoints import CHECKPOINTS
from make_goldens import OUT, completion_of, render


class History(TrainerCallback):
    def __init__(self) -> None:
        self.rows: list[dict] = []

    def on_log(self, args, state, control, logs=None, **_):
        if logs and "grad_norm" in logs:
            self.rows.append(dict(logs))


class InOrder(SFTTrainer):
    """The rows in the order of the file, as with `shuffle: false`."""

    def _get_train_sampler(self, dataset=None):
        return torch.utils.data.SequentialSampler(self.train_dataset)


def worst(pairs) -> float:
    return max(abs(a - b) / max(abs(b), 1e-12) for a, b in pairs)


def check(name: str) -> None:
    folder = OUT / name
    golden = json.loads((folder / "golden.json").read_text())
    settings = golden["curve"]["settings"]
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    base = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder / "adapter", is_trainable=True)
    prompts = [render(tokenizer, instruction) for instruction, _ in corpus.INSTRUCTIONS]
    rows = [{"prompt": p, "completion": completion_of(p, r)} for p, (_, r) in zip(prompts, corpus.INSTRUCTIONS)]
    same = ("learning_rate", "max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "lr_scheduler_type",
            "warmup_steps", "weight_decay", "adam_beta1", "adam_beta2", "adam_epsilon", "max_grad_norm", "max_length", "completion_only_loss")
    history = History()
    with tempfile.TemporaryDirectory() as out:
        trainer = InOrder(
            model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(rows), callbacks=[history],
            args=SFTConfig(output_dir=out, logging_steps=1, report_to="none", save_strategy="no", use_cpu=True, bf16=False,
                           gradient_checkpointing=False, disable_tqdm=True, **{key: settings[key] for key in same}),
        )
        masks = [[int(label != -100) for label in row["labels"]] for row in trainer.train_dataset]
        assert [row["input_ids"] for row in trainer.train_dataset] == [row["ids"] for row in golden["rows"]], "token ids differ"
        assert masks == [row["is_target"] for row in golden["rows"]], "masks differ"
        trainer.train()
    steps = golden["curve"]["steps"]
    assert len(history.rows) == len(steps)
    final = load_file(folder / "final_adapter" / "adapter_model.safetensors")
    trained = {n.replace(".default.", "."): p for n, p in model.named_parameters() if "lora_" in n}
    assert set(trained) == set(final)
    print(name, "relative differences:", {
        "loss": worst((a["loss"], b["loss"]) for a, b in zip(history.rows, steps)),
        "grad_norm": worst((a["grad_norm"], b["grad_norm"]) for a, b in zip(history.rows, steps)),
        "learning_rate": max(abs(a["learning_rate"] - b["learning_rate"]) for a, b in zip(history.rows, steps)),
        "final_adapter": max(((trained[k] - v).norm() / v.norm()).item() for k, v in final.items()),
    })


if __name__ == "__main__":
    torch.set_num_threads(1)
    for checkpoint in CHECKPOINTS:
        check(checkpoint.name)
