/** `npm run build-dataset`: prompts with traces → AltTrain rows, or those of a baseline. `--help` says the rest. */
import { resolve } from 'node:path';
import type {
  BuildOptions,
  BuildResult,
  HarmLabel,
  Lengths,
  Question,
  SourceReport,
  Templates,
} from '../src/api/builder-api.ts';
import { TrainerError } from '../src/support/trainer-error.ts';
import { nothingWritten, toJsonl } from '../src/alttrain/build-dataset.ts';
import { createBuilder } from '../src/alttrain/builder.ts';
import { defaultTemplates, parseTemplates } from '../src/alttrain/templates.ts';
import { paperTokensPerSample } from '../src/config/paper-figures.ts';
import { percentOf } from '../src/support/units.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import {
  buildDatasetHelp,
  defaultCount,
  parseBuildDatasetArgs,
  wantsTemplates,
  type BuildDatasetOptions,
} from './cli/build-dataset-args.ts';
import { runCommand } from './cli/exit.ts';
import { openDataset } from './cli/dataset-files.ts';
import { readJson } from './cli/files.ts';
import { hubAccess, modelInput, reasonOf, type HubAccess } from './cli/inputs.ts';
import { requireOutFile, writeOutFile } from './cli/out-file.ts';
import { asMessage, printJson } from './cli/terminal.ts';
import { openTokenizer, tokenLengths, type TokenLengths } from './cli/token-lengths.ts';

function readTemplates(path: string | null): Templates {
  if (path === null) return defaultTemplates;
  let value: unknown;
  try {
    value = readJson(path);
  } catch (error) {
    throw new TrainerError('config-invalid', `--templates ${path} cannot be read: ${reasonOf(error)}.`);
  }
  return parseTemplates(value);
}

/** The parts of a dataset of the hub are sources of their own: the builder names rows by file and line. */
async function addFiles(
  builder: ReturnType<typeof createBuilder>,
  role: HarmLabel,
  names: readonly string[],
  hub: HubAccess,
): Promise<SourceReport[]> {
  const reports: SourceReport[] = [];
  for (const name of names) {
    const { files } = await openDataset(name, hub);
    for (const file of files) {
      const report = await builder.addSource(role, file.name, file.blob);
      sayReport(report);
      reports.push(report);
    }
  }
  return reports;
}

function sayReport({
  name,
  totalRows,
  harmful,
  benign,
  withTrace,
  understandingFound,
  rejected,
  unusedColumns,
  answerLabels,
}: SourceReport): void {
  console.error(
    `${name}: ${harmful} harmful and ${benign} benign of ${totalRows} rows; ${withTrace} traces, ${understandingFound} begin with an understanding`,
  );
  for (const { name: column, filledShare } of unusedColumns)
    console.error(
      `  not used: ${column} (in ${percentOf(filledShare)} of the rows)${answerLabels.includes(column) ? ', a label of the answer, not of the request' : ''}`,
    );
  for (const { line, code, reason } of rejected.slice(0, 10))
    console.error(asMessage(`  line ${line}: ${code}: ${reason}`));
  if (rejected.length > 10) console.error(`  … and ${rejected.length - 10} more`);
}

/** Answers of the model, by row key. */
async function ask(
  { host, model, quantization, maxNewTokens, seed }: BuildDatasetOptions,
  questions: readonly Question[],
): Promise<Record<string, string>> {
  if (model === null || questions.length === 0) return {};
  const { generateAnswers } = await import('./cli/generate-answers.ts'); // the slow part, loaded once the input is good
  const { served, mounts } = modelInput(model);
  const prompts = questions.map(({ prompt }) => prompt);
  const request = { prompts, maxNewTokens, temperature: 0, seed, useAdapter: false };
  const answers = await generateAnswers({ model: served, quantization, adapter: null, request }, mounts, {
    host,
    hubUrl: null,
  });
  return Object.fromEntries(questions.map(({ key }, i) => [key, answers[i].trace.text]));
}

