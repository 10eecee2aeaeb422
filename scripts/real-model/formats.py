"""What a stored weight means, for the references of `npm run proof:real-model`: the engine's formats (src/kernels/weight-matrix.ts,
src/kernels/quantise.ts) and bitsandbytes' nf4, each as float32 weights in place of the model's own.

The engine codes every matrix, with nf4 in the layers embedding and head in int8; 64 neighbours of a row share a float16 scale. bitsandbytes as
QLoRA uses it codes the linear layers inside the blocks, 64 neighbours share a float32 scale, and leaves embedding and head alone.
"""

import torch
from torch import nn
from transformers import AutoModelForCausalLM

BOOK = torch.tensor([
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022833234, -0.09105003625154495, 0.0,
    0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
    0.7229568362236023, 1.0,
], dtype=torch.float64)  # QLoRA, arXiv 2305.14314, appendix E
BORDERS = ((BOOK[1:] + BOOK[:-1]) / 2).float()
BLOCK = 64


def blocks_of(weight: torch.Tensor) -> torch.Tensor:
    rows, columns = weight.shape
    padded = nn.functional.pad(weight, (0, -columns % BLOCK))
    return padded.reshape(rows, -1, BLOCK)


def coded(weight: torch.Tensor, top: float, code) -> torch.Tensor:
    """`top`: what the largest value of a block becomes before it is coded."""
    blocks = blocks_of(weight)
    scale = (blocks.abs().amax(-1, keepdim=True) / top).clamp(max=65504).half().float()
    decoded = code(blocks * torch.where(scale > 0, 1 / scale, 0.0)) * scale.double()
    return decoded.reshape(weight.shape[0], -1)[:, : weight.shape[1]].float()


def nf4(weight: torch.Tensor) -> torch.Tensor:
    return coded(weight, 1, lambda x: BOOK[torch.bucketize(x, BORDERS)])


def int8(weight: torch.Tensor) -> torch.Tensor:
    return coded(weight, 127, lambda x: x.round().clamp(-127, 127).double())


def f16(weight: torch.Tensor) -> torch.Tensor:
    return weight.half().float()


def bnb_nf4(weight: torch.Tensor) -> torch.Tensor:
    from bitsandbytes import functional as bnb

    codes, state = bnb.quantize_4bit(weight.contiguous(), blocksize=BLOCK, quant_type="nf4")
    return bnb.dequantize_4bit(codes, state).float()


def same(weight: torch.Tensor) -> torch.Tensor:
    return weight


# name: (what the projections of the blocks become, what embedding and head become)
FORMATS = {
    "none": (same, same),
    "f16": (f16, f16),
    "int8": (int8, int8),
    "nf4, embedding in int8": (nf4, int8),  # the engine's nf4
    "nf4, embedding in float32": (nf4, same),
    "nf4, embedding too": (nf4, nf4),
    "bitsandbytes nf4": (bnb_nf4, same),
    "bitsandbytes nf4, embedding too": (bnb_nf4, bnb_nf4),
}


@torch.no_grad()
def load(folder: str, name: str = "none"):
    """The model in float32, its matrices replaced by what they mean in the named format."""
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    inner, outer = FORMATS[name]
    seen = set()
    for path, module in model.named_modules():
        if not isinstance(module, (nn.Linear, nn.Embedding)) or module.weight.data_ptr() in seen:
            continue
        seen.add(module.weight.data_ptr())  # a tied head is the embedding
        change = inner if ".layers." in f".{path}" else outer
        module.weight.copy_(change(module.weight))
    return model
