"""Ids of texts and prompts by transformers, for a tokenizer's folder.

Beside them what transformers gives under each documented difference (docs/differential.md), by itself and from the same files:
this project must then give exactly that.
"""

import json
import shutil
from pathlib import Path

from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.convert_slow_tokenizer import bytes_to_unicode


def tokens(job: dict) -> dict:
    try:
        tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    except TypeError as error:
        if "has to be either str or AddedToken" not in str(error):
            raise
        answer = {"kind": "refused", "code": type(error).__name__, "message": str(error)[:2000]}
        typed = AutoTokenizer.from_pretrained(with_typed_tokens(job["folder"]))
        return answer | {"plainly": with_variants(typed, job)}
    # transformers 5 builds the steps of some classes itself, also where only the family in config.json names the class
    own = PreTrainedTokenizerFast.from_pretrained(job["folder"]) if type(tokenizer).__name__ != "TokenizersBackend" else None
    return {
        "kind": "tokens", "tokenizerClass": type(tokenizer).__name__, "read": with_variants(tokenizer, job),
        "ofFile": None if own is None else with_variants(own, job),
    }


def with_variants(tokenizer, job: dict) -> dict:
    parts = parts_of(tokenizer, job)
    return {"parts": parts, "oneEnd": rows_with_one_end(tokenizer, job), "addedAsWritten": decoded_as_written(tokenizer, parts["ids"])}


def encode(tokenizer, text: str, special: bool) -> list[int]:
    return tokenizer(text, add_special_tokens=special)["input_ids"]


def parts_of(tokenizer, job: dict) -> dict:
    ids = [encode(tokenizer, text, False) for text in job["texts"]]
    eos = tokenizer.eos_token
    parts = {
        "ids": ids,
        "decoded": [tokenizer.decode(one, skip_special_tokens=False, clean_up_tokenization_spaces=False) for one in ids],
        # as TRL 1.13 does with rows of text: the end token as text, then the tokenizer with its special tokens
        "rows": {
            str(i + 1): encode(tokenizer, text if eos is None or text.endswith(eos) else text + eos, True)
            for i, text in enumerate(job["texts"]) if text.strip() != ""
        },
        "prompt": None, "promptIds": None, "eosId": tokenizer.eos_token_id, "bosId": tokenizer.bos_token_id,
    }
    if tokenizer.chat_template is not None:
        messages = [{"role": "user", "content": job["question"]}]
        try:
            parts["prompt"] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            parts["promptIds"] = encode(tokenizer, parts["prompt"], False)
        except Exception as error:
            parts["promptError"] = str(error)[:200]
    return parts


def rows_with_one_end(tokenizer, job: dict) -> dict:
    """What the post-processor puts before a text, the text, and one end token as an id: generation_config.json's where it has no name."""
    end = tokenizer.eos_token_id
    if end is None:
        path = Path(job["folder"]) / "generation_config.json"
        listed = json.loads(path.read_text()).get("eos_token_id") if path.exists() else None
        end = listed[0] if isinstance(listed, list) else listed
    rows = {}
    for i, text in enumerate(job["texts"]):
        if text.strip() == "":
            continue
        plain, whole = encode(tokenizer, text, False), encode(tokenizer, text, True)
        at = next((k for k in range(len(whole) - len(plain) + 1) if whole[k : k + len(plain)] == plain), 0)
        row = plain if plain[:at] == whole[:at] else whole[:at] + plain
        rows[str(i + 1)] = row if row[-1:] == [end] else [*row, end]
    return {"rows": rows, "eosId": end}


def decoded_as_written(tokenizer, ids: list[list[int]]) -> dict | None:
    """ByteLevel takes the letters of added tokens for bytes, too. Here they are their own text; None: there is no such decoder."""
    if type(tokenizer.backend_tokenizer.decoder).__name__ != "ByteLevel":
        return None
    added = tokenizer.get_added_vocab()
    byte_of = {letter: byte for byte, letter in bytes_to_unicode().items()}

    def bytes_of(token: str) -> bytes:
        if token in added or any(letter not in byte_of for letter in token):
            return token.encode()
        return bytes(byte_of[letter] for letter in token)

    texts = [b"".join(bytes_of(token) for token in tokenizer.convert_ids_to_tokens(one)).decode(errors="replace") for one in ids]
    return {"decoded": texts}


def with_typed_tokens(folder: str) -> str:
    """A copy in which named tokens that are objects have the "__type" which transformers 5 asks for."""
    at = Path(f"{folder}-plain")
    shutil.copytree(folder, at, dirs_exist_ok=True)
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        path = at / name
        if not path.exists():
            continue
        content = json.loads(path.read_text())
        for key, value in content.items():
            if key.endswith("_token") and isinstance(value, dict):
                content[key] = {**value, "__type": "AddedToken"}
        path.write_text(json.dumps(content))
    return str(at)
