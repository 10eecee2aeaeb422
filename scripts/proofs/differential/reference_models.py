"""Losses of tiny checkpoints and adapters by transformers and PEFT, in float32 on the CPU.

Where a library fails on a spelling whose meaning docs/differential.md says is plain (null for a flag, an index without metadata), its
answer for the plain spelling stands beside its failure: this project is compared with that, not let off.
"""

import json
import logging
import re
import shutil
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
    return {"kind": "refused", "code": code, "message": message[:2000]}


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


def loss_of(folder: str, rows: list[list[int]]) -> dict:
    model, lost = open_model(folder)
    if lost:
        return refused("missing", f"starts at random: {', '.join(lost[:4])}")
    loss = mean_loss(model, rows)
    if loss != loss or loss == float("inf"):
        return refused("not-finite", f"loss {loss}")
    ends = model.generation_config.eos_token_id
    return {"kind": "loss", "loss": loss, "eosIds": ends if isinstance(ends, list) else [] if ends is None else [ends]}


def model_loss(job: dict) -> dict:
    try:
        return loss_of(job["folder"], job["rows"])
    except Exception as error:
        return refused(type(error).__name__, str(error)) | plainly_spelled(job["folder"], error, lambda at: loss_of(at, job["rows"]))


def plainly_spelled(folder: str, error: Exception, read) -> dict:
    """Corrects what the error names, one field after another, in a copy of the folder; nothing where it is of another kind."""
    at = Path(f"{folder}-plain")
    shutil.copytree(folder, at, dirs_exist_ok=True)
    done: list[str] = []
    while len(done) < 4:
        spelling = correct(at, error)
        if spelling is None or spelling in done:
            return {}
        done.append(spelling)
        try:
            return {"plainly": {"spellings": done, **read(str(at))}}
        except Exception as other:
            error = other
    return {}


def correct(folder: Path, error: Exception) -> str | None:
    """What was corrected, in the words of docs/differential.md."""
    message = str(error)
    field = re.search(r"Validation error for field '(\w+)'", message)
    if field is not None:
        return edit_config(folder / "config.json", field[1])
    if isinstance(error, KeyError) and message == "None":
        config = json.loads((folder / "config.json").read_text())
        for place in ("rope_parameters", "rope_scaling"):
            if isinstance(config.get(place), dict) and config[place].get("rope_type", "") is None:
                del config[place]["rope_type"]
                (folder / "config.json").write_text(json.dumps(config))
                return "rope_type null"
        return None
    if "for ** or pow()" in message and edit_config(folder / "config.json", "head_dim"):
        return "head_dim null"
    index = folder / "model.safetensors.index.json"
    if index.exists() and (message == "'metadata'" or "does not support item assignment" in message):
        content = json.loads(index.read_text())
        if content.get("metadata") is None:
            index.write_text(json.dumps({**content, "metadata": {}}))
            return "an index without metadata"
    return None


def edit_config(path: Path, field: str) -> str | None:
    """Of null: only where there is a default that is no number of its own; null for another is for this project to refuse."""
    config = json.loads(path.read_text())
    value = config.get(field)
    if value is None and field in ("tie_word_embeddings", "hidden_act", "attention_bias", "mlp_bias", "use_sliding_window", "use_cache", "head_dim"):
        del config[field]
    elif type(value) is int and field in ("rms_norm_eps", "attention_dropout", "initializer_range"):
        config[field] = float(value)
    else:
        return None
    path.write_text(json.dumps(config))
    return f"{field} null" if value is None else f"{field} as a whole number"


def adapter_loss(job: dict) -> dict:
    try:
        return loss_with(job["folder"], job["adapter"], job["rows"])
    except Exception as error:
        answer = refused(type(error).__name__, str(error))
        at, spelling = Path(f"{job['adapter']}-plain"), None
        shutil.copytree(job["adapter"], at, dirs_exist_ok=True)
        config = json.loads((at / "adapter_config.json").read_text())
        if "Invalid task type" in str(error):
            config["task_type"], spelling = None, "an unknown task_type"
        for name in ("alpha_pattern", "rank_pattern"):
            if name in config and config[name] is None and isinstance(error, AttributeError):
                config[name], spelling = {}, f"{name} null"
        if "bias" in config and config["bias"] is None and isinstance(error, AttributeError):
            config["bias"], spelling = "none", "bias null"
        if "Orthogonal initialization requires" in str(error):  # the weights of the file take its place
            config["init_lora_weights"], spelling = True, "an initialisation that the rank does not allow"
        if spelling is None:
            return answer
        (at / "adapter_config.json").write_text(json.dumps(config))
        return answer | {"plainly": {"spellings": [spelling], **loss_with(job["folder"], str(at), job["rows"])}}


def loss_with(folder: str, adapter: str, rows: list[list[int]]) -> dict:
    base, _ = open_model(folder)
    plain = mean_loss(base, rows)
    model = PeftModel.from_pretrained(base, adapter).eval()
    with safe_open(Path(adapter) / "adapter_model.safetensors", "pt") as file:
        stored = {name.replace(".default.", ".") for name in file.keys()}
    wanted = {name.replace(".default.", ".") for name, _ in model.named_parameters() if "lora_" in name}
    return {
        "kind": "loss", "loss": mean_loss(model, rows), "eosIds": [], "baseLoss": plain,
        "notInFile": sorted(wanted - stored), "notInModel": sorted(stored - wanted),
    }
