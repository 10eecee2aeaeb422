"""Trains the run that this bundle holds: TRL's SFTTrainer and a PEFT adapter under Accelerate.

Nothing is tokenized here. data/rows.jsonl has the token ids, labels and weights that AltTrain Web made of the dataset,
data/steps.jsonl says which rows are in which micro-batch of which optimizer step, start/ holds the adapter that the first
step begins with, and config.json the settings. So the losses are those of the page, whatever the number of GPUs is:
a step's rows are dealt to the processes, and its loss is the mean over all of its trained tokens.

    accelerate launch --config_file accelerate/one-gpu.yaml train.py

`python train.py --help` lists the options.
"""

import argparse
import json
import math
import os
import shutil
import sys

here = os.path.dirname(os.path.abspath(__file__))
IGNORED = -100  # the label of a token that is not trained


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", help="folder or hub name of the base model (default: ./model where there is one, else what config.json names)")
    parser.add_argument("--revision", help="of a hub model (default: what config.json names)")
    parser.add_argument("--from-adapter", help='start with another adapter: a folder, or "trained" for the one in this bundle')
    parser.add_argument("--output", default=os.path.join(here, "output"), help="where adapter, trainer_state.json and checkpoints go (default: output)")
    parser.add_argument("--dtype", choices=["float32", "bfloat16", "float16"], help="of the base weights (default: float32, as the page computes)")
    parser.add_argument("--quantize", choices=["none", "nf4", "int8"], help="base weights by bitsandbytes, on CUDA (default: what config.json says)")
    parser.add_argument("--micro-batch", type=int, help="rows (or packs) that a process takes at once; changes speed and memory, not the losses")
    parser.add_argument("--attention", help="flash_attention_2, sdpa, eager (default: what transformers chooses)")
    parser.add_argument("--stop-after", type=int, help="end after this many steps; schedule and data stay those of the whole run")
    parser.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --output")
    parser.add_argument("--check", action="store_true", help="read and check everything, and train nothing")
    return parser.parse_args()


def fail(message):
    print(f"train.py: {message}", file=sys.stderr)
    sys.exit(2)


def read_json(*path):
    with open(os.path.join(here, *path), encoding="utf-8") as file:
        return json.load(file)


arguments = read_arguments()
bundle = read_json("config.json")
if bundle.get("format") != "alttrain-web-bundle-1":
    fail(f'config.json has format {bundle.get("format")!r}, this train.py reads "alttrain-web-bundle-1".')
run = bundle["run"]

import torch  # noqa: E402  after what can be refused without it
from accelerate import PartialState  # noqa: E402
from datasets import load_dataset  # noqa: E402
from peft import PeftModel, prepare_model_for_kbit_training  # noqa: E402
from transformers import (  # noqa: E402
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    EarlyStoppingCallback,
    TrainerCallback,
)
from trl import SFTConfig, SFTTrainer  # noqa: E402


# ---- The base model -------------------------------------------------------------------------------------------------


def model_place():
    """Name or folder, and revision."""
    base = bundle["base_model"]
    shipped = os.path.join(here, "model")
    name = arguments.model or (shipped if os.path.isdir(shipped) else base["name_or_path"])
    is_hub_name = name.count("/") == 1 and not name.startswith((".", "/"))
    if not os.path.isdir(name) and not is_hub_name:
        fail(f'the base model "{name}" is no folder here and no name of the hub: give it with --model, or put its files into {shipped}.')
    return name, arguments.revision or (base["revision"] if name == base["name_or_path"] else None)


def check_model(name, revision):
    """Another model of the same family would train without complaint, and as something else."""
    config = AutoConfig.from_pretrained(name, revision=revision)
    for key, wanted in bundle["base_model"]["architecture"].items():
        found = getattr(config, key, None)
        if found != wanted:
            fail(f"{name} is not the model of this run: its {key} is {found}, the run's {wanted}.")


