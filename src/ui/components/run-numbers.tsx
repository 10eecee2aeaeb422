import { formatBytes, formatCount, formatDuration, formatLoss } from '../format.ts';
import type { Run } from '../state/run.ts';

const NONE = '–';

/** The numbers of a run; every tile is there from the beginning, so that nothing moves. */
export function RunNumbers({ run }: { run: Run }) {
  const latest = run.latest.value;
  const remainingMs = run.remainingMs.value;
  const elapsedMs = run.elapsedMs.value;
  const tiles: readonly (readonly [label: string, value: string, title: string])[] = [
    [
      'Step',
      latest === null ? NONE : `${formatCount(latest.step)} / ${formatCount(latest.totalSteps)}`,
      latest === null ? '' : `epoch ${latest.epoch.toFixed(2)}`,
    ],
    [
      'Loss',
      latest === null ? NONE : latest.skipped ? 'skipped' : formatLoss(latest.loss),
      'mean per trained token',
    ],
    ['Tokens / s', latest === null ? NONE : formatCount(latest.tokensPerSecond), 'all tokens of a step'],
    [
      'Time left',
      remainingMs === null ? NONE : `≈ ${formatDuration(remainingMs)}`,
      'steps, traces, and results once they have begun',
    ],
    ['Elapsed', elapsedMs === 0 ? NONE : formatDuration(elapsedMs), 'without pauses'],
    ['GPU memory', latest === null ? NONE : formatBytes(latest.gpuBytes), ''],
    ['Gradient norm', latest === null ? NONE : normText(latest.gradNorm), 'before clipping'],
  ];
  return (
    <dl class="numbers">
      {tiles.map(([label, value, title]) => (
        <div key={label} title={title}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

const normText = (norm: number): string => (Number.isFinite(norm) ? norm.toPrecision(3) : 'not finite');
