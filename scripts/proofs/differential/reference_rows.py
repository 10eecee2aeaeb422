"""Ids and masks of rows by TRL's own preparation, for what the rows mean.

Rows of conversations go through TRL as messages. Templates that delete the reasoning of answers (R1's) go through it as text
instead: the prompt with its generation prompt, and what the model writes after it, as scripts/goldens/trl_masks.py does.

Beside a row's answer stands what the same preparation gives under each documented difference that concerns it (docs/differential.md):
`letters`: control tokens in users' words are letters; `seam`: prompt and answer are tokenized apart; `asWritten`: Qwen3's template
writes an answer with odd tags as it is. This project must give exactly one of them.
"""

import json
import logging
import re
import shutil
import tempfile
from pathlib import Path

import datasets
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

datasets.disable_progress_bars()
datasets.disable_caching()
logging.disable(logging.WARNING)

model = Qwen2ForCausalLM(Qwen2Config(
    vocab_size=64, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1,
))
trainers: dict = {}


def open_tokenizer(template: dict):
    """By tokenizer.json: AutoTokenizer takes Qwen2's class for any tokenizer of a qwen2 model, and its own normaliser with it."""
    return PreTrainedTokenizerFast.from_pretrained(template["folder"])


def trainer_for(template: dict, settings: dict, example: dict):
    key = (template["folder"], tuple(sorted(settings.items())))
    if key not in trainers:
        tokenizer = open_tokenizer(template)
        if settings.get("assistant_only_loss") and template["training"] is not None:
            tokenizer.chat_template = template["training"]
        args = SFTConfig(
            output_dir=tempfile.mkdtemp(), report_to="none", use_cpu=True, bf16=False, max_length=None, shuffle_dataset=False,
            disable_tqdm=True, **settings,
        )
        trainers[key] = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=Dataset.from_list([example]), args=args)
    return trainers[key]


def prepare(template: dict, settings: dict, rows: list[tuple[str, dict]]) -> dict:
    """By id. A row that TRL fails on is asked alone, so that it does not take the others with it."""
    if not rows:
        return {}
    try:
        trainer = trainer_for(template, settings, rows[0][1])
        data = Dataset.from_list([{**row, "case": case} for case, row in rows])
        done = trainer._prepare_dataset(data, trainer.processing_class, trainer.args, False, None, "train")
        return {
            row["case"]: {"ids": list(row["input_ids"]), "mask": [int(label != -100) for label in row["labels"]]} for row in done
        }
    except Exception as error:
        if len(rows) == 1:
            return {rows[0][0]: {"error": f"{type(error).__name__}: {error}"[:300]}}
        half = len(rows) // 2
        return {**prepare(template, settings, rows[:half]), **prepare(template, settings, rows[half:])}


def text_row(messages: list[dict], prompt: str) -> dict:
    """What is written after the generation prompt: the answer, without what the prompt has opened already."""
    answer = messages[-1]["content"]
    if prompt.endswith("<think>\n"):
        for opening in ("<think>\n", "<think>"):
            if answer.lstrip().startswith(opening):
                answer = answer.lstrip().removeprefix(opening)
                break
    return {"prompt": prompt, "completion": answer}


def prepared(template: dict, mode: str, rows: list[dict]) -> dict:
    """By id, with the variants of this template."""
    tokenizer = open_tokenizer(template)
    texts, conversations, pairs, written, answers = [], [], [], [], {}
    for row in rows:
        meaning = row["meaning"]
        if "text" in meaning:
            texts.append((row["id"], {"text": meaning["text"]}))
            continue
        messages = meaning["messages"]
        if tokenizer.chat_template is None:
            is_text = all(isinstance(row["row"].get(field), str) for field in ("prompt", "completion") if field in row["row"])
            is_pair = is_text and not {"messages", "conversations"} & set(row["row"])
            if is_pair and [turn["role"] for turn in messages] == ["user", "assistant"]:
                pairs.append((row["id"], {"prompt": messages[0]["content"], "completion": messages[1]["content"]}))
            else:
                answers[row["id"]] = {"error": "no chat template"}  # what transformers says of any conversation
        elif mode != "every answer" and template["name"] == "r1":
            prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
            pairs.append((row["id"], text_row(messages, prompt)))
        else:
            trained = messages if mode == "every answer" else messages[-1:]
            conversations.append((row["id"], conversation(messages, mode)))
            if template["name"] == "qwen3" and any(as_written(turn) != turn for turn in trained):
                turns = [as_written(turn) if turn in trained else turn for turn in messages]
                written.append((row["id"], conversation(turns, mode)))
    settings = {"completion_only_loss": mode != "everything"}
    turns = {"assistant_only_loss": True} if mode == "every answer" else settings
    answers |= prepare(template, {"completion_only_loss": False}, texts)
    answers |= prepare(template, settings, pairs)
    answers |= prepare(template, turns, conversations)
    for case, answer in prepare(with_verbatim(template), turns, written).items() if written else ():
        answers[case]["asWritten"] = answer
    if template["name"] == "r1":
        for case, row in pairs:
            seam = with_seam(tokenizer, row, mode)
            if "ids" in answers[case] and seam["ids"] != answers[case]["ids"]:
                answers[case]["seam"] = seam
    return answers


