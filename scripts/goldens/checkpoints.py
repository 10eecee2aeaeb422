"""Makes the tiny random checkpoints of the three families, their tokenizers and their PEFT adapters. Sizes are chosen to hurt."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers, AddedToken
from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedModel, Qwen2Config, Qwen3Config

import corpus

ALL_MODULES = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Checkpoint:
    name: str
    seed: int
    hidden: int
    feed_forward: int
    layers: int
    heads: int
    kv_heads: int
    tied: bool
    vocab: int  # rows of the embedding
    tokenizer_vocab: int  # ids the tokenizer knows; Qwen2's embedding has more rows than that
    r: int
    alpha: float
    max_grad_norm: float
    rslora: bool = False
    targets: list[str] = field(default_factory=lambda: list(ALL_MODULES))
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    dtype: torch.dtype = torch.float32  # as stored; the goldens compute in float32 on the stored values
    family: str = "qwen2"
    head_size: int | None = None  # None: hidden / heads
    rope_scaling: dict[str, object] | None = None
    shard_bytes: int | None = None  # None: one file
    batch_rows: tuple[int, ...] = (0, 1, 2, 3)
    logit_stride: int = 1  # logits of every n-th position, and of the last: they are most of a fixture's bytes
    chatml: bool = False
    legacy_files: bool = False  # config.json and merges as transformers 4 wrote them
    template_file: bool = False  # chat_template.jinja instead of a key of tokenizer_config.json


SMALL = {"batch_rows": (0, 2), "logit_stride": 4}

CHECKPOINTS = [
    Checkpoint("tied-gqa", 11, 64, 96, 2, 4, 2, True, 389, 389, r=8, alpha=16, max_grad_norm=1.0),
    Checkpoint(
        "untied-mqa", 22, 36, 52, 2, 3, 1, False, 393, 393, r=4, alpha=10, max_grad_norm=0.8,
        rope_theta=1e6, rms_norm_eps=1e-5, legacy_files=True,
    ),
    Checkpoint(
        "untied-rslora", 33, 48, 60, 3, 6, 3, False, 401, 390, r=6, alpha=9, max_grad_norm=0.6,
        rslora=True, targets=["q_proj", "v_proj", "down_proj"], template_file=True,
    ),
    Checkpoint(
        "tied-bf16", 44, 80, 100, 2, 5, 5, True, 391, 391, r=3, alpha=4, max_grad_norm=0.7, dtype=torch.bfloat16, chatml=True,
        rope_theta=1e6,
    ),
    Checkpoint(
        "qwen3-tied-f16", 55, 42, 51, 2, 4, 2, True, 389, 389, r=3, alpha=6, max_grad_norm=1.0, family="qwen3", head_size=16,
        dtype=torch.float16, chatml=True, rope_theta=1e6, **SMALL,
    ),
    Checkpoint(
        "qwen3-untied-sharded", 66, 36, 44, 2, 3, 1, False, 391, 389, r=4, alpha=8, max_grad_norm=0.8, family="qwen3", head_size=20,
        dtype=torch.bfloat16, rope_theta=1e6, rslora=True, shard_bytes=20_000, **SMALL,
    ),
    # The scaling bites within 64 positions: of its six frequencies two are kept, some scaled, some in between.
    Checkpoint(
        "llama-tied-rope3", 77, 48, 60, 2, 4, 2, True, 389, 389, r=3, alpha=6, max_grad_norm=0.8, family="llama",
        dtype=torch.bfloat16, chatml=True, rope_theta=500.0, rms_norm_eps=1e-5, legacy_files=True,
        rope_scaling={
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
        **SMALL,
    ),
    Checkpoint(
        "llama-untied-sharded", 88, 36, 53, 2, 3, 3, False, 393, 389, r=3, alpha=5, max_grad_norm=0.8, family="llama", head_size=16,
        dtype=torch.float16, rms_norm_eps=1e-5, shard_bytes=20_000, **SMALL,
    ),
]


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def make_tokenizer(spec: Checkpoint, folder: Path) -> None:
    tokens = corpus.CHATML_TOKENS if spec.chatml else corpus.R1_TOKENS
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus.TRAIN_TEXT, trainers.BpeTrainer(
        vocab_size=spec.tokenizer_vocab - len(tokens), initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False,
    ))
    for content, special in tokens:
        token = AddedToken(content, special=special, normalized=False)
        (tokenizer.add_special_tokens if special else tokenizer.add_tokens)([token])
    assert tokenizer.get_vocab_size() == spec.tokenizer_vocab, tokenizer.get_vocab_size()

    value = json.loads(tokenizer.to_str())
    if spec.legacy_files:
        value["model"]["merges"] = [" ".join(pair) for pair in value["model"]["merges"]]
    write_json(folder / "tokenizer.json", value)

    template = corpus.CHATML_TEMPLATE if spec.chatml else corpus.R1_TEMPLATE
    config: dict[str, object] = {
        "add_bos_token": False,
        "add_eos_token": False,
        "bos_token": None if spec.chatml else "<｜begin▁of▁sentence｜>",
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>" if spec.chatml else {"__type": "AddedToken", "content": "<｜end▁of▁sentence｜>"},
        "model_max_length": 512,
        "pad_token": "<|endoftext|>" if spec.chatml else "<｜end▁of▁sentence｜>",
        "tokenizer_class": "Qwen2Tokenizer" if spec.chatml else "PreTrainedTokenizerFast",
        "unk_token": None,
    }
    if spec.template_file:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    else:
        config["chat_template"] = template
    write_json(folder / "tokenizer_config.json", config)


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Scale of a trained model, so that logits are not flat and norms and biases matter."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight") or "layernorm" in name:
                parameter.copy_(1.0 + 0.2 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.1 * noise)
            elif "embed" in name or "lm_head" in name:
                parameter.copy_(0.2 * noise)
            else:
                parameter.copy_(0.1 * noise)


CONFIGS = {"qwen2": Qwen2Config, "qwen3": Qwen3Config, "llama": LlamaConfig}


def make_model(spec: Checkpoint, folder: Path) -> None:
    eos, bos = (("<|im_end|>", None) if spec.chatml else ("<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    eos_id = tokenizer.token_to_id(eos)
    bos_id = None if bos is None else tokenizer.token_to_id(bos)
    rope = {"rope_theta": spec.rope_theta, **(spec.rope_scaling or {"rope_type": "default"})}
    config = CONFIGS[spec.family](
        vocab_size=spec.vocab, hidden_size=spec.hidden, intermediate_size=spec.feed_forward,
        num_hidden_layers=spec.layers, num_attention_heads=spec.heads, num_key_value_heads=spec.kv_heads,
        max_position_embeddings=512, rms_norm_eps=spec.rms_norm_eps, tie_word_embeddings=spec.tied,
        rope_parameters=rope, bos_token_id=bos_id, eos_token_id=eos_id, use_cache=True,
        **({} if spec.head_size is None else {"head_dim": spec.head_size}),
    )
    model = AutoModelForCausalLM.from_config(config)
    randomise(model, torch.Generator().manual_seed(spec.seed))
    model = model.to(spec.dtype)
    ends = [eos_id, tokenizer.token_to_id("<|endoftext|>")] if spec.chatml else eos_id
    model.generation_config.eos_token_id = ends
    model.generation_config.bos_token_id = bos_id
    model.save_pretrained(folder, **({} if spec.shard_bytes is None else {"max_shard_size": spec.shard_bytes}))
    if spec.legacy_files:
        path = folder / "config.json"
        saved = json.loads(path.read_text())
        saved["rope_theta"] = saved.pop("rope_parameters")["rope_theta"]
        if spec.rope_scaling is not None:
            saved["rope_scaling"] = spec.rope_scaling
        saved["torch_dtype"] = saved.pop("dtype")
        saved.pop("layer_types", None)
        write_json(path, saved)


def make_adapter(spec: Checkpoint, model: PreTrainedModel, folder: Path) -> None:
    """Both factors random: with PEFT's zero B the gradient of A would be zero and prove nothing."""
    peft_model = get_peft_model(model, LoraConfig(
        r=spec.r, lora_alpha=spec.alpha, lora_dropout=0.0, use_rslora=spec.rslora, target_modules=spec.targets,
        bias="none", task_type="CAUSAL_LM", base_model_name_or_path="",
    ))
    generator = torch.Generator().manual_seed(spec.seed + 1)
    with torch.no_grad():
        for name, parameter in peft_model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    save_adapter(peft_model, folder, spec.family)
    peft_model.unload()


def save_adapter(peft_model: torch.nn.Module, folder: Path, family: str) -> None:
    peft_model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)
    path = folder / "adapter_config.json"
    saved = json.loads(path.read_text())
    saved["base_model_name_or_path"] = f"tiny-random-{family}"  # not the path of the machine that made it
    saved["target_modules"] = sorted(saved["target_modules"])  # PEFT writes a set: its order is not repeatable
    path.write_text(json.dumps(saved, indent=2, sort_keys=True) + "\n")
