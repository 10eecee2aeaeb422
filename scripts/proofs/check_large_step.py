"""One training step of a large nf4 checkpoint, computed again in float64 on the same dequantised weights.

    python scripts/proofs/check_large_step.py prepare MODEL_FOLDER ADAPTER_FOLDER
    python scripts/proofs/check_large_step.py check MODEL_FOLDER ADAPTER_FOLDER TRAINED_FOLDER ROWS.jsonl

prepare  writes a PEFT adapter (r 16, all seven projections) whose B is not zero, so that every gradient is not zero.
check    ADAPTER_FOLDER is where the step started, TRAINED_FOLDER where it ended, ROWS.jsonl what `npm run inspect --json` printed for
         the one row. The step was taken with learning_rate 1, adam_epsilon 1, no clipping and no decay, so AdamW's first update is
         g / (|g| + 1) and the gradients can be read from the two adapters.

Layer by layer, so that the frozen weights in float64 never lie in memory at once. Qwen2, Qwen3 and Llama. Needs torch and safetensors.
Prints one JSON object; exit code 0 only if the loss is within 1e-5 and every gradient within 1e-4 of its tensor's largest entry
(measured: 6e-8 and 2.5e-5; a part of the second comes of reading g from two float32 adapters).
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch.utils.checkpoint import checkpoint

RANK, ALPHA = 16, 32
LOSS_TOLERANCE, GRADIENT_TOLERANCE = 1e-5, 1e-4
# QLoRA's code book (arXiv 2305.14314, appendix E) and the borders between its entries
BOOK = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
], dtype=torch.float64)
BORDERS = ((BOOK[1:] + BOOK[:-1]) / 2).float()
MODULES = {"self_attn": ["q_proj", "k_proj", "v_proj", "o_proj"], "mlp": ["gate_proj", "up_proj", "down_proj"]}


class Checkpoint:
    """Tensors of a folder, in shards or one file, read one at a time."""

    def __init__(self, folder: str):
        self.folder = Path(folder)
        self.config = json.loads((self.folder / "config.json").read_text())
        index = self.folder / "model.safetensors.index.json"
        if index.exists():
            self.map = json.loads(index.read_text())["weight_map"]
        else:
            with safe_open(self.folder / "model.safetensors", "pt") as file:
                self.map = dict.fromkeys(file.keys(), "model.safetensors")

    def plain(self, name: str) -> torch.Tensor:
        with safe_open(self.folder / self.map[name], "pt") as file:
            return file.get_tensor(name).float()

    def coded(self, name: str, top: float, code) -> torch.Tensor:
        """The weight as its codes mean it, float64. The scale is float16, 64 neighbours of a row share it; the largest of them becomes `top`."""
        weight = self.plain(name)
        rows, columns = weight.shape
        assert columns % 64 == 0, "rows that are not whole blocks need pads"
        blocks = weight.reshape(rows, columns // 64, 64)
        scale = (blocks.abs().amax(-1, keepdim=True) / top).half().float()
        return (code(blocks * torch.where(scale > 0, 1 / scale, 0.0)) * scale.double()).reshape(rows, columns)

    def nf4(self, name: str) -> torch.Tensor:
        return self.coded(name, 1, lambda x: BOOK[torch.bucketize(x, BORDERS)])

    def int8(self, name: str) -> torch.Tensor:
        """Embedding and head, where the layers are nf4."""
        return self.coded(name, 127, lambda x: x.round().clamp(-127, 127).double())


def head_size(config: dict) -> int:
    return config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]


def shapes(config: dict) -> dict[str, tuple[int, int]]:
    """Out and in features of each projection."""
    c, f = config["hidden_size"], config["intermediate_size"]
    q, kv = (head_size(config) * config[f"num_{kind}_heads"] for kind in ("attention", "key_value"))
    return {"q_proj": (q, c), "k_proj": (kv, c), "v_proj": (kv, c), "o_proj": (c, q), "gate_proj": (f, c), "up_proj": (f, c), "down_proj": (c, f)}


def prepare(model_folder: str, out: str) -> None:
    config = Checkpoint(model_folder).config
    torch.manual_seed(5)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        for block, names in MODULES.items():
            for name in names:
                rows, columns = shapes(config)[name]
                at = f"base_model.model.model.layers.{layer}.{block}.{name}"
                tensors[f"{at}.lora_A.weight"] = (torch.rand(RANK, columns) * 2 - 1) / columns**0.5
                tensors[f"{at}.lora_B.weight"] = torch.randn(rows, RANK) * 0.01
    Path(out).mkdir(parents=True, exist_ok=True)
    save_file(tensors, Path(out) / "adapter_model.safetensors", metadata={"format": "pt"})
    (Path(out) / "adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": RANK, "lora_alpha": ALPHA, "lora_dropout": 0.0, "bias": "none",
        "target_modules": [name for names in MODULES.values() for name in names], "base_model_name_or_path": None, "fan_in_fan_out": False,
    }))


def rms_norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + eps) * weight


def frequencies(config: dict) -> torch.Tensor:
    """Of RoPE; with llama3 scaling as in transformers' modeling_rope_utils."""
    size = head_size(config)
    plain = config["rope_theta"] ** (-torch.arange(0, size, 2, dtype=torch.float64) / size)
    scaling = config.get("rope_scaling")
    if scaling is None:
        return plain
    assert scaling["rope_type"] == "llama3", scaling
    low, high, old = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["original_max_position_embeddings"]
    # 0 where a turn is longer than old / low positions, 1 where it is shorter than old / high
    kept = ((old * plain / (2 * torch.pi) - low) / (high - low)).clamp(0, 1)
    return plain * (kept + (1 - kept) / scaling["factor"])


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    half = x.shape[-1] // 2
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