def conversation(messages: list[dict], mode: str) -> dict:
    return {"messages": messages} if mode == "every answer" else {"prompt": messages[:-1], "completion": messages[-1:]}


def as_written(turn: dict) -> dict:
    """Qwen3's template cuts an answer at its last tags, and puts an empty thought before one that is not closed.

    Where an answer has other tags than those of one thought at its beginning, `verbatim` is what stands for it: the answer itself, after
    an empty thought if it does not begin with one.
    """
    content = turn["content"]
    if turn["role"] != "assistant" or "<think>" not in content:
        return turn
    opens = re.match(r"\s*<think>", content) is not None
    if opens and "</think>" in content and content.count("<think>") == 1:
        return turn
    return {**turn, "verbatim": content if opens else f"<think>\n\n</think>\n\n{content}"}


def with_verbatim(template: dict) -> dict:
    """The template with a field for answers that it writes as they are."""
    usual = r"reasoning_content.strip('\n') + '\n</think>\n\n' + content.lstrip('\n')"
    opened = r"'<think>\n' + " + usual

    def edit(text: str) -> str:
        edited = text.replace(r"'\n<think>\n' + " + usual, r"'\n' + " + opened)
        assert edited.count(opened) == 1, "the template has changed"
        return edited.replace(opened, f"(message.verbatim if message.verbatim is string else {opened})")

    at = Path(f"{template['folder']}-verbatim")
    if not at.exists():
        shutil.copytree(template["folder"], at)
        path = at / "chat_template.jinja"
        path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    return {**template, "folder": str(at), "training": edit(template["training"])}


def with_seam(tokenizer, row: dict, mode: str) -> dict:
    """TRL tokenizes prompt and answer as one text and trains from as many tokens on as the prompt has by itself."""
    encode = lambda text: tokenizer(text, add_special_tokens=False)["input_ids"]
    end = "" if row["completion"].endswith(tokenizer.eos_token) else tokenizer.eos_token
    before, after = encode(row["prompt"]), encode(row["completion"] + end)
    return {"ids": before + after, "mask": [int(mode == "everything")] * len(before) + [1] * len(after)}


def without_names(template: dict) -> dict:
    """The template with other texts for its control tokens: what people write is no token then, and all else is as it was."""
    at = Path(f"{template['folder']}-letters")
    names = sorted(template["controlTokens"], key=len, reverse=True)

    def rename(text: str) -> str:
        for index, name in enumerate(names):
            text = text.replace(name, f"\ue100{chr(0xE200 + index)}\ue101")
        return text

    if not at.exists():
        shutil.copytree(template["folder"], at)
        for path in at.iterdir():
            text = path.read_text(encoding="utf-8")
            if path.suffix == ".json":
                text = json.dumps(json.loads(text), ensure_ascii=False)
            path.write_text(rename(text), encoding="utf-8")
    training = template["training"]
    return {**template, "folder": str(at), "training": None if training is None else rename(training)}


def holds_control_token(row: dict, tokens: list[str]) -> bool:
    turns = row["meaning"].get("messages", [])
    return any(token in turn["content"] for turn in turns if turn["role"] != "assistant" for token in tokens)


def rows(job: dict) -> dict:
    template, mode = job["template"], job["mode"]
    tokenizer = open_tokenizer(template)
    answers = prepared(template, mode, job["rows"])
    if tokenizer.chat_template is not None:
        with_tokens = [row for row in job["rows"] if holds_control_token(row, template["controlTokens"])]
        for case, answer in prepared(without_names(template), mode, with_tokens).items():
            answers[case]["letters"] = answer
    for answer in answers.values():
        if "ids" in answer:
            answer["text"] = tokenizer.decode(answer["ids"], skip_special_tokens=False, clean_up_tokenization_spaces=False)
    written = {"opening": "<｜Assistant｜><think>\n", "lineBreak": "\n"}
    ids = {name: tokenizer(text, add_special_tokens=False)["input_ids"] for name, text in written.items()}
    return {"kind": "rows", "rows": answers, "eosId": tokenizer.eos_token_id, **ids}
