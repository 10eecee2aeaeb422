"""Losses of tiny checkpoints and adapters by transformers and PEFT, in float32 on the CPU."""

import json
import logging
import warnings
from pathlib import Path

import peft
import tokenizers
import torch
import transformers
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM

transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
torch.set_num_threads(1)


def versions() -> dict:
    import datasets
    import trl

    modules = (torch, transformers, tokenizers, peft, trl, datasets)
    return {"kind": "versions", "versions": {module.__name__: module.__version__ for module in modules}}


def refused(code: str, message: str) -> dict:
    return {"kind": "refused", "code": code, "message": message}


@torch.no_grad()
def mean_loss(model, rows: list[list[int]]) -> float:
    """Over all tokens but the first of each row; row by row, so nothing is padded."""
    total, count = 0.0, 0
    for ids in rows:
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].double()
        losses = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="sum")
        total, count = total + losses.item(), count + len(ids) - 1
    return total / count


def open_model(folder: str):
    """The model and what transformers could not find in its files: it starts those at random, and says so in a warning."""
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    lost = sorted(info["missing_keys"]) + sorted(str(key) for key in info["mismatched_keys"])
    return model.eval(), lost


def model_loss(job: dict) -> dict:
    model, lost = open_model(job["folder"])
    if lost:
        return refused("missing", f"starts at random: {', '.join(lost[:4])}")
    loss = mean_loss(model, job["rows"])
    if loss != loss or loss == float("inf"):
        return refused("not-finite", f"loss {loss}")
    ends = model.generation_config.eos_token_id
    return {"kind": "loss", "loss": loss, "eosIds": ends if isinstance(ends, list) else [] if ends is None else [ends]}


bases: dict = {}


def adapter_loss(job: dict) -> dict:
    base, _ = open_model(job["folder"])
    plain = mean_loss(base, job["rows"])
    model = PeftModel.from_pretrained(base, job["adapter"]).eval()
    with safe_open(Path(job["adapter"]) / "adapter_model.safetensors", "pt") as file:
        stored = {name.replace(".default.", ".") for name in file.keys()}
    wanted = {name.replace(".default.", ".") for name, _ in model.named_parameters() if "lora_" in name}
    return {
        "kind": "loss", "loss": mean_loss(model, job["rows"]), "eosIds": [], "baseLoss": plain,
        "notInFile": sorted(wanted - stored), "notInModel": sorted(stored - wanted),
    }
