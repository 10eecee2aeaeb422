/** `npm run evaluate`: suites asked of a model, with an adapter and without, judged and counted. `--help` says the rest. */
import { join, resolve } from 'node:path';
import { parseRefusalPhrases, refusalPhrases } from '../src/alttrain/judge.ts';
import type { JudgeReport } from '../src/api/evaluations.ts';
import type { GenerateRequest, Generation } from '../src/api/trainer-api.ts';
import { engineGenerator } from '../src/evaluation/answers/engine-generator.ts';
import { evaluate, type EvaluationProgress } from '../src/evaluation/answers/evaluate.ts';
import type { GenerationSettings, Variant } from '../src/evaluation/answers/generator.ts';
import { rowsAsCsv } from '../src/evaluation/filters.ts';
import { answersToJudge, reportsOf } from '../src/evaluation/judges/judge-answers.ts';
import { textJudges } from '../src/evaluation/judges/judge.ts';
import { reportOf } from '../src/evaluation/report.ts';
import { judgeRows, resultsOf, type EvaluationResults } from '../src/evaluation/results.ts';
import { roughTime } from '../src/support/rough-time.ts';
import { fromWire, TrainerError } from '../src/support/trainer-error.ts';
import { adapterInput } from './cli/adapter-input.ts';
import { openAnswerFile } from './cli/answer-file.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { evaluateHelp, parseEvaluateArgs, type EvaluateOptions } from './cli/evaluate-args.ts';
import { RunFailure, runCommand } from './cli/exit.ts';
import { folderHash, modelIdOf } from './cli/file-identity.ts';
import { isFile, readJson } from './cli/files.ts';
import { hubAccess, modelInput, reasonOf } from './cli/inputs.ts';
import { prepareOutFolder } from './cli/out-folder.ts';
import { createProgressView, type ProgressView } from './cli/progress.ts';
import { openSession } from './cli/session.ts';
import { stopOnSignal } from './cli/stop-on-signal.ts';
import { judgedBy, judgeInput } from './cli/judge-with-model.ts';
import { leaksOf, openSuites } from './cli/suites.ts';
import { writeWhole } from './cli/write-whole.ts';

const names = { answers: 'answers.jsonl', results: 'results.json', report: 'report.md', rows: 'rows.csv' };

async function run(options: EvaluateOptions, asJson: boolean): Promise<void> {
  const out = resolve(options.out);
  const view = createProgressView(process.stderr);
  const hub = hubAccess(options.hubUrl);
  const model = modelInput(options.model, hub);
  const adapter = options.adapterFolder === null ? null : adapterInput(options.adapterFolder);
  const textual = textJudges(phrasesOf(options.phrasesPath));
  const judge = options.judge === null ? null : await judgeInput(options.judge, modelIdOf(options), hub);
  const suites = await openSuites(options, hub, (line) => view.say(line));
  if (judge !== null) answersToJudge(suites, [], [], judge.judge); // says at once where there is nothing to judge
  const leaks = options.trainedOn === null ? [] : await leaksOf(options.trainedOn, suites, hub);
  for (const line of leaks) view.say(line);
  prepareOutFolder(out, Object.values(names));
  const store = openAnswerFile(join(out, names.answers));
  const variants: Variant[] = [
    { id: 'base', adapter: null },
    ...(adapter === null
      ? []
      : [{ id: 'adapter', adapter: { hash: folderHash(options.adapterFolder ?? ''), strength: 1 } }]),
  ];
  const session = await openSession({
    host: options.host,
    hubUrl: options.hubUrl,
    mounts: [...model.mounts, ...(adapter?.mounts ?? []), ...(judge?.input.mounts ?? [])],
    onEvent: (event) => view.show(event),
    say: (line) => view.say(line),
  });
  const stopping = new AbortController();
  const stopper = { stop: () => Promise.resolve(stopping.abort()) };
  const note = 'Stopping after this batch; again to end at once.';
  const signal = stopOnSignal(stopper, (line) => view.say(line), note);
  const started = performance.now();
  try {
    const opened = await session.open({
      model: model.served,
      quantization: options.quantization,
      adapter: adapter?.served ?? null,
    });
    if (!opened.ok) throw new RunFailure(opened.error, false);
    const answer = async (request: GenerateRequest): Promise<readonly Generation[]> => {
      const outcome = await session.answer(request);
      if (!outcome.ok) throw fromWire(outcome.error);
      return outcome.value;
    };
    const { thinkPrefilled } = opened.value;
    const generator = engineGenerator(answer, { modelId: modelIdOf(options), thinkPrefilled });
    const progressOf: { last: EvaluationProgress | null } = { last: null };
    const plan = { suites, variants, settings: settingsOf(options), batchSize: options.batchSize };
    const answers = await evaluate(plan, generator, store, {
      signal: stopping.signal,
      onProgress: (progress) => {
        progressOf.last = progress;
        showProgress(view, progress);
      },
    });
    view.end();
    const judged =
      judge === null
        ? answers
        : await judgedBy(judge, answers, { session, store, view, signal: stopping.signal });
    const judges = [...textual, ...(judge === null ? [] : reportsOf(judge.judge))];
    const rows = judgeRows(judged, textual);
    const results = resultsOf(judged, rows, judges);
    writeWhole(join(out, names.results), `${JSON.stringify(results, null, 1)}\n`);
    writeWhole(join(out, names.report), reportWith(results, leaks));
    writeWhole(join(out, names.rows), rowsAsCsv(rows));
    console.log(`${answers.answers.length} answers in ${out}`);
    if (asJson) console.log(JSON.stringify(summaryOf(options, results, judges, progressOf.last, started)));
  } finally {
    signal.release();
    await session.close();
  }
}

