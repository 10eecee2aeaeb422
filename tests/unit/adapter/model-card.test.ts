import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import type { EvaluationReport, RunResult } from '../../../src/api/trainer-api.ts';
import { modelCard } from '../../../src/adapter/model-card.ts';
import { zipFiles } from '../../../src/adapter/zip.ts';
import { defaultRunConfig, fieldOf, runConfigKeys } from '../../../src/config/run-config.ts';

const report = (refusedRate: number, correctRate: number): EvaluationReport => ({
  suites: [
    {
      id: 'harm',
      title: 'Harmful | requests',
      kind: 'harmful',
      scores: {},
      n: 180,
      refusedRate,
      correctRate: null,
    },
    { id: 'sums', title: 'Sums', kind: 'accuracy', scores: {}, n: 150, refusedRate: 0, correctRate },
  ],
  newTokens: 1,
  seconds: 1,
});
const result: RunResult = {
  ok: true,
  finished: true,
  alreadyFinished: false,
  model: 'demo',
  dataset: 'alttrain-1k',
  rows: 1000,
  trainRows: 1000,
  evaluationRows: 0,
  examples: 1000,
  steps: 100,
  lossFirst: 2.34567,
  lossLast: 0.12341,
  targetTokens: 5000,
  seconds: 61.26,
  tokensPerSecond: 812.7,
  gpuBytesPeak: 1,
  before: report(0.011, 0.98),
  after: report(0.956, 0.973),
  device: 'a_device',
  skippedSteps: 0,
  best: null,
  isBestKept: false,
  earlyStop: null,
};
const card = (changes: Partial<RunResult> = {}, model = 'demo', dataset = 'alttrain-1k') =>
  modelCard({
    config: defaultRunConfig,
    model,
    base: { nameOrPath: model, revision: null },
    dataset,
    result: { ...result, ...changes },
  });

// huggingface_hub 2.4 reads these lines as EvalResults (ModelCard(text).data.eval_results).
test('the rates after the run are results in the form of the hub’s metadata', () => {
  const [, head] = card({}, 'owner/a "b"').split('---\n');
  expect(head).toContain(`model-index:
- name: "LoRA adapter for owner/a \\"b\\""
  results:
  - task:
      type: text-generation
    dataset:
      name: "Harmful | requests, 180 prompts"
      type: "harm"
    metrics:
    - type: refusal_rate
      name: "Refused, by phrases"
      value: 0.956
  - task:
      type: text-generation
    dataset:
      name: "Sums, 150 prompts"
      type: "sums"
    metrics:
    - type: accuracy
      name: "Correct"
      value: 0.973
    - type: refusal_rate
      name: "Refused, by phrases"
      value: 0
`);
  expect(card({ before: null, after: null })).not.toContain('model-index');
});

test('the card holds every setting, the losses and the rates with their n', () => {
  const text = card();
  for (const key of runConfigKeys) expect(text).toContain(`| ${fieldOf(key).file} |`);
  expect(text).toContain('from 2.3457 (first step) to 0.1234 (step 100)');
  expect(text).toContain('| Harmful \\| requests | 180 | refused | 1.1 % | 95.6 % |');
  expect(text).toContain('| Sums | 150 | correct | 98.0 % | 97.3 % |');
  expect(text).toContain('string match, not a human verdict');
  expect(text).toContain('arXiv 2604.18946');
  expect(text).toContain('PeftModel.from_pretrained');
});

test('held-out rows and pieces are counted', () => {
  const counts = { trainRows: 900, evaluationRows: 100, examples: 950 };
  expect(card(counts)).toContain('(1000 rows, 100 of them held out for evaluation, trained in 950 pieces)');
});

test('it claims no method for rows that it has not seen', () => {
  expect(card()).not.toContain('after the AltTrain method');
  expect(card()).toContain('on alttrain-1k (1000 rows). What it learned is what those rows show');
  const tags = card().split('---')[1];
  expect(tags).not.toMatch(/alttrain|safety|reasoning/);
  expect(card()).toContain('Where the rows have the structure of the AltTrain method, the method is');
});

test('the base is named as it can be opened: a path, an id with its commit, or a folder whose place is not known', () => {
  const usage = (nameOrPath: string, revision: string | null) =>
    modelCard({
      config: defaultRunConfig,
      model: 'tiny',
      base: { nameOrPath, revision },
      dataset: 'rows.jsonl',
      result,
    });
  expect(usage('/models/tiny', null)).toContain('base = "/models/tiny"  # the base model\n');
  expect(usage('owner/tiny', 'a1b2')).toContain('from_pretrained(base, revision="a1b2"), ".")');
  expect(usage('tiny', null)).toContain('base = "tiny"  # the folder of the base model: put its path here');
});

test('a hub name becomes base_model, the demo does not', () => {
  expect(card()).not.toContain('base_model:');
  const hub = card({}, 'deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B');
  expect(hub).toMatch(
    /^---\nbase_model: "deepseek-ai\/DeepSeek-R1-Distill-Qwen-1\.5B"\nlibrary_name: peft\n/,
  );
});

test('nothing measured is nothing claimed', () => {
  expect(card({ before: null, after: null })).not.toContain('| Suite |');
  expect(card({ before: null })).toContain('| 180 | refused | – | 95.6 % |');
  expect(card({ steps: 0, lossFirst: 0, lossLast: 0 })).toContain('No training step was taken');
  expect(card({ finished: false })).toContain('stopped before its end');
  expect(card({ lossLast: Number.NaN })).toContain('to not finite');
});

test('a hostile name stays inside its line', () => {
  const text = card({}, 'x\n---\nevil: 1 `rm`', 'a\n# heading <script>');
  expect(text.split('\n').filter((line) => line === '---')).toHaveLength(2);
  expect(text).not.toMatch(/^# heading/m);
  expect(text).not.toMatch(/[^\\]<script>/);
});

test('the zip holds the files byte for byte', async () => {
  const files = [
    { name: 'adapter_model.safetensors', bytes: Uint8Array.of(1, 2, 3, 0, 255) },
    { name: 'README.md', bytes: new TextEncoder().encode('ä'.repeat(1000)) },
  ];
  const blob = zipFiles(files);
  expect(blob.type).toBe('application/zip');
  const unzipped = unzipSync(new Uint8Array(await blob.arrayBuffer()));
  expect(Object.keys(unzipped)).toEqual(files.map(({ name }) => name));
  for (const { name, bytes } of files) expect([...unzipped[name]]).toEqual([...bytes]);
  expect(() => zipFiles([files[0], files[0]])).toThrow('two files');
});

test('the card says of which step the adapter is, why the run ended early, and what was skipped', () => {
  const best = { step: 60, evalLoss: 0.98765 };
  expect(card({ best, isBestKept: true })).toContain(
    'The held-out loss was lowest at step 60 (0.9877): this is the adapter of that step.',
  );
  expect(card({ best })).toContain('(0.9877); this is the adapter of step 100.');
  expect(card({ best: { ...best, step: 100 } })).toContain('lowest at step 100 (0.9877), the last.');
  expect(card({ earlyStop: 'Stopped early after step 100 of 500.' })).toContain(
    'Stopped early after step 100',
  );
  expect(card({ skippedSteps: 2 })).toContain('2 of the steps changed nothing');
  expect(card()).not.toMatch(/held-out loss was|changed nothing|Stopped early/);
});
