/**
 * The README.md that goes with an adapter: a Hugging Face model card with the run's settings and results,
 * as they are. Names come from users, so they are quoted in YAML and escaped in Markdown.
 */
import type { EvaluationReport, RunResult, SuiteResult } from '../api/trainer-api.ts';
import type { BaseModelName } from './peft-config.ts';
import { fieldOf, loraScaling, runConfigKeys, type RunConfig } from '../config/run-config.ts';

/** As YAML and Python both read it. */
const quoted = (text: string): string => JSON.stringify(text);

interface ModelCardInput {
  readonly config: RunConfig;
  readonly model: string;
  readonly base: BaseModelName;
  readonly dataset: string;
  readonly result: RunResult;
}

export function modelCard({ config, model, base, dataset, result }: ModelCardInput): string {
  const sections = [
    frontMatter(model, result),
    `# LoRA adapter for ${inline(model)}`,
    `Trained in a browser on WebGPU with AltTrain Web, on ${inline(dataset)} (${rowsOf(result)}). What it learned is what those rows show: where they have the structure of the AltTrain method (problem understanding → harmfulness assessment → conditional reasoning), that structure. It changes ${config.targetModules.join(', ')} at rank ${config.r}, scaled by ${round(loraScaling(config), 4)}; the base model's weights are unchanged and not included.`,
    '## Results',
    results(result),
    rates(result.before, result.after),
    '## Use with PEFT',
    usage(base),
    '## Settings',
    'Names and meanings are those of transformers, TRL and PEFT. The same settings are in `run_config.json`, the curve in `metrics.jsonl`.',
    settingsTable(config),
    '## Limits',
    'Refusals are counted by matching phrases, which is a string match, not a human verdict. A model that refuses more may also refuse harmless requests: compare the rates on harmless suites before you use it.',
    '## Citation',
    citation,
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

function rowsOf({ rows, trainRows, evaluationRows, examples }: RunResult): string {
  const held = evaluationRows > 0 ? `, ${evaluationRows} of them held out for evaluation` : '';
  const pieces = examples > trainRows ? `, trained in ${examples} pieces` : '';
  return `${rows} rows${held}${pieces}`;
}

function frontMatter(model: string, { before, after }: RunResult): string {
  // The hub accepts only an owner/name here; a local folder or the demo has none.
  const base = isHubId(model) ? [`base_model: ${quoted(model)}`] : [];
  const lines = [...base, 'library_name: peft', 'pipeline_tag: text-generation'];
  // Nothing that depends on the rows: what they taught is not known here.
  const tags = ['lora', 'webgpu'].map((tag) => `- ${tag}`);
  return ['---', ...lines, 'tags:', ...tags, ...modelIndex(model, after ?? before), '---'].join('\n');
}

/** The rates of the suites as the hub's metadata have results: https://huggingface.co/docs/hub/model-cards#evaluation-results */
function modelIndex(model: string, report: EvaluationReport | null): string[] {
  const results = (report?.suites ?? []).flatMap((suite): string[] => {
    const { id, title, correctRate, refusedRate, n } = suite;
    const rates: readonly (readonly [string, string, number | null])[] = [
      ['accuracy', 'Correct', suite.kind === 'accuracy' ? correctRate : null],
      ['refusal_rate', 'Refused, by phrases', refusedRate],
    ];
    const metrics = rates.flatMap(([type, name, value]) =>
      value === null
        ? []
        : [`    - type: ${type}`, `      name: ${quoted(name)}`, `      value: ${round(value, 4)}`],
    );
    if (metrics.length === 0) return [];
    return [
      '  - task:',
      '      type: text-generation',
      '    dataset:',
      `      name: ${quoted(`${title}, ${n} prompts`)}`,
      `      type: ${quoted(id)}`,
      '    metrics:',
      ...metrics,
    ];
  });
  if (results.length === 0) return [];
  return ['model-index:', `- name: ${quoted(`LoRA adapter for ${model}`)}`, '  results:', ...results];
}

function results(result: RunResult): string {
  if (result.steps === 0) return 'No training step was taken: this is the adapter the run started from.';
  const ended = result.finished ? '' : ' The run was stopped before its end.';
  const early = result.earlyStop === null ? '' : ` ${result.earlyStop}`;
  const skipped =
    result.skippedSteps === 0
      ? ''
      : ` ${result.skippedSteps} of the steps changed nothing, because their loss or gradient was not finite.`;
  return `Loss per target token went from ${round(result.lossFirst, 4)} (first step) to ${round(result.lossLast, 4)} (step ${result.steps}), over ${result.targetTokens} target tokens in ${round(result.seconds, 1)} s (${round(result.tokensPerSecond, 0)} tokens/s on ${inline(result.device)}).${ended}${early}${skipped}${best(result)}`;
}

function best({ best: lowest, isBestKept, steps }: RunResult): string {
  if (lowest === null) return '';
  const { step, evalLoss } = lowest;
  const loss = `The held-out loss was lowest at step ${step} (${round(evalLoss, 4)})`;
  if (isBestKept) return ` ${loss}: this is the adapter of that step.`;
  return step === steps ? ` ${loss}, the last.` : ` ${loss}; this is the adapter of step ${steps}.`;
}

/** A suite that was measured only once still has its row. */
function rates(before: EvaluationReport | null, after: EvaluationReport | null): string {
  const ids = [...new Set([before, after].flatMap((report) => report?.suites.map(({ id }) => id) ?? []))];
  if (ids.length === 0) return '';
  const find = (report: EvaluationReport | null, id: string): SuiteResult | undefined =>
    report?.suites.find((suite) => suite.id === id);
  const rows = ids.flatMap((id) => {
    const [from, to] = [find(before, id), find(after, id)];
    const suite = to ?? from;
    if (suite === undefined) return [];
    const row = (what: string, rate: (result: SuiteResult) => number | null): string =>
      `| ${cell(suite.title)} | ${suite.n} | ${what} | ${percent(from && rate(from))} | ${percent(to && rate(to))} |`;
    const refused = row('refused', ({ refusedRate }) => refusedRate);
    return suite.kind === 'accuracy'
      ? [row('correct', ({ correctRate }) => correctRate), refused]
      : [refused];
  });
  return [
    '| Suite | n | measured | base | adapter |',
    '|---|--:|---|--:|--:|',
    ...rows,
    '',
    'Greedy answers, counted by string match, not a human verdict.',
  ].join('\n');
}

const isHubId = (name: string): boolean => /^[\w.-]+\/[\w.-]+$/.test(name);

function usage({ nameOrPath, revision }: BaseModelName): string {
  const isPath = /[\\/]/.test(nameOrPath) && !isHubId(nameOrPath);
  // A page knows the name of a picked folder and not where it lies.
  const what =
    isPath || isHubId(nameOrPath) ? 'the base model' : 'the folder of the base model: put its path here';
  const pinned = revision === null ? '' : `, revision=${quoted(revision)}`;
  return [
    '```python',
    'from peft import PeftModel',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    `base = ${quoted(nameOrPath)}  # ${what}`,
    `tokenizer = AutoTokenizer.from_pretrained(base${pinned})`,
    `model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base${pinned}), ".")  # this folder`,
    'messages = [{"role": "user", "content": "How do I bake bread?"}]',
    'inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)',
    'output = model.generate(**inputs, max_new_tokens=256, do_sample=False)',
    'print(tokenizer.decode(output[0, inputs["input_ids"].shape[1]:]))',
    '```',
  ].join('\n');
}

function settingsTable(config: RunConfig): string {
  const rows = runConfigKeys.map((key) => {
    const value = config[key];
    return `| ${fieldOf(key).file} | ${cell(typeof value === 'object' ? value.join(', ') : String(value))} |`;
  });
  return ['| Setting | Value |', '|---|---|', ...rows].join('\n');
}

const citation = [
  'Where the rows have the structure of the AltTrain method, the method is that of *Reasoning Structure Matters for Safety Alignment of Reasoning Models*, In, Kim, Park, Park, ACL 2026, [arXiv 2604.18946](https://arxiv.org/abs/2604.18946).',
  '',
  '```bibtex',
  '@inproceedings{in2026alttrain,',
  '  title  = {Reasoning Structure Matters for Safety Alignment of Reasoning Models},',
  '  author = {In and Kim and Park and Park},',
  '  year   = {2026},',
  '  note   = {arXiv:2604.18946}',
  '}',
  '```',
].join('\n');

const round = (value: number, digits: number): string =>
  Number.isFinite(value) ? String(Number(value.toFixed(digits))) : 'not finite';
const percent = (rate: number | null | undefined): string =>
  rate === null || rate === undefined ? '–' : `${(100 * rate).toFixed(1)} %`;
const cell = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\|<]/g, String.raw`\$&`);
const inline = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<]/g, String.raw`\$&`);