async function build(options: BuildDatasetOptions, asJson: boolean): Promise<void> {
  const { model, shape, harmfulShare, seed, onlyRefused, writeTraces, writeAssessments } = options;
  const out = resolve(options.out);
  requireOutFile(out);
  const templates = readTemplates(options.templatesPath);
  if (model !== null && (writeTraces || writeAssessments)) modelInput(model);
  const tokenizer = model === null ? null : await openTokenizer(model);
  const hub = hubAccess(options.hubUrl);
  const builder = createBuilder();
  const sources = [
    ...(await addFiles(builder, 'harmful', options.harmfulFiles, hub)),
    ...(await addFiles(builder, 'benign', options.benignFiles, hub)),
  ];
  const wish: BuildOptions = {
    shape,
    count: 0,
    harmfulShare,
    seed,
    templates,
    onlyRefused,
    writeTraces,
    writeAssessments,
  };
  const most = await builder.mostRows(wish);
  const plan: BuildOptions = {
    ...wish,
    count: options.count ?? (most > 0 ? Math.min(defaultCount, most) : defaultCount),
  };
  await builder.questions('traces', plan, nothingWritten); // refuses a mix that cannot be had before a model is loaded
  const traces = writeTraces
    ? await ask(options, await builder.questions('traces', plan, nothingWritten))
    : {};
  const withTraces = { ...nothingWritten, traces };
  const assessments = writeAssessments
    ? await ask(options, await builder.questions('assessments', plan, withTraces))
    : {};
  const result = await builder.build(plan, { traces, assessments });
  const tokens = tokenizer === null ? null : await tokenLengths(result.rows, tokenizer);
  writeOutFile(out, toJsonl(result.rows));
  report(result, sources, tokens, out, asJson);
}

const lengthsText = ({ mean, median, max }: Lengths): string =>
  `mean ${mean.toFixed(1)}, median ${median}, longest ${max}`;

function report(
  { report: counts }: BuildResult,
  sources: readonly SourceReport[],
  tokens: TokenLengths | null,
  out: string,
  asJson: boolean,
): void {
  const { rows, harmful, benign, understanding, assessment, unfit, unused, failed } = counts;
  console.log(`${rows} rows (${harmful} harmful, ${benign} benign) in ${out}`);
  console.log(`PU: ${understanding.trace} from the trace, ${understanding.template} by template`);
  console.log(
    `HA: ${assessment.template} by template, ${assessment.model} by the model, ${counts.assessmentsDiscarded} of the model's not used`,
  );
  console.log(`Read back with the right verdict: ${counts.recognised} of ${rows}`);
  if (counts.answeredInFile > 0)
    console.log(
      `${counts.answeredInFile} of the ${harmful} harmful rows are answered, not refused, in their file: --only-refused leaves such rows out`,
    );
  console.log(
    `Not used: ${unused} not drawn, ${unfit.length} do not fit, ${failed.length} without a usable trace of the model`,
  );
  for (const { file, line, code, reason } of [...unfit, ...failed].slice(0, 10))
    console.error(asMessage(`  ${file}, line ${line}: ${code}: ${reason}`));
  console.log(`Words per sample: ${lengthsText(counts.words.sample)}`);
  if (tokens !== null)
    console.log(
      `Tokens per sample: ${lengthsText(tokens.sample)}; trained: ${lengthsText(tokens.trained)} (paper: ${paperTokensPerSample} per sample)`,
    );
  if (!asJson) return;
  printJson({
    ok: true,
    ...counts,
    unfit: unfit.length,
    failed: failed.length,
    sources: sources.map(({ rejected, ...source }) => ({
      ...source,
      rejected: rejected.length,
      understandingFoundRate: source.withTrace === 0 ? null : source.understandingFound / source.withTrace,
    })),
    tokens,
    paperTokensPerSample,
    out,
  });
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(buildDatasetHelp);
else if (wantsTemplates(argv)) console.log(JSON.stringify(defaultTemplates, null, 2));
else await runCommand(wantsJson(argv), () => build(parseBuildDatasetArgs(argv), wantsJson(argv)));