function phrasesOf(path: string | null): typeof refusalPhrases {
  if (path === null) return refusalPhrases;
  if (!isFile(path)) throw new TrainerError('config-invalid', `--refusal-phrases ${path} is not a file.`);
  try {
    return parseRefusalPhrases(readJson(path));
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    throw new TrainerError('config-invalid', `--refusal-phrases ${path} cannot be read: ${reasonOf(error)}.`);
  }
}

function settingsOf(options: EvaluateOptions): GenerationSettings {
  const { maxNewTokens, temperature, samples, seed, systemPrompt, templateDate } = options;
  return { maxNewTokens, temperature, samples, seed, systemPrompt, templateDate, repetitionPenalty: 1 };
}

function showProgress(
  view: ProgressView,
  { done, total, secondsLeft, note, reused }: EvaluationProgress,
): void {
  const left = secondsLeft === null || done === total ? '' : `, about ${roughTime(secondsLeft)} left`;
  const kept = reused === 0 ? '' : ` (${reused} kept from before)`;
  view.show({ kind: 'progress', done, total, note: `${note}${kept}${left}` });
}

const reportWith = (results: EvaluationResults, leaks: readonly string[]): string =>
  leaks.length === 0
    ? reportOf(results)
    : `${reportOf(results)}\n## Prompts in the training data\n\n${leaks.map((line) => line.replace(/^ {2}/, '- ')).join('\n')}\n`;

function summaryOf(
  { model, out }: EvaluateOptions,
  results: EvaluationResults,
  judges: readonly JudgeReport[],
  progress: EvaluationProgress | null,
  started: number,
): Record<string, unknown> {
  return {
    ok: true,
    model,
    suites: results.suites.flatMap(({ suite, groups }) =>
      groups.map(({ label, n, measures }) => ({
        ...{ suite, label, n },
        ...Object.fromEntries(
          measures.map(({ judge, variants }) => [
            judge,
            Object.fromEntries(
              variants.map(({ variant, figure }) => [
                variant,
                figure.kind === 'rate' ? figure.rate : figure.mean,
              ]),
            ),
          ]),
        ),
      })),
    ),
    judges: judges.map(({ id, version }) => `${id} ${version}`),
    answers: progress?.total ?? 0,
    reused: progress?.reused ?? 0,
    seconds: Math.round(performance.now() - started) / 1000,
    out: resolve(out),
  };
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(evaluateHelp);
else if (argv.includes('--print-refusal-phrases')) console.log(JSON.stringify(refusalPhrases, null, 1));
else await runCommand(wantsJson(argv), () => run(parseEvaluateArgs(argv), wantsJson(argv)));
