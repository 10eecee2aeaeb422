"""When transformers stops, and which step it keeps: its own EarlyStoppingCallback and Trainer._determine_best_metric,
in the order in which Trainer._maybe_log_save_evaluate calls them, over sequences of held-out losses.

python scripts/goldens/early_stopping.py > tests/fixtures/early-stopping.json
"""

import json
from types import SimpleNamespace

import transformers
from transformers import EarlyStoppingCallback, Trainer, TrainerControl, TrainerState, TrainingArguments

LOSSES = [
    [2.0, 1.5, 1.2, 1.3, 1.25, 1.21, 1.1],
    [2.0, 1.999, 1.998, 1.997, 1.996],
    [1.0, 1.0, 1.0, 1.0],
    [1.0, 1.1, 0.9, 1.2, 1.3, 0.8],
    [3.0, 2.95, 2.9, 2.85, 2.7, 2.69],
    [float("nan"), 1.0, float("nan"), float("nan"), 0.5],
    [1.0, float("nan"), 0.9, float("inf"), float("nan")],
    [5.0],
]
SETTINGS = [(1, 0.0), (2, 0.0), (3, 0.0), (2, 0.1), (1, 0.05), (2, 0.5)]


def run(losses, patience, threshold):
    args = TrainingArguments(
        output_dir="/tmp/unused",
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=10,
        save_steps=10,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        report_to=[],
        use_cpu=True,
    )
    state, control = TrainerState(), TrainerControl()
    callback = EarlyStoppingCallback(patience, threshold)
    trainer = SimpleNamespace(args=args, state=state)
    callback.on_train_begin(args, state, control)
    for i, loss in enumerate(losses):
        state.global_step = 10 * (i + 1)
        metrics = {"eval_loss": loss}
        callback.on_evaluate(args, state, control, metrics=metrics)
        Trainer._determine_best_metric(trainer, metrics=metrics, trial=None)
        if control.should_training_stop:
            break
    return {
        "losses": [str(loss) for loss in losses],
        "patience": patience,
        "threshold": threshold,
        "stoppedAt": state.global_step if control.should_training_stop else None,
        "bestStep": state.best_global_step,
    }


cases = [run(losses, *setting) for losses in LOSSES for setting in SETTINGS]
lines = ",\n".join(f"    {json.dumps(case)}" for case in cases)
print(f'{{\n  "transformers": "{transformers.__version__}",\n  "cases": [\n{lines}\n  ]\n}}')
