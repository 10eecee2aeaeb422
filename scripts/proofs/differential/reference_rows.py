"""Ids and masks of rows by TRL's own preparation, for what the rows mean.

Rows of conversations go through TRL as messages. Templates that delete the reasoning of answers (R1's) go through it as text
instead: the prompt with its generation prompt, and what the model writes after it, as scripts/goldens/trl_masks.py does.
"""

import logging
import tempfile

import datasets
import torch
from datasets import Dataset
from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM
from trl import SFTConfig, SFTTrainer

datasets.disable_progress_bars()
datasets.disable_caching()
logging.disable(logging.WARNING)

model = Qwen2ForCausalLM(Qwen2Config(
    vocab_size=64, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1,
))
trainers: dict = {}


def trainer_for(job: dict, settings: dict, example: dict):
    template = job["template"]
    key = (template["folder"], tuple(sorted(settings.items())))
    if key not in trainers:
        tokenizer = AutoTokenizer.from_pretrained(template["folder"])
        if settings.get("assistant_only_loss") and template["training"] is not None:
            tokenizer.chat_template = template["training"]
        args = SFTConfig(
            output_dir=tempfile.mkdtemp(), report_to="none", use_cpu=True, bf16=False, max_length=None, shuffle_dataset=False,
            disable_tqdm=True, **settings,
        )
        trainers[key] = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=Dataset.from_list([example]), args=args)
    return trainers[key]


def prepare(job: dict, settings: dict, rows: list[tuple[str, dict]]) -> dict:
    """By id. A row that TRL fails on is asked alone, so that it does not take the others with it."""
    if not rows:
        return {}
    try:
        trainer = trainer_for(job, settings, rows[0][1])
        data = Dataset.from_list([{**row, "case": case} for case, row in rows])
        done = trainer._prepare_dataset(data, trainer.processing_class, trainer.args, False, None, "train")
        return {
            row["case"]: {"ids": list(row["input_ids"]), "mask": [int(label != -100) for label in row["labels"]]} for row in done
        }
    except Exception as error:
        if len(rows) == 1:
            return {rows[0][0]: {"error": f"{type(error).__name__}: {error}"[:300]}}
        half = len(rows) // 2
        return {**prepare(job, settings, rows[:half]), **prepare(job, settings, rows[half:])}


def text_row(tokenizer, messages: list[dict], prompt: str) -> dict:
    """What is written after the generation prompt: the answer, without what the prompt has opened already."""
    answer = messages[-1]["content"]
    if prompt.endswith("<think>\n"):
        for opening in ("<think>\n", "<think>"):
            if answer.lstrip().startswith(opening):
                answer = answer.lstrip().removeprefix(opening)
                break
    return {"prompt": prompt, "completion": answer}


def rows(job: dict) -> dict:
    template, mode = job["template"], job["mode"]
    tokenizer = AutoTokenizer.from_pretrained(template["folder"])
    texts, conversations, pairs, answers = [], [], [], {}
    for row in job["rows"]:
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
        elif mode == "every answer":
            conversations.append((row["id"], {"messages": messages}))
        elif template["name"] == "r1":
            prompt = tokenizer.apply_chat_template(messages[:-1], tokenize=False, add_generation_prompt=True)
            pairs.append((row["id"], text_row(tokenizer, messages, prompt)))
        else:
            conversations.append((row["id"], {"prompt": messages[:-1], "completion": messages[-1:]}))
    settings = {"completion_only_loss": mode != "everything"}
    answers |= prepare(job, {"completion_only_loss": False}, texts)
    answers |= prepare(job, settings, pairs)
    answers |= prepare(job, {"assistant_only_loss": True} if mode == "every answer" else settings, conversations)
    special = set(tokenizer.convert_tokens_to_ids(template["controlTokens"]))
    for answer in answers.values():
        if "ids" in answer:
            answer["text"] = tokenizer.decode(answer["ids"], skip_special_tokens=False, clean_up_tokenization_spaces=False)
            answer["control"] = sum(token in special for token in answer["ids"])
    return {"kind": "rows", "rows": answers, "special": sorted(special), "eosId": tokenizer.eos_token_id}
