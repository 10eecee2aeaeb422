"""Ids that tokenizers gives for every kind of step and of BPE model that tokenizer.json may hold, of hostile and multilingual texts.

    python scripts/goldens/tokenizer_kinds.py

Writes tests/fixtures/tokenizer-kinds.json: two small vocabularies, the texts, the kinds as changes to one of the vocabularies,
and of each text's ids, and of the text of these ids forwards and
backwards (cut characters), the first 8 digits of a SHA-256. Made with tokenizers 0.23.3.
"""

import hashlib
import json
import random
from pathlib import Path

from tokenizers import Tokenizer, models, trainers

ROOT = Path(__file__).resolve().parents[2]
rng = random.Random(11)
ATOMS = (
    "they'll IT'S 'ſ bread x _ a1b22c333 12345678 Käse Ka\u0308se 你好世界 こんにちは привет ΟΔΟΣ مرحبا ٣٤ ไทย ½ ² ① Ⅻ ३ "
    "\U0001F600 👋🏽 👩‍👩‍👧 ﬁ Ǆ ß . ... !? \",\" $$ <b> ++ -- __ ^^ ~ ` | \u2e43 \u061d \u166d \u2014 「」 ؟ «» \u0301 \u200d <0x0A> $& $1 ▁ ▁▁ ▁a a▁ "
    "the cat sat on mat Ġthe ## ##a </w> a-b-c # [ ] ( ) İstanbul"
).split(" ")
SPACES = [" ", "  ", "\t", "\n", "\r\n", "\n\n ", "\u0085", "\ufeff", "\u00a0", "\u3000", "\u200b", "\u2028", "\x0b", "\x1c", "\0", " "]


def text():
    parts = []
    for _ in range(rng.randint(1, 14)):
        letters = "".join(chr(rng.choice([rng.randint(32, 126), rng.randint(0xA0, 0x24F), rng.randint(0x370, 0x52F), rng.randint(0x4E00, 0x4E30)])) for _ in range(rng.randint(1, 4)))
        parts.append(rng.choice([rng.choice(ATOMS), rng.choice(ATOMS), rng.choice(SPACES), letters]))
        if rng.random() < 0.5:
            parts.append(" ")
    return "".join(parts)


TEXTS = ["", " ", "  ", "a", " a", "a ", "a  b   c", "-", "--a--b-", "▁", "a" * 70, "ab" * 90, "the cat " * 30, "\n", "\u0085 a \u0085"]
TEXTS += [text() for _ in range(200 - len(TEXTS))]

CORPUS = ["the cat sat on the mat and the bread was baked, they'll say: it's Käse! привет a1b22 333 ▁the▁cat"] * 3 + TEXTS[15:60]