def loss_and_gradients(model: Checkpoint, adapter: dict[str, torch.Tensor], ids: list[int], target: list[int]):
    config = model.config
    heads, kv_heads, eps = config["num_attention_heads"], config["num_key_value_heads"], config["rms_norm_eps"]
    size = head_size(config)
    leaves = {name: value.double().requires_grad_() for name, value in adapter.items()}
    inputs = torch.tensor(ids[:-1])
    angles = torch.outer(torch.arange(len(inputs), dtype=torch.float64), frequencies(config))
    cos, sin = torch.cat([angles, angles], -1).cos(), torch.cat([angles, angles], -1).sin()

    def decoder_layer(x: torch.Tensor, layer: int) -> torch.Tensor:
        def project(value: torch.Tensor, block: str, name: str) -> torch.Tensor:
            at = f"model.layers.{layer}.{block}.{name}"
            y = value @ model.nf4(f"{at}.weight").T
            if f"{at}.bias" in model.map:
                y = y + model.plain(f"{at}.bias").double()
            low = value @ leaves[f"base_model.model.{at}.lora_A.weight"].T
            return y + ALPHA / RANK * (low @ leaves[f"base_model.model.{at}.lora_B.weight"].T)

        h = rms_norm(x, model.plain(f"model.layers.{layer}.input_layernorm.weight").double(), eps)
        q, k, v = (project(h, "self_attn", n).unflatten(-1, (-1, size)).transpose(0, 1) for n in ("q_proj", "k_proj", "v_proj"))
        if f"model.layers.{layer}.self_attn.q_norm.weight" in model.map:  # Qwen3
            q, k = (
                rms_norm(t, model.plain(f"model.layers.{layer}.self_attn.{name}.weight").double(), eps)
                for t, name in ((q, "q_norm"), (k, "k_norm"))
            )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        k, v = (t.repeat_interleave(heads // kv_heads, 0) for t in (k, v))
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        x = x + project(attended, "self_attn", "o_proj")
        h = rms_norm(x, model.plain(f"model.layers.{layer}.post_attention_layernorm.weight").double(), eps)
        return x + project(F.silu(project(h, "mlp", "gate_proj")) * project(h, "mlp", "up_proj"), "mlp", "down_proj")

    x = model.int8("model.embed_tokens.weight")[inputs].requires_grad_()
    for layer in range(config["num_hidden_layers"]):
        x = checkpoint(decoder_layer, x, layer, use_reentrant=False)
        print(f"layer {layer + 1} of {config['num_hidden_layers']}", file=sys.stderr)
    x = rms_norm(x, model.plain("model.norm.weight").double(), eps)
    trained = torch.tensor([i for i in range(1, len(ids)) if target[i]])
    head = "model.embed_tokens.weight" if config.get("tie_word_embeddings") else "lm_head.weight"
    loss = F.cross_entropy(x[trained - 1] @ model.int8(head).T, torch.tensor(ids)[trained])
    loss.backward()
    return loss.item(), {name: leaf.grad for name, leaf in leaves.items()}


def check(model_folder: str, adapter_folder: str, trained_folder: str, rows_file: str) -> int:
    row = next(r for r in map(json.loads, Path(rows_file).read_text().splitlines()) if "ids" in r)
    before = load_file(Path(adapter_folder) / "adapter_model.safetensors")
    after = load_file(Path(trained_folder) / "adapter_model.safetensors")
    metrics = [json.loads(line) for line in (Path(trained_folder) / "metrics.jsonl").read_text().splitlines()]
    engine_loss = next(m["loss"] for m in metrics if "loss" in m)
    loss, gradients = loss_and_gradients(Checkpoint(model_folder), before, row["ids"], row["target"])
    errors = {}
    for name, gradient in gradients.items():
        update = before[name].double() - after[name].double()
        engine = update / (1 - update.abs())
        errors[name] = ((engine - gradient).abs().max() / gradient.abs().max()).item()
    worst = sorted(errors, key=errors.get, reverse=True)[:3]
    loss_error = abs(engine_loss / loss - 1)
    ok = loss_error < LOSS_TOLERANCE and errors[worst[0]] < GRADIENT_TOLERANCE
    print(json.dumps({
        "ok": ok, "tokens": len(row["ids"]), "targets": sum(row["target"]), "loss": engine_loss, "lossFloat64": loss, "lossError": loss_error,
        "gradients": len(errors), "medianGradientError": sorted(errors.values())[len(errors) // 2],
        "worst": {name: errors[name] for name in worst}, "largestGradient": max(g.abs().max().item() for g in gradients.values()),
    }, indent=1))
    return 0 if ok else 1


if __name__ == "__main__":
    torch.set_num_threads(2)
    match sys.argv[1:]:
        case ["prepare", model, out]:
            prepare(model, out)
        case ["check", model, start, trained, rows]:
            sys.exit(check(model, start, trained, rows))
        case _:
            sys.exit(__doc__)
