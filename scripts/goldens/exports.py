"""Files that the exporters must match, written by the tools' own writers: tests/fixtures/exports.

    python scripts/goldens/exports.py

Made with gguf 0.19, mlx 0.32, safetensors 0.8, torch 2.13 and tensorboard 2.21. A random Llama of two layers (4 heads, 2 of keys and
values, untied, two shards, bf16) and an adapter for it: rank 2, rsLoRA, all seven modules. The rows of Llama's queries and keys
are sorted as llama.cpp's converter does it (conversion of LlamaForCausalLM, "permute").
"""

import json
from io import BytesIO
from pathlib import Path

import gguf
import mlx.core as mx
import numpy as np
import torch
from safetensors.torch import save_file
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

OUT = Path(__file__).parents[2] / "tests/fixtures/exports"
C, F, H, K, D, L, V, R, ALPHA = 8, 12, 4, 2, 4, 2, 16, 2, 3
SCALE = ALPHA / R**0.5
SHAPES = {
    "self_attn.q_proj": (H * D, C), "self_attn.k_proj": (K * D, C), "self_attn.v_proj": (K * D, C), "self_attn.o_proj": (C, H * D),
    "mlp.gate_proj": (F, C), "mlp.up_proj": (F, C), "mlp.down_proj": (C, F),
}
GGML = dict(zip(SHAPES, ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]))


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_gguf(path: Path, factors: dict[str, torch.Tensor], dtype: torch.dtype, file_type: int, base: str) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_name(f"LoRA adapter for {base}")
    writer.add_file_type(file_type)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, SCALE * R)
    for layer in range(L):
        for module, name in GGML.items():
            for factor in "AB":
                values = factors[f"base_model.model.model.layers.{layer}.{module}.lora_{factor}.weight"].numpy()
                if factor == "B" and name in ("attn_q", "attn_k"):
                    values = permute(values, H if name == "attn_q" else K)
                tensor = torch.from_numpy(np.ascontiguousarray(values)).to(dtype)
                bf16 = dtype == torch.bfloat16
                array = tensor.view(torch.uint8).numpy() if bf16 else tensor.numpy()
                writer.add_tensor(
                    f"blk.{layer}.{name}.weight.lora_{factor.lower()}", array,
                    raw_dtype=gguf.GGMLQuantizationType.BF16 if bf16 else None,
                )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main() -> None:
    (OUT / "model").mkdir(parents=True, exist_ok=True)
    (OUT / "adapter").mkdir(exist_ok=True)
    random = torch.Generator().manual_seed(7)
    draw = lambda *shape: torch.randn(*shape, generator=random)
    modules = [f"model.layers.{layer}.{module}" for layer in range(L) for module in SHAPES]
    base = {f"{name}.weight": draw(*SHAPES[name.split(".", 3)[3]]).bfloat16() for name in modules}
    for layer in range(L):
        for norm in ("input_layernorm", "post_attention_layernorm"):
            base[f"model.layers.{layer}.{norm}.weight"] = torch.ones(C).bfloat16()
    base |= {"model.embed_tokens.weight": draw(V, C).bfloat16(), "model.norm.weight": torch.ones(C).bfloat16(), "lm_head.weight": draw(V, C).bfloat16()}
    names = sorted(base)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, of in shards.items():
        save_file({name: base[name] for name in of}, OUT / "model" / file, {"format": "pt"})
    size = sum(tensor.nbytes for tensor in base.values())
    index = {"metadata": {"total_size": size}, "weight_map": {name: file for file, of in shards.items() for name in of}}
    (OUT / "model/model.safetensors.index.json").write_text(json.dumps(index))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": C, "intermediate_size": F, "num_hidden_layers": L,
        "num_attention_heads": H, "num_key_value_heads": K, "head_dim": D, "vocab_size": V, "max_position_embeddings": 64, "rms_norm_eps": 1e-6,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    }
    (OUT / "model/config.json").write_text(json.dumps(config))

    factors = {}
    for name in modules:
        rows, columns = SHAPES[name.split(".", 3)[3]]
        factors[f"base_model.model.{name}.lora_A.weight"] = draw(R, columns)
        factors[f"base_model.model.{name}.lora_B.weight"] = draw(rows, R)
    save_file(factors, OUT / "adapter/adapter_model.safetensors", {"format": "pt"})
    (OUT / "adapter/adapter_config.json").write_text(json.dumps({
        "peft_type": "LORA", "task_type": "CAUSAL_LM", "base_model_name_or_path": "some/llama", "revision": "abc123", "r": R, "lora_alpha": ALPHA,
        "use_rslora": True, "lora_dropout": 0.0, "bias": "none", "target_modules": sorted({name.rsplit(".", 1)[1] for name in SHAPES}),
    }))

    for name, dtype, file_type in (("f32", torch.float32, 0), ("f16", torch.float16, 1), ("bf16", torch.bfloat16, 32)):
        save_file({key: value.to(dtype) for key, value in factors.items()}, OUT / f"peft-{name}.safetensors")
        write_gguf(OUT / f"adapter-{name}.gguf", factors, dtype, file_type, "some/llama")
        merged = dict(base)
        for module in modules:
            a, b = (factors[f"base_model.model.{module}.lora_{factor}.weight"] for factor in "AB")
            merged[f"{module}.weight"] = (base[f"{module}.weight"].double() + SCALE * (b.double() @ a.double())).float()
        save_file({key: value.to(dtype).contiguous() for key, value in merged.items()}, OUT / f"merged-{name}.safetensors")
    mx.save_safetensors(str(OUT / "mlx.safetensors"), {
        key.removeprefix("base_model.model.").replace("lora_A.weight", "lora_a").replace("lora_B.weight", "lora_b"): mx.array(value.numpy().T)
        for key, value in factors.items()
    }, {"format": "mlx"})

    stream = BytesIO()
    records = RecordWriter(stream)
    records.write(Event(wall_time=1.0, file_version="brain.Event:2").SerializeToString())
    for step, values in ((1, {"train/loss": 2.5, "train/learning_rate": 1e-4}), (300, {"eval/loss": 1.25})):
        summary = Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])
        records.write(Event(wall_time=float(step), step=step, summary=summary).SerializeToString())
    (OUT / "events.tfevents").write_bytes(stream.getvalue())

    words = np.array([
        0.0, -0.0, 1.0, 1 / 3, -1 / 3, 65504.0, 65519.99, 6.1e-5, 6.09e-5, 5.96e-8, 2.9802322e-8, 2.98024e-8, 1e-8, 3.14159265, 1.00048828125, 1.00146484375,
        1.0078125, 1.00390625, 1.01171875, 2049.0, 2051.0, -8.940697e-8,
    ], np.float32)
    tensor = torch.from_numpy(words)
    half = lambda dtype: tensor.to(dtype).view(torch.int16).numpy().astype(np.uint16).tolist()
    bits = {"f32": words.view(np.uint32).tolist(), "f16": half(torch.float16), "bf16": half(torch.bfloat16)}
    (OUT / "rounding.json").write_text(json.dumps(bits))


main()
