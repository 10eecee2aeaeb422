"""Loads a downloaded adapter in real PEFT and compares its greedy tokens with the page's, token by token.

    python scripts/proofs/check_adapter.py BASE_FOLDER ADAPTER_FOLDER GENERATIONS.json

GENERATIONS.json: [{"prompt": "user's text", "tokenIds": [new tokens, EOS included where reached]}, …], made by the page with
temperature 0 and the adapter on. Computed in float32 on the CPU. Needs torch, transformers and peft.

Prints one JSON object; exit code 0 only if
  every prompt gives the page's tokens,
  no weight of the adapter is missing or unknown to PEFT, and
  the base model without the adapter differs on at least one prompt (otherwise equality would show nothing).
"""

import json
import sys
import warnings
from pathlib import Path

import peft
import torch
import transformers
from peft import PeftModel
from safetensors import safe_open
from transformers import AutoModelForCausalLM, AutoTokenizer


@torch.no_grad()
def greedy(model, ids: torch.Tensor, count: int) -> tuple[list[int], float]:
    """`count` greedy tokens, and the smallest lead of the best logit over the second."""
    output = model.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=count, temperature=None, top_p=None, top_k=None,
        return_dict_in_generate=True, output_logits=True, pad_token_id=0,
    )
    leads = [(top := step[0].topk(2).values)[0].item() - top[1].item() for step in output.logits]
    return output.sequences[0, ids.shape[1]:].tolist(), min(leads)


def first_difference(a: list[int], b: list[int]) -> int | None:
    if a == b:
        return None
    return next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))


def unmatched_weights(model, adapter: Path) -> list[str]:
    """Names in the file that PEFT has no place for, and places that the file leaves at their start value."""
    with safe_open(adapter / "adapter_model.safetensors", "pt") as file:
        stored = {name.replace(".default.", ".") for name in file.keys()}
    wanted = {name.replace(".default.", ".") for name, _ in model.named_parameters() if "lora_" in name}
    return sorted(stored ^ wanted)


def main(base_folder: str, adapter_folder: str, generations_file: str) -> int:
    torch.set_num_threads(1)
    generations = json.loads(Path(generations_file).read_text(encoding="utf-8"))
    assert generations, "the file holds no generations"
    tokenizer = AutoTokenizer.from_pretrained(base_folder)
    base = AutoModelForCausalLM.from_pretrained(base_folder, dtype=torch.float32).eval()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, adapter_folder).eval()

    rows = []
    for generation in generations:
        messages = [{"role": "user", "content": generation["prompt"]}]
        text = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        page = generation["tokenIds"]
        adapter_ids, lead = greedy(model, ids, len(page))
        with model.disable_adapter():
            base_ids, _ = greedy(model, ids, len(page))
        rows.append({
            "prompt": generation["prompt"], "tokens": len(page), "equal": adapter_ids == page,
            "firstDifference": first_difference(adapter_ids, page), "smallestLead": lead, "baseDiffers": base_ids != page,
            **({} if adapter_ids == page else {"peft": tokenizer.decode(adapter_ids), "page": tokenizer.decode(page)}),
        })
    unmatched = unmatched_weights(model, Path(adapter_folder))
    equal = sum(row["equal"] for row in rows)
    differing = sum(row["baseDiffers"] for row in rows)
    ok = equal == len(rows) and differing > 0 and not unmatched
    print(json.dumps({
        "ok": ok, "prompts": len(rows), "equal": equal, "baseDiffers": differing, "unmatchedWeights": unmatched,
        "warnings": [str(warning.message) for warning in caught],
        "versions": {m.__name__: m.__version__ for m in (torch, transformers, peft)}, "rows": rows,
    }, ensure_ascii=False, indent=1))
    return 0 if ok else 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
