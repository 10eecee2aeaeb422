/** What a bundle says of itself. */
import { isWeighted, type BundleContent } from './bundle.ts';
import { memoryTable } from './memory-table.ts';

export function bundleReadme(content: BundleContent): string {
  const { config, base, data, rows, heldOut, totalSteps, modelFiles, trained } = content;
  const tokens = config.perDeviceTrainBatchSize * config.maxLength;
  return `# ${base.nameOrPath}, trained on ${data.name}

A run of AltTrain Web, to be trained where there are more GPUs: TRL's SFTTrainer and a PEFT adapter under Accelerate. \`train.py\` is
plain Python, and the losses are those of the page, because the token ids, the masks, the order of the rows and the adapter's
first values are in this folder.

\`\`\`
pip install -r requirements.txt
accelerate launch --config_file accelerate/one-gpu.yaml train.py${modelFiles.length > 0 || isHubName(base.nameOrPath) ? '' : ' --model <folder of the base model>'}
npm run import-run -- --from output --out runs/from-there
\`\`\`

The third command runs in AltTrain Web; in its page, the folder \`output\` is dropped anywhere, or chosen under “Runs”.

| File | What it is |
| --- | --- |
| \`config.json\` | the settings of the run, under the names of transformers, TRL and PEFT; the base model; where the data came from |
| \`data/rows.jsonl\` | ${rows.length} rows as \`input_ids\` and \`labels\` (−100: not trained)${isWeighted(content) ? ', with `weights` where a row has them' : ''}; \`line\` is the row's number in the file |
${heldOut.length > 0 ? `| \`data/held_out.jsonl\` | ${heldOut.length} rows of the evaluation loss |\n` : ''}| \`data/steps.jsonl\` | for each of the ${totalSteps} optimizer steps its micro-batches, as numbers of rows |
| \`start/\` | the adapter that the first step begins with: ${startOf(content)} |
${trained === null ? '' : '| `trained/` | what the page has trained; `--from-adapter trained` starts from it |\n'}${modelFiles.length > 0 ? '| `model/` | the base model, which no hub has |\n' : ''}| \`accelerate/\` | one GPU, several (DDP), and base weights in parts (FSDP, DeepSpeed ZeRO-3) |
| \`slurm.sbatch\`, \`sky.yaml\` | the same on a cluster with Slurm, and on clouds with SkyPilot: change the lines at their tops |

## Data

${data.origin} Digest of the tokens, masks and weights: \`${data.digest}\`. The rows are here as text that can be decoded: who gets this folder gets the data.

## What is the same as in the page, and what is not

${sameness(content)
  .map((line) => `- ${line}`)
  .join('\n')}

## What each size of model needs

An estimate for r = ${config.r}, these target modules and ${tokens} tokens at once (batch size × max_length; \`--micro-batch 1\` takes fewer), with gradient checkpointing:

${memoryTable({ r: config.r, targetModules: config.targetModules, tokens })}

weights (bf16: 2 bytes each; nf4: 0.53 in the layers, 2 in embedding and head) + 16 bytes a value of the adapter + 2·N·(C·L + 16·C + 6·F) bytes of activations for N tokens, width C, L layers, feed-forward width F + 1 GiB.
\`--dtype float32\`, the default without quantisation, doubles weights and activations. FSDP and ZeRO-3 divide the weights by the number of GPUs.
`;
}

const isHubName = (name: string): boolean => /^[\w.-]+\/[\w.-]+$/.test(name) && !name.startsWith('.');

const startOf = ({ start, config }: BundleContent): string =>
  start.kind === 'fresh' ? `the values of seed ${config.seed}, B zero` : start.name;

function sameness({ config, start }: BundleContent): string[] {
  const { quantization, precision, loraDropout, maxConsecutiveSkippedSteps } = config;
  return [
    'A step takes the same rows on any number of processes, and its loss is the mean over all of its trained tokens: `--micro-batch`, the number of GPUs and padding change nothing but the last digits.',
    'Schedule, warm-up, AdamW, clipping, rank, alpha and targets are those of the run, and base weights are float32 unless `--dtype` says otherwise.',
    ...(start.kind === 'adapter'
      ? [`The run starts from ${start.name}. How the adapter began that it comes from is not known here.`]
      : []),
    ...(quantization === 'nf4' || quantization === 'int8'
      ? [
          `The base weights are held as ${quantization}, by bitsandbytes here and by its own kernels in the page: near, and not the same. TRL holds the adapter of a quantised model in bfloat16.`,
        ]
      : []),
    ...(quantization === 'f16'
      ? ['The base weights are rounded to float16 once, as in the page, and computed with in float32.']
      : []),
    ...(precision === 'f16' ? ['The page multiplied in float16 (precision f16); here it is float32.'] : []),
    ...(loraDropout > 0
      ? ['Dropout draws other masks than the page: the first loss is the same, those after it are near.']
      : []),
    `A step whose loss is not finite is not left out here (max_consecutive_skipped_steps ${maxConsecutiveSkippedSteps} has no counterpart).`,
    'Sample traces and suites are asked by the page, when the adapter is opened there.',
  ];
}
