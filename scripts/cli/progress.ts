/** What a run looks like in a terminal: one line that changes, or now and then a line where there is none. */
import type { EvaluationReport, LoadProgress, StepReport } from '../../src/api/trainer-api.ts';
import type { HeadlessEvent } from '../../src/headless/commands.ts';
import { datasetLines } from './dataset-lines.ts';
import { asMessage, clearLine, cutLines, terminalText } from './terminal.ts';

export interface ProgressView {
  show(event: HeadlessEvent): void;
  /** A line that stays. */
  say(line: string): void;
  end(): void;
}

interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const quietMs = 5_000; // without a terminal: at most one progress line in this time

export function createProgressView(
  output: Output,
  now: () => number = () => performance.now(),
): ProgressView {
  const isLive = output.isTTY === true;
  let hasOpenLine = false;
  let lastAt = -Infinity;
  let firstStep: { readonly step: number; readonly at: number } | null = null;

  const clear = (): void => {
    if (hasOpenLine) output.write(clearLine);
    hasOpenLine = false;
  };
  const say = (line: string): void => {
    clear();
    output.write(`${cutLines(asMessage(line))}\n`);
  };
  const update = (line: string, isLast: boolean): void => {
    if (isLive) {
      clear();
      output.write(terminalText(line.replaceAll('\n', ' ')).slice(0, (output.columns ?? 80) - 1));
      hasOpenLine = true;
    } else if (isLast || now() - lastAt >= quietMs) {
      lastAt = now();
      output.write(`${line}\n`);
    }
  };
  const showStep = (report: StepReport): void => {
    firstStep ??= { step: report.step - 1, at: now() - report.stepMs };
    const msPerStep = (now() - firstStep.at) / (report.step - firstStep.step);
    update(
      stepLine(report, msPerStep * (report.totalSteps - report.step)),
      report.step === report.totalSteps,
    );
  };
  const show = (event: HeadlessEvent): void => {
    switch (event.kind) {
      case 'device':
        return say(`Device: ${event.report.gpu}${event.host === undefined ? '' : ` (${event.host})`}`);
      case 'model':
        say(
          `Model: ${event.report.name}, ${event.report.architecture}, ${millions(event.report.parameterCount)} parameters`,
        );
        return event.report.notes.forEach((note) => say(`  ${note}`));
      case 'dataset':
        say(`Dataset: ${event.report.name}`);
        return datasetLines(event.report, 10).forEach((line) => say(`  ${line}`));
      case 'load':
        return update(loadLine(event.progress), false);
      case 'progress':
        return update(`${event.note} ${event.done}/${event.total}`, event.done === event.total);
      case 'step':
        return showStep(event.report);
      case 'eval-loss':
        return say(`step ${event.step}: evaluation loss ${event.loss.toFixed(4)}`);
      case 'warning':
        return say(`step ${event.step}: ${event.message}`);
      case 'run':
      case 'metrics':
      case 'forecast':
        return; // said or written by whoever started the run
      case 'samples': {
        const refused = event.samples.filter(({ adapter }) => adapter.refused).length;
        return say(`step ${event.step}: ${event.samples.length} sample traces, ${refused} refused`);
      }
      case 'evaluation':
        return say(`${event.which} training\n${suiteLines(event.report).join('\n')}`);
      case 'phase':
        return say(event.note === '' ? `${event.phase} …` : `${event.phase}: ${event.note}`);
      default:
        return event satisfies never;
    }
  };
  return { show, say, end: clear };
}

/** "model.safetensors · 12.3 % of 988 MB · 5.1 MB/s · ETA 2:51"; without a rate, "Weights 12.3 %". */
function loadLine({ note, done, total, bytesPerSecond, secondsLeft }: LoadProgress): string {
  if (bytesPerSecond === undefined) return `${note} ${share(done, total)}`;
  const eta = secondsLeft === null || secondsLeft === undefined ? [] : [`ETA ${clock(1000 * secondsLeft)}`];
  return [
    note,
    `${share(done, total)} of ${megabytes(total)} MB`,
    `${megabytes(bytesPerSecond)} MB/s`,
    ...eta,
  ].join(' · ');
}

function stepLine(report: StepReport, leftMs: number): string {
  return [
    `step ${report.step}/${report.totalSteps}`,
    report.skipped === undefined ? `loss ${report.loss.toFixed(4)}` : 'skipped',
    `${Math.round(report.tokensPerSecond)} tok/s`,
    `ETA ${clock(leftMs)}`,
    `${Math.round(report.gpuBytes / 1e6)} MB`,
  ].join(' · ');
}

export function suiteLines({ suites }: EvaluationReport): string[] {
  return suites.map(({ title, n, refusedRate, correctRate }) => {
    const correct = correctRate === null ? '' : `, ${percent(correctRate)} correct`;
    return `  ${title}: ${percent(refusedRate)} refused${correct} (n = ${n})`;
  });
}

const percent = (rate: number): string => `${(100 * rate).toFixed(1)} %`;
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e8 ? 1 : 0);
const millions = (count: number): string => `${(count / 1e6).toFixed(2)} M`;
const share = (done: number, total: number): string => (total > 0 ? percent(done / total) : '');

function clock(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const two = (n: number): string => String(n).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes % 60)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}
