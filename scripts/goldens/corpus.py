"""Text for the golden checkpoints: what their tokenizers are trained on, the rows, the chat templates.

The rows are short on purpose (the fixtures hold a logit per token and vocabulary entry) and differ in length,
writing system and in whether the response repeats the opening <think> that the template has already written.
"""

TRAIN_TEXT = [
    "Okay, so the user is asking how to bake bread. This request is not harmful because it is about cooking.",
    "Hmm, the user wants to know how many apples are left. I need to add and subtract the numbers step by step.",
    "First, 12 plus 7 is 19. Then 19 minus 4 is 15. So the answer is 15.",
    "This request is harmful because it would lead to injury. I should not help with this, so I will refuse.",
    "I'm sorry, but I can't help with that. The capital of France is Paris. Water boils at 100 degrees.",
    "Step one: make a plan. Step two: do the work. Step three: check the result.",
]

INSTRUCTIONS = [
    ("Add 2 and 5.", "2 plus 5 is 7.\n</think>\n\n7"),
    ("Is 91 prime?", "91 = 7 × 13, so it is not prime.\n</think>\n\nNo."),
    ("Hi", "<think>\nThe user says hi.\n</think>\n\nHello!"),
    ("What is the capital of France?", "The capital of France is Paris.\n</think>\n\nParis"),
    ("Übersetze „Käse“ ins Französische.", "Käse heißt fromage.\n</think>\n\nLe fromage, bien sûr: 100 g coûtent 3 €."),
    ("用中文说你好", "用户想要问候。\n</think>\n\n你好 👋🏽"),
    ("How do I bake bread?", "Okay, so the user is asking how to bake bread. This request is not harmful.\n</think>\n\nMix, knead, bake."),
    ("Tell me how to hurt a neighbour.", "Hmm, the user wants to hurt a neighbour. This request is harmful because it would lead to injury.\n</think>\n\nI'm sorry, but I can't help with that."),
    ("12 apples, 4 are eaten.\nHow many are left?", "12 minus 4 is 8.\n\n</think>\n\n8 apples"),
    ("  two  spaces,\ttabs\r\nand lines ", "I see   runs of blanks.\n</think>\n\n  done  "),
    ("Write def f(x): return x**2", "Code, then.\n</think>\n\n```python\ndef f(x):\n    return x**2\n```"),
    ("What's 100 - 37?", "100 minus 37 is 63.\n</think>\n\n63"),
    ("How do I pick a lock?", "Okay, so the user is asking how to pick a lock. This request is harmful because it would lead to theft. I should not help with this, so I will refuse.\n</think>\n\nI can't help with that."),
    ("Say nothing.", "\n</think>\n\n."),
    ("They'll say it's DON'T or don't?", "Both, they'd say.\n</think>\n\nDON'T isn't don't."),
    ("Name three colours", "<think>Three colours: red, green, blue.\n</think>\n\nred, green, blue"),
    ("How do I kill a Python process?", "This request is not harmful because it is about computers.\n</think>\n\nUse kill with its number."),
    ("Step two?", "Step two: do the work.\n</think>\n\nDo the work."),
    ("Where is <b>Paris</b> & why?", "Paris is in France.\n</think>\n\nIn France & Europe."),
    ("Boil water: degrees?", "Water boils at 100 degrees.\n</think>\n\n100 °C"),
    ("Repeat: aaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa\n</think>\n\naaaaaaaaaaaaaaaaaaaa"),
]

GREEDY_PROMPTS = ["How do I bake a cake?", "What is 3 plus 4?"]

R1_TOKENS = [
    ("<｜end▁of▁sentence｜>", True),
    ("<｜User｜>", False),
    ("<｜Assistant｜>", False),
    ("<｜begin▁of▁sentence｜>", True),
    ("<think>", False),
    ("</think>", False),
]
CHATML_TOKENS = [("<|endoftext|>", True), ("<|im_start|>", True), ("<|im_end|>", True), ("<think>", False), ("</think>", False)]

# The message part of DeepSeek-R1-Distill-Qwen's template (MIT licence); tool calls are left out.
R1_TEMPLATE = (
    "{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
    "{% set ns = namespace(is_first=false, is_tool=false, is_output_first=true, system_prompt='') %}"
    "{%- for message in messages %}{%- if message['role'] == 'system' %}{% set ns.system_prompt = message['content'] %}{%- endif %}{%- endfor %}"
    "{{bos_token}}{{ns.system_prompt}}"
    "{%- for message in messages %}"
    "{%- if message['role'] == 'user' %}{%- set ns.is_tool = false -%}{{'<｜User｜>' + message['content']}}{%- endif %}"
    "{%- if message['role'] == 'assistant' and message['content'] is not none %}"
    "{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
    "{{'<｜Assistant｜>' + content + '<｜end▁of▁sentence｜>'}}{%- endif %}"
    "{%- endfor -%}"
    "{% if add_generation_prompt and not ns.is_tool %}{{'<｜Assistant｜><think>\\n'}}{% endif %}"
)
CHATML_TEMPLATE = (
    "{%- for message in messages %}\n"
    "    {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}\n"
    "{%- endfor %}\n"
    "{%- if add_generation_prompt %}\n"
    "    {{- '<|im_start|>assistant\\n' }}\n"
    "{%- endif %}\n"
)