def vocabulary(**options):
    """Letters and merges of a small text; what the corpus has no letter for is unknown."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    from tokenizers import pre_tokenizers

    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.train_from_iterator(CORPUS[:4], trainers.BpeTrainer(vocab_size=170, special_tokens=["<unk>"], show_progress=False, **options))
    model = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [" ".join(pair) for pair in model["merges"]]}


LETTERS = vocabulary()
with_bytes = dict(LETTERS["vocab"])
for byte in range(256):
    with_bytes[f"<0x{byte:02X}>"] = len(with_bytes)
some_bytes = {k: v for k, v in with_bytes.items() if v < len(LETTERS["vocab"]) + 225}
BYTES = {"vocab": with_bytes, "merges": LETTERS["merges"]}
VOCABULARIES = {
    "letters": LETTERS,
    "bytes": BYTES,
    "someBytes": {"vocab": some_bytes, "merges": LETTERS["merges"]},
    "prefixed": vocabulary(continuing_subword_prefix="##"),
    "suffixed": vocabulary(end_of_word_suffix="</w>"),
}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def steps(*pretokenizers):
    return {"pre_tokenizer": {"type": "Sequence", "pretokenizers": list(pretokenizers)}}


def normal(*normalizers):
    return {"normalizer": {"type": "Sequence", "normalizers": list(normalizers)}}


def byte_level(**change):
    return {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False, **change}


def replace(pattern, content):
    return {"type": "Replace", "pattern": pattern, "content": content}


def meta(**change):
    return {"type": "Metaspace", "replacement": "▁", **change}


S, R = (lambda text: {"String": text}), (lambda text: {"Regex": text})
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPM = [replace(S("▁"), " "), {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]
UNK = {"unk_token": "<unk>"}
BYTE_DECODER = {"decoder": byte_level()}
demo = {
    "Qwen": steps(split(R(QWEN)), byte_level()),
    "GPT-2": {"pre_tokenizer": byte_level(use_regex=True)},
    "GPT-2 with a leading space": {"pre_tokenizer": byte_level(use_regex=True, add_prefix_space=True)},
    "a leading space for every piece": steps(split(R(r"\s+")), byte_level(add_prefix_space=True)),
    "no split": {"pre_tokenizer": byte_level()},
    "digits one by one": steps({"type": "Digits", "individual_digits": True}, byte_level(use_regex=True)),
    "digits together": steps({"type": "Digits", "individual_digits": False}, byte_level(use_regex=True)),
    "Falcon 3": steps({"type": "Punctuation", "behavior": "Contiguous"}, byte_level(use_regex=True), {"type": "Digits", "individual_digits": True}, split(R("[0-9][0-9][0-9]"))),
    "punctuation": steps({"type": "Punctuation", "behavior": "Isolated"}, byte_level()),
    "punctuation removed": steps({"type": "Punctuation", "behavior": "Removed"}, byte_level()),
    "Whitespace": steps({"type": "Whitespace"}, byte_level()),
    "WhitespaceSplit": steps({"type": "WhitespaceSplit"}, byte_level()),
    "Bert": steps({"type": "BertPreTokenizer"}, byte_level()),
    "CharDelimiterSplit": steps({"type": "CharDelimiterSplit", "delimiter": "-"}, byte_level()),
    "GPT-4o": steps(split(R(r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"), "Removed", True), byte_level()),
    "words and digits of Unicode": steps(split(R(r"\w+|\d+|.")), byte_level()),
    "what are no words": steps(split(R(r"\W+|[\d\s]")), byte_level()),
    "a point": steps(split(R(r".+"), "Removed", True), byte_level()),
    "scripts": steps(split(R(r"\p{Han}+|[\p{Cyrillic}\p{Latin}]+|\p{^L}")), byte_level()),
    "escapes": steps(split(R(r"\#|\-|\x{4f60}|\u597d|[\-\]\[\"\&]")), byte_level()),
    "alone": {**normal({"type": "NFC"}), "pre_tokenizer": byte_level()},
    **{f"normaliser {form}": {**normal({"type": form}), "pre_tokenizer": byte_level()} for form in ("NFKC", "NFKD")},
    **{f"a letter, {behavior}": steps(split(S(" "), behavior), byte_level()) for behavior in ("Isolated", "Removed", "Contiguous", "MergedWithPrevious", "MergedWithNext")},
    "isolated, inverted": steps(split(R("[ae]+"), "Isolated", True), byte_level()),
    "a word isolated": steps(split(S("the")), byte_level()),
    "lower case": {**normal({"type": "Lowercase"}), "pre_tokenizer": byte_level()},
    "strip": {**normal({"type": "Strip", "strip_left": True, "strip_right": True}), "pre_tokenizer": byte_level()},
    "strip left": {**normal({"type": "Strip", "strip_left": True, "strip_right": False}), "pre_tokenizer": byte_level()},
    "replace by signs": {**normal(replace(S("a"), "$&$1"), replace(R(r"\s+"), " "), {"type": "Prepend", "prepend": "$$"}), "pre_tokenizer": byte_level()},
    "tokens before merges": {"pre_tokenizer": byte_level(), "model": {"ignore_merges": True}},
}
KINDS = [[name, "demo", {**BYTE_DECODER, **change}] for name, change in demo.items()]
for name, vocab, change in [
    ("SentencePiece", "bytes", {**normal({"type": "Prepend", "prepend": "▁"}, replace(S(" "), "▁")), "model": {"byte_fallback": True, "fuse_unk": True, **UNK}, "decoder": {"type": "Sequence", "decoders": SPM}}),
    ("Gemma", "bytes", {**normal(replace(S(" "), "▁")), "pre_tokenizer": split(S(" "), "MergedWithPrevious"), "model": {"byte_fallback": True, "fuse_unk": True, **UNK}, "decoder": {"type": "Sequence", "decoders": SPM[:3]}}),
    ("some bytes", "someBytes", {"model": {"byte_fallback": True, **UNK}}),
    ("some bytes, fused", "someBytes", {"model": {"byte_fallback": True, "fuse_unk": True, **UNK}}),
    ("some bytes, nothing unknown", "someBytes", {"model": {"byte_fallback": True}}),
    ("letters, unknown ones left out", "letters", {}),
    ("letters", "letters", {"model": UNK}),
    ("letters, fused", "letters", {"model": {"fuse_unk": True, **UNK}}),
    ("letters of bytes left out", "letters", {"pre_tokenizer": byte_level(use_regex=True), **BYTE_DECODER}),
    ("Metaspace", "letters", {"pre_tokenizer": meta(), "model": UNK, "decoder": meta()}),
    ("Metaspace, always", "letters", {"pre_tokenizer": meta(prepend_scheme="always", split=False), "model": UNK, "decoder": meta(prepend_scheme="always", split=False)}),
    ("Metaspace, first", "letters", {"pre_tokenizer": meta(prepend_scheme="first"), "model": UNK, "decoder": meta(prepend_scheme="first")}),
    ("Metaspace, never", "letters", {"pre_tokenizer": meta(prepend_scheme="never", split=True), "model": UNK, "decoder": meta(prepend_scheme="never")}),
    ("Metaspace, older", "letters", {"pre_tokenizer": meta(add_prefix_space=True, str_rep="__"), "model": UNK, "decoder": meta(add_prefix_space=True)}),
    ("words that are continued", "prefixed", {"pre_tokenizer": {"type": "Whitespace"}, "model": {"continuing_subword_prefix": "##", **UNK}}),
    ("an end of words", "suffixed", {"pre_tokenizer": {"type": "Whitespace"}, "model": {"end_of_word_suffix": "</w>", **UNK}}),
]:
    KINDS.append([name, vocab, change])


def tokenizer_json(vocab, change):
    if vocab == "demo":
        base = json.loads((ROOT / "public/models/demo/tokenizer.json").read_text())
        model = {**base["model"], "ignore_merges": False}
    else:
        model = {"type": "BPE", "byte_fallback": False, "fuse_unk": False, "ignore_merges": False, **VOCABULARIES[vocab]}
    added = [{"id": 99999, "content": "<|x|>", "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}]
    empty = {"version": "1.0", "truncation": None, "padding": None, "normalizer": None, "pre_tokenizer": None, "post_processor": None, "decoder": None}
    return {**empty, "added_tokens": added, **change, "model": {**model, **change.get("model", {})}}


def digits(value):
    return hashlib.sha256(value.encode()).hexdigest()[:8]


def golden(name, vocab, change):
    tokenizer = Tokenizer.from_str(json.dumps(tokenizer_json(vocab, change)))
    rows = [tokenizer.encode(text + "<|x|>" + text, add_special_tokens=False).ids for text in TEXTS]
    return {
        "name": name, "vocabulary": vocab, "change": change,
        "ids": "".join(digits(json.dumps(ids, separators=(",", ":"))) for ids in rows),
        "decoded": "".join(digits(tokenizer.decode(ids + ids[::-1], skip_special_tokens=False)) for ids in rows),
    }


if __name__ == "__main__":
    result = {"vocabularies": VOCABULARIES, "texts": TEXTS, "kinds": [golden(*kind) for kind in KINDS]}
    path = ROOT / "tests/fixtures/tokenizer-kinds.json"
    path.write_text(json.dumps(result, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(path.stat().st_size, "bytes,", len(KINDS), "kinds")
