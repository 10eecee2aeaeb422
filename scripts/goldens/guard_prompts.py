"""What transformers renders for judge models: tests/fixtures/judges/guard-prompts.json.

python guard_prompts.py qwen3guard-gen=<folder> llama-guard-3-8b=<folder> llama-guard-3-1b=<folder>
Each folder holds the model's tokenizer_config.json (and chat_template.jinja, where it has one); weights are not needed.
"""
import json
import sys
from pathlib import Path

import transformers
from transformers.utils.chat_template_utils import render_jinja_template

OUT = Path(__file__).parents[2] / "tests/fixtures/judges/guard-prompts.json"
CONVERSATIONS = json.loads(OUT.read_text())["conversations"]


def template_of(folder: Path) -> str:
    file = folder / "chat_template.jinja"
    return file.read_text() if file.exists() else json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]


def rendered(name: str, template: str, conversation: list[dict]) -> str | None:
    if name == "llama-guard-3-1b":  # its template reads lists of parts
        conversation = [{"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in conversation]
    try:
        texts, _ = render_jinja_template(
            conversations=[conversation], chat_template=template, add_generation_prompt=True
        )
        return texts[0]
    except Exception as error:  # the template refuses the conversation
        print(f"{name}: {error}")
        return None


def main() -> None:
    prompts = {}
    for argument in sys.argv[1:]:
        name, folder = argument.split("=", 1)
        template = template_of(Path(folder))
        prompts[name] = {key: rendered(name, template, one) for key, one in CONVERSATIONS.items()}
    made_by = f"transformers {transformers.__version__}, render_jinja_template"
    OUT.write_text(json.dumps({"made_by": made_by, "conversations": CONVERSATIONS, "prompts": prompts}, ensure_ascii=False, indent=2) + "\n")


main()
