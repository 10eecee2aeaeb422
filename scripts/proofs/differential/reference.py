"""The reference of `npm run proof:differential`: what transformers, PEFT and TRL make of the cases in a folder.

    python scripts/proofs/differential/reference.py FOLDER

FOLDER/jobs.jsonl has one job a line, FOLDER/reference.jsonl gets one answer a line, in the same order; one process for all of
them, because importing torch and transformers takes longer than most jobs.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))


def main(folder: Path) -> None:
    import reference_models
    import reference_rows
    import reference_tokenizers

    answers = {
        "versions": lambda job: reference_models.versions(),
        "config": reference_models.model_loss,
        "adapter": reference_models.adapter_loss,
        "tokenizer": reference_tokenizers.tokens,
        "rows": reference_rows.rows,
    }
    with open(folder / "jobs.jsonl", encoding="utf-8") as jobs, open(folder / "reference.jsonl", "w", encoding="utf-8") as out:
        for line in jobs:
            job = json.loads(line)
            try:
                answer = answers[job["kind"]](job)
            except Exception as error:  # whatever the libraries throw is their answer
                answer = {"kind": "refused", "code": type(error).__name__, "message": str(error)[:2000]}
            out.write(json.dumps({"id": job["id"], **answer}, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
