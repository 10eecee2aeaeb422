"""Opens the exports of an adapter in the tools they are for, and compares what they compute.

    python scripts/proofs/check_exports.py BASE_FOLDER ADAPTER_FOLDER EXPORTS_FOLDER

The reference is the adapter itself in transformers + PEFT, float32 on the CPU: logits of a fixed sequence, and greedy tokens after it.
EXPORTS_FOLDER holds peft/, gguf/, mlx/ and merged/ of `npm run export -- --dtype f32`, and record/ where there was a run. Each must give the
reference's logits and tokens; the base without the adapter must not, or equality would show nothing. The base for llama.cpp is written here,
by the gguf package, without a vocabulary. Needs torch, transformers, peft, gguf; mlx, mlx-lm, llama-cpp-python and tensorboard where they are
installed: what is not is said in "missing". Prints one JSON object; exit code 0 only if all that was compared agrees.
"""

import ctypes
import json
import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
import transformers
from peft import PeftModel
from transformers import AutoModelForCausalLM

PROMPT, GREEDY = 24, 16
TOLERANCE = 1e-4  # of the largest logit
transformers.logging.set_verbosity_error()


def load(folder: Path):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def greedy(logits_of, ids: list[int]) -> list[int]:
    """Without a cache: every implementation is asked the same way."""
    ids = list(ids)
    for _ in range(GREEDY):
        ids.append(int(logits_of(ids)[-1].argmax()))
    return ids[PROMPT:]


def of_torch(model):
    def logits_of(ids):
        with torch.no_grad():
            return model(torch.tensor([ids])).logits[0].numpy()
    return logits_of


def permute(weights: np.ndarray, heads: int) -> np.ndarray:
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_base(model, path: Path) -> None:
    c = model.config
    arch = c.model_type
    head = getattr(c, "head_dim", None) or c.hidden_size // c.num_attention_heads
    rotary = model.model.rotary_emb
    theta = c.rope_parameters["rope_theta"]
    writer = gguf.GGUFWriter(path, arch)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_block_count(c.num_hidden_layers)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_rope_freq_base(theta)
    writer.add_rope_dimension_count(head)
    writer.add_vocab_size(c.vocab_size)
    writer.add_tokenizer_model("no_vocab")
    names = gguf.get_tensor_name_map(next(a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == arch), c.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and c.tie_word_embeddings:
            continue
        values = tensor.numpy()
        if arch == "llama" and (".q_proj." in name or ".k_proj." in name):
            values = permute(values, c.num_attention_heads if ".q_proj." in name else c.num_key_value_heads)
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), np.ascontiguousarray(values))
    if arch == "llama" and c.rope_parameters.get("rope_type", "default") != "default":
        plain = 1.0 / theta ** (np.arange(0, head, 2) / head)
        writer.add_tensor("rope_freqs.weight", (plain / rotary.inv_freq.numpy()).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    """llama.cpp itself, with keys and values in float32."""

    def __init__(self, base: Path, adapter: Path | None):
        import llama_cpp as llama
        self.llama = llama
        self.silence = llama.llama_log_callback(lambda *_: None)
        llama.llama_log_set(self.silence, None)
        llama.llama_backend_init()
        self.model = llama.llama_model_load_from_file(str(base).encode(), llama.llama_model_default_params())
        assert self.model, "llama.cpp does not load the base"
        params = llama.llama_context_default_params()
        params.n_ctx = params.n_batch = params.n_ubatch = 64
        params.type_k = params.type_v = 0  # float32
        params.flash_attn_type = 0  # its sums are in float16
        params.n_threads = params.n_threads_batch = 1
        self.context = llama.llama_init_from_model(self.model, params)
        if adapter is not None:
            lora = llama.llama_adapter_lora_init(self.model, str(adapter).encode())
            assert lora, "llama.cpp refuses the adapter"
            assert llama.llama_set_adapters_lora(
                self.context, (llama.llama_adapter_lora_p_ctypes * 1)(lora), 1, (ctypes.c_float * 1)(1.0),
            ) == 0
        self.vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self.model))

    def __call__(self, ids: list[int]) -> np.ndarray:
        llama = self.llama
        llama.llama_memory_clear(llama.llama_get_memory(self.context), True)
        batch = llama.llama_batch_init(len(ids), 0, 1)
        batch.n_tokens = len(ids)
        for i, token in enumerate(ids):
            batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, i, 1, 0, True
        assert llama.llama_decode(self.context, batch) == 0
        rows = [np.ctypeslib.as_array(llama.llama_get_logits_ith(self.context, i), (self.vocabulary,)).copy() for i in range(len(ids))]
        llama.llama_batch_free(batch)
        return np.stack(rows)


