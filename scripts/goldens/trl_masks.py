"""Token ids and loss masks as TRL's SFTTrainer makes them, for three chat templates, as goldens of src/data.

    python scripts/goldens/trl_masks.py

Made with torch 2.13, transformers 5.18, tokenizers 0.23, trl 1.13. The tokenizers are those of two golden checkpoints; the
templates are TRL's own copies of DeepSeek-R1-Distill's and Qwen3's (Apache-2.0), original and for training, and plain ChatML.

completion_only  TRL's prompt/completion format as text: the rendered prompt, and what the model writes after it
conversational   the same rows as messages, rendered by the template (not for R1, whose template deletes the reasoning)
assistant_only   assistant_only_loss on messages, with the template that TRL itself uses for it
"""

import json
import tempfile
from pathlib import Path

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer
from trl.chat_template_utils import (
    deepseek_r1_distill_chat_template,
    deepseek_r1_distill_training_chat_template,
    qwen3_chat_template,
    qwen3_training_chat_template,
)

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures"
OUT = FIXTURES / "trl-masks.json"

CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
CHATML_TRAINING = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' }}"
    "{%- if message.role == 'assistant' %}{%- generation %}{{- message.content + '<|im_end|>' }}{%- endgeneration %}"
    "{%- else %}{{- message.content + '<|im_end|>' }}{%- endif %}{{- '\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
TEMPLATES = {
    "r1-distill": ("tied-gqa", deepseek_r1_distill_chat_template, deepseek_r1_distill_training_chat_template),
    "qwen3": ("tied-bf16", qwen3_chat_template, qwen3_training_chat_template),
    "chatml": ("tied-bf16", CHATML, CHATML_TRAINING),
}

THOUGHT = "<think>\n{}\n</think>\n\n{}"


def turn(role: str, content: str) -> dict:
    return {"role": role, "content": content}


CONVERSATIONS = [
    [turn("user", "Add 2 and 5."), turn("assistant", THOUGHT.format("2 plus 5 is 7.", "7"))],
    [turn("user", "Is 91 prime?"), turn("assistant", THOUGHT.format("91 = 7 × 13.\n\nSo it is not.", "No, 91 = 7 × 13."))],
    [turn("system", "Be brief."), turn("user", "Bake bread?"), turn("assistant", THOUGHT.format("Flour, water.", "Mix, wait, bake."))],
    [
        turn("user", "Say hi."), turn("assistant", THOUGHT.format("A greeting.", "Hi!")),
        turn("user", "Again,\nplease."), turn("assistant", THOUGHT.format("Once more.", "Hi again!")),
    ],
    [
        turn("system", "You answer in one word.\nAlways."), turn("user", "Käse?"), turn("assistant", THOUGHT.format("Cheese.", "Ja")),
        turn("user", "你好 👋🏽"), turn("assistant", THOUGHT.format("Chinese.", "你好")), turn("user", "Bye"),
        turn("assistant", THOUGHT.format("The end.", "Bye")),
    ],
    [turn("user", "  spaces  and\ttabs \n"), turn("assistant", THOUGHT.format("  Keep them.", "  two  "))],
    [turn("user", "<b>bold</b> <script>alert(1)</script>"), turn("assistant", THOUGHT.format("HTML.", "<i>no</i>"))],
    [turn("user", "What is 3 + 4?"), turn("assistant", "7"), turn("user", "And 4 + 5?"), turn("assistant", "9")],
    [turn("user", "One."), turn("assistant", THOUGHT.format("1", "1")), turn("user", "Two."), turn("assistant", "2")],
]


def process(model, tokenizer, rows: list[dict], **settings) -> list[dict]:
    with tempfile.TemporaryDirectory() as out:
        args = SFTConfig(output_dir=out, report_to="none", use_cpu=True, bf16=False, max_length=None, shuffle_dataset=False, **settings)
        trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=Dataset.from_list(rows), args=args)
        return [
            {"ids": list(row["input_ids"]), "mask": [int(label != -100) for label in row["labels"]]} for row in trainer.train_dataset
        ]


def make(name: str) -> dict:
    fixture, template, training = TEMPLATES[name]
    folder = FIXTURES / "goldens" / fixture / "model"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    prefill = "<think>\n" if name == "r1-distill" else ""

    def text_row(messages: list[dict]) -> dict:
        prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
        if name == "r1-distill":
            completion = messages[-1]["content"].removeprefix(prefill)
        else:
            whole = tokenizer.apply_chat_template(messages, tokenize=False)
            assert whole.startswith(prompt)
            completion = whole.removeprefix(prompt).removesuffix("<|im_end|>\n")
        return {"prompt": prompt, "completion": completion}

    result = {
        "fixture": fixture, "template": template, "training_template": training,
        "completion_only": process(model, tokenizer, [text_row(messages) for messages in CONVERSATIONS], completion_only_loss=True),
    }
    if name != "r1-distill":
        rows = [{"prompt": messages[:-1], "completion": messages[-1:]} for messages in CONVERSATIONS]
        result["conversational"] = process(model, tokenizer, rows, completion_only_loss=True)
    # TRL puts its own training template in the place of one it knows; plain ChatML it does not know.
    if name == "chatml":
        tokenizer.chat_template = training
    rows = [{"messages": messages} for messages in CONVERSATIONS]
    result["assistant_only"] = process(model, tokenizer, rows, assistant_only_loss=True)
    return result


if __name__ == "__main__":
    golden = {"conversations": CONVERSATIONS, "templates": {name: make(name) for name in TEMPLATES}}
    OUT.write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")
    print(OUT, OUT.stat().st_size)