def load_model(name, revision):
    quantize = arguments.quantize or {"nf4": "nf4", "int8": "int8"}.get(run["quantization"], "none")
    if quantize != "none" and not torch.cuda.is_available():
        fail(f"the run holds its base weights as {quantize}, which bitsandbytes does on CUDA: use a GPU, or give --quantize none.")
    dtype = getattr(torch, arguments.dtype or ("bfloat16" if quantize != "none" else "float32"))
    options = {"revision": revision, "dtype": dtype}
    if arguments.attention:
        options["attn_implementation"] = arguments.attention
    if quantize == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype, bnb_4bit_quant_storage=dtype
        )
    if quantize == "int8":
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    if quantize != "none":
        options["device_map"] = {"": PartialState().local_process_index}
    model = AutoModelForCausalLM.from_pretrained(name, **options)
    if run["quantization"] == "f16" and quantize == "none" and dtype == torch.float32:
        for parameter in model.parameters():  # the page rounds them once, and computes in float32
            parameter.data = parameter.data.to(torch.float16).float()
    if quantize != "none":
        model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=checkpointing)
    return model


def adapter_folder():
    given = arguments.from_adapter
    folder = os.path.join(here, "trained" if given == "trained" else "start") if given in (None, "trained") else given
    if not os.path.isfile(os.path.join(folder, "adapter_config.json")):
        fail(f"there is no adapter in {folder}.")
    return folder


# ---- The data -------------------------------------------------------------------------------------------------------


def read_rows(name):
    path = os.path.join(here, "data", name)
    # Arrow files that lie on the disk: memory does not grow with the rows.
    with PartialState().main_process_first():
        return load_dataset("json", data_files=path, split="train")


def read_steps():
    with open(os.path.join(here, "data", "steps.jsonl"), encoding="utf-8") as file:
        steps = [json.loads(line) for line in file]
    if len(steps) != bundle["total_steps"]:
        fail(f'data/steps.jsonl has {len(steps)} steps, config.json {bundle["total_steps"]}: the bundle is not whole.')
    return steps


def share_of(units, rank, processes, size, count):
    """The micro-batches of one process: all have as many, so that they stay in step; one without rows is []."""
    dealt = [units[i : i + size] for i in range(0, len(units), size)]
    dealt += [[]] * (count * processes - len(dealt))
    return dealt[rank::processes]


class StepSampler(torch.utils.data.Sampler):
    """Gives the micro-batches of this process, epoch by epoch, in the order of data/steps.jsonl."""

    def __init__(self, steps, shape, rank, processes):
        super().__init__()
        self.steps, self.shape, self.rank, self.processes = steps, shape, rank, processes
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return bundle["steps_per_epoch"] * self.shape["count"]  # max_steps may end within an epoch

    def __iter__(self):
        first = self.epoch * bundle["steps_per_epoch"]
        for step, micro_batches in enumerate(self.steps[first : first + bundle["steps_per_epoch"]], first):
            units = [unit for micro_batch in micro_batches for unit in micro_batch]
            for share in share_of(units, self.rank, self.processes, self.shape["size"], self.shape["count"]):
                yield [(step, unit) for unit in share] or [(step, None)]