def of_mlx(base: Path, adapter: Path | None, config) -> object:
    import mlx.core as mx
    from mlx_lm.tuner.utils import load_adapters
    from mlx_lm.utils import load_model

    mx.set_default_device(mx.cpu)
    with tempfile.TemporaryDirectory() as folder:  # mlx-lm reads rope settings where transformers 4 wrote them
        for file in base.resolve().glob("*.safetensors*"):
            (Path(folder) / file.name).symlink_to(file)
        raw = json.loads((base / "config.json").read_text())
        rope = dict(config.rope_parameters)
        raw["rope_theta"] = rope.pop("rope_theta")
        raw["rope_scaling"] = None if rope.get("rope_type", "default") == "default" else rope
        raw.setdefault("head_dim", config.hidden_size // config.num_attention_heads)
        (Path(folder) / "config.json").write_text(json.dumps(raw))
        model, _ = load_model(Path(folder), lazy=False)
    model.set_dtype(mx.float32)
    if adapter is not None:
        load_adapters(model, str(adapter))
    model.eval()
    return lambda ids: np.array(model(mx.array([ids]))[0])


def scalars(folder: Path) -> dict:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    events = EventAccumulator(str(folder / "tensorboard"), {"scalars": 0})
    events.Reload()
    read = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines() if line.strip()]
    wanted = [(row["step"], np.float32(row["loss"])) for row in rows if "loss" in row]
    return {"ok": [(s, np.float32(v)) for s, v in read["train/loss"]] == wanted, "tags": sorted(read), "points": len(wanted)}


def main(base: Path, adapter: Path, exports: Path) -> int:
    torch.set_num_threads(1)
    plain = load(base)
    config = plain.config
    ids = torch.randint(0, config.vocab_size, (PROMPT,), generator=torch.Generator().manual_seed(1)).tolist()
    without = of_torch(plain)(ids)
    with tempfile.TemporaryDirectory() as scratch:
        gguf_base = Path(scratch) / "base.gguf"
        write_base(plain, gguf_base)
        reference = of_torch(PeftModel.from_pretrained(plain, adapter).eval())
        logits, tokens = reference(ids), greedy(reference, ids)
        scale = float(np.abs(logits).max())
        makers = {
            "peft": lambda a: of_torch(PeftModel.from_pretrained(load(base), exports / "peft").eval()) if a else of_torch(load(base)),
            "merged": lambda a: of_torch(load(exports / "merged" if a else base)),
            "mlx": lambda a: of_mlx(base, exports / "mlx" if a else None, config),
            "llama.cpp": lambda a: LlamaCpp(gguf_base, exports / "gguf/adapter.gguf" if a else None),
        }
        rows, missing = {}, []
        for name, make in makers.items():
            try:
                ours, control = make(True), make(False)
            except ImportError as error:
                missing.append(f"{name}: {error}")
                continue
            got, off = ours(ids), control(ids)
            error = float(np.abs(got - logits).max()) / scale
            base_error = float(np.abs(off - without).max()) / scale
            moved = float(np.abs(off - logits).max()) / scale
            same = greedy(ours, ids) == tokens
            rows[name] = {
                "ok": error <= TOLERANCE and same and moved > 20 * TOLERANCE, "error": error, "tokensEqual": same,
                "withoutAdapter": moved, "baseError": base_error, "baseTokensEqual": greedy(control, ids) == tokens,
            }
    if (exports / "record").exists():
        try:
            rows["tensorboard"] = scalars(exports / "record")
        except ImportError as error:
            missing.append(f"tensorboard: {error}")
    ok = all(row["ok"] for row in rows.values())
    shape = {"family": config.model_type, "heads": config.num_attention_heads, "kvHeads": config.num_key_value_heads, "tied": config.tie_word_embeddings}
    print(json.dumps({"ok": ok, **shape, "missing": missing, "rows": rows}))
    return 0 if ok else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*(Path(argument) for argument in sys.argv[1:])))
