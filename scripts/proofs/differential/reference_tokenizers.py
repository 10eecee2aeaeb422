"""Ids of texts and prompts by transformers, for a tokenizer's folder."""

from transformers import AutoTokenizer


def tokens(job: dict) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    encode = lambda text, special: tokenizer(text, add_special_tokens=special)["input_ids"]
    ids = [encode(text, False) for text in job["texts"]]
    eos = tokenizer.eos_token
    parts = {
        "ids": ids,
        "decoded": [tokenizer.decode(one, skip_special_tokens=False, clean_up_tokenization_spaces=False) for one in ids],
        # as TRL 1.13 does with rows of text: the end token as text, then the tokenizer with its special tokens
        "rows": {
            str(i + 1): encode(text if eos is None or text.endswith(eos) else text + eos, True)
            for i, text in enumerate(job["texts"]) if text.strip() != ""
        },
        "prompt": None, "promptIds": None, "eosId": tokenizer.eos_token_id, "bosId": tokenizer.bos_token_id,
    }
    if tokenizer.chat_template is not None:
        messages = [{"role": "user", "content": job["question"]}]
        try:
            parts["prompt"] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
            parts["promptIds"] = encode(parts["prompt"], False)
        except Exception as error:
            parts["promptError"] = str(error)[:200]
    return {"kind": "tokens", "parts": parts, "tokenizerClass": type(tokenizer).__name__}