class Units(torch.utils.data.Dataset):
    """Rows by unit: a row by itself, or the rows of a pack. None is a row of which nothing is trained."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        step, unit = key
        if unit is None:
            ids = self.rows[0]["input_ids"][:2]
            return {"step": step, "rows": [{"input_ids": ids, "labels": [IGNORED] * len(ids)}]}
        return {"step": step, "rows": [self.rows[row] for row in unit]}


class Loader(torch.utils.data.DataLoader):
    def set_epoch(self, epoch):
        self.batch_sampler.set_epoch(epoch)


class Collator:
    """Rows side by side with padding at their ends; packs in one line, each row with positions of its own."""

    def __init__(self, pad_id, weight_sums):
        self.pad_id = pad_id
        self.weight_sums = weight_sums  # of each step; None: the rows have no weights

    def __call__(self, units):
        rows = [row for unit in units for row in unit["rows"]]
        batch = self.flat(rows) if bundle["packed"] else self.padded(rows)
        if self.weight_sums is not None:
            batch["weight_sum"] = torch.tensor(self.weight_sums[units[0]["step"]], dtype=torch.float64)
        return batch

    def columns(self):
        return ["input_ids", "labels"] + (["weights"] if self.weight_sums is not None else [])

    def value_of(self, row, column):
        return row.get(column) or [1.0] * len(row["input_ids"])  # a row without weights among rows that have them

    def padded(self, rows):
        longest = max(len(row["input_ids"]) for row in rows)
        fills = {"input_ids": self.pad_id, "labels": IGNORED, "weights": 0.0}
        batch = {
            column: torch.tensor([self.value_of(row, column) + [fills[column]] * (longest - len(row["input_ids"])) for row in rows])
            for column in self.columns()
        }
        batch["attention_mask"] = torch.tensor([[1] * len(row["input_ids"]) + [0] * (longest - len(row["input_ids"])) for row in rows])
        return batch

    def flat(self, rows):
        batch = {column: torch.tensor([[value for row in rows for value in self.value_of(row, column)]]) for column in self.columns()}
        batch["position_ids"] = torch.tensor([[at for row in rows for at in range(len(row["input_ids"]))]])
        return batch


# ---- The training ---------------------------------------------------------------------------------------------------


class BundleTrainer(SFTTrainer):
    def __init__(self, *, sampler, held_out, **options):
        super().__init__(**options)
        self.sampler, self.held_out = sampler, held_out

    def get_train_dataloader(self):
        # Dealt to the processes already, so Accelerate has nothing to do with it.
        return Loader(Units(self.train_dataset), batch_sampler=self.sampler, collate_fn=self.data_collator)

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        weight_sum = inputs.pop("weight_sum", None)
        weights = inputs.pop("weights", None)
        if weight_sum is None:
            # TRL's own: the sum over this micro-batch, by the trained tokens of the whole step on all processes.
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        # The same with weights: sum of weight * -log p, by the sum of the weights of the whole step.
        labels = inputs.pop("labels")
        logits = model(**inputs, use_cache=False).logits[:, :-1].float()
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="none", ignore_index=IGNORED)
        total = 1.0 if num_items_in_batch == 1 else weight_sum.to(losses.device)  # 1: a sum is asked for
        return ((losses * weights[:, 1:].flatten()).sum() / total).float() * self.accelerator.num_processes

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """The mean over all trained tokens of the held-out rows, as the page has it; Trainer's is a mean of batches."""
        self.model.eval()
        size = self.args.per_device_eval_batch_size
        batches = [[row] for row in range(len(self.held_out))]
        batches = [sum(batches[i : i + size], []) for i in range(0, len(batches), size)]
        processes, rank = self.accelerator.num_processes, self.accelerator.process_index
        sums = torch.zeros(2, dtype=torch.float64)
        units = Units(self.held_out)
        for i in range(math.ceil(len(batches) / processes)):
            at = i * processes + rank
            unit = (0, batches[at] if at < len(batches) else None)
            inputs = self._prepare_inputs(self.data_collator([units[unit]]))
            weight = inputs["weights"][:, 1:] if "weights" in inputs else torch.ones_like(inputs["labels"][:, 1:])
            sums[1] += (weight * (inputs["labels"][:, 1:] != IGNORED)).sum().item()
            with torch.no_grad(), self.compute_loss_context_manager():
                sums[0] += self.compute_loss(self.model_wrapped, inputs, num_items_in_batch=1).item() / processes
        loss, count = self.accelerator.gather(sums[None].to(self.args.device, torch.float32)).double().sum(0).tolist()
        metrics = {f"{metric_key_prefix}_loss": loss / count}
        self._metrics["eval"].clear()
        self.log(dict(metrics))
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        self.model.train()
        return metrics


class StopAfter(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = control.should_training_stop or state.global_step >= arguments.stop_after
        return control


def micro_batch_shape(processes):
    """How many rows (or packs) a process takes at once, and how often in a step. Any shape gives the same losses."""
    per_step = run["per_device_train_batch_size"] * run["gradient_accumulation_steps"]
    if arguments.micro_batch is not None:
        size = arguments.micro_batch
        return {"size": size, "count": math.ceil(per_step / (size * processes))}
    count = math.ceil(run["gradient_accumulation_steps"] / processes)
    return {"size": math.ceil(per_step / (count * processes)), "count": count}


def settings(shape):
    has_held_out = bundle["rows"]["held_out"] > 0
    keeps_best = run["load_best_model_at_end"] or run["early_stopping_patience"] > 0
    return SFTConfig(
        output_dir=arguments.output,
        max_steps=bundle["total_steps"],
        per_device_train_batch_size=shape["size"],
        per_device_eval_batch_size=run["per_device_train_batch_size"],
        gradient_accumulation_steps=shape["count"],
        learning_rate=run["learning_rate"],
        lr_scheduler_type=run["lr_scheduler_type"],
        warmup_steps=run["warmup_steps"],
        weight_decay=run["weight_decay"],
        adam_beta1=run["adam_beta1"],
        adam_beta2=run["adam_beta2"],
        adam_epsilon=run["adam_epsilon"],
        max_grad_norm=run["max_grad_norm"],
        optim="adamw_torch",
        seed=run["seed"],
        bf16=arguments.dtype == "bfloat16" or (arguments.dtype is None and torch.cuda.is_available() and is_quantized),
        fp16=arguments.dtype == "float16",
        gradient_checkpointing=checkpointing,
        average_tokens_across_devices=True,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        remove_unused_columns=False,
        logging_steps=run["logging_steps"],
        logging_nan_inf_filter=False,
        report_to="none",
        eval_strategy="steps" if has_held_out else "no",
        eval_steps=run["eval_steps"] if has_held_out else None,
        save_steps=run["eval_steps"] if keeps_best else run["save_steps"],
        save_total_limit=2,
        load_best_model_at_end=keeps_best,
        metric_for_best_model="eval_loss" if keeps_best else None,
        greater_is_better=False if keeps_best else None,
        ddp_find_unused_parameters=False,
        disable_tqdm=not sys.stderr.isatty(),
    )


def weight_sums(rows, steps):
    if not bundle["weighted"]:
        return None
    sums = [
        sum(weight for weight, label in zip(row["weights"] or [1.0] * len(row["labels"]), row["labels"]) if label != IGNORED)
        for row in rows
    ]
    return [sum(sums[row] for micro_batch in step for unit in micro_batch for row in unit) for step in steps]


checkpointing = run["gradient_checkpointing"] != "off"
is_quantized = (arguments.quantize or run["quantization"]) in ("nf4", "int8")


def main():
    state = PartialState()
    name, revision = model_place()
    check_model(name, revision)
    start = adapter_folder()
    steps = read_steps()
    rows = read_rows("rows.jsonl")
    held_out = read_rows("held_out.jsonl") if bundle["rows"]["held_out"] > 0 else []
    if len(rows) != bundle["rows"]["train"] or len(held_out) != bundle["rows"]["held_out"]:
        fail(f'data has {len(rows)} rows and {len(held_out)} held out, config.json {bundle["rows"]["train"]} and {bundle["rows"]["held_out"]}: the bundle is not whole.')
    shape = micro_batch_shape(state.num_processes)
    if state.is_main_process:
        print(f'{bundle["total_steps"]} steps on {state.num_processes} process(es): {shape["count"]} micro-batch(es) of up to {shape["size"]} each')
        if arguments.from_adapter:
            print(f"Starting from {start}: the losses are not those of the run in the page.")
    if arguments.check:
        return
    if state.is_main_process:  # already now, so that a run that is cut off can be opened too
        os.makedirs(arguments.output, exist_ok=True)
        shutil.copy(os.path.join(here, "config.json"), os.path.join(arguments.output, "bundle_config.json"))
    config = settings(shape)  # before the model: with ZeRO-3 it is loaded in parts
    tokenizer = AutoTokenizer.from_pretrained(name, revision=revision)
    model = PeftModel.from_pretrained(
        load_model(name, revision), start, is_trainable=True,
        # FSDP and ZeRO-3 take parameters of one kind only.
        autocast_adapter_dtype=not (config.deepspeed_plugin or os.environ.get("ACCELERATE_USE_FSDP") == "true"),
    )
    model.peft_config["default"].base_model_name_or_path = bundle["base_model"]["name_or_path"]
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    callbacks = [StopAfter()] if arguments.stop_after else []
    if run["early_stopping_patience"] > 0:
        callbacks.append(EarlyStoppingCallback(run["early_stopping_patience"], run["early_stopping_threshold"]))
    trainer = BundleTrainer(
        sampler=StepSampler(steps, shape, state.process_index, state.num_processes),
        held_out=held_out,
        model=model,
        args=config,
        train_dataset=rows,
        eval_dataset=held_out or None,
        data_collator=Collator(pad_id if pad_id is not None else 0, weight_sums(rows, steps)),
        processing_class=tokenizer,
        callbacks=callbacks,
    )
    trainer.train(resume_from_checkpoint=arguments.resume)
    trainer.save_model()  # adapter_model.safetensors, adapter_config.json
    trainer.save_state()  # trainer_state.json: the curve
    if state.is_main_process:
        print(f"Done. {arguments.output} opens in AltTrain Web as a run.")


if __name__ == "__main__":
    main()
