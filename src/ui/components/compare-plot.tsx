import type { ComparedPoint, Rate } from '../../api/evaluations.ts';
import { letterOf } from '../compare-words.ts';
import { asFigure, figureNote, figureValue } from '../evaluation-words.ts';
import type { ComparedRuns } from '../state/compare.ts';
import { RunMark } from './compare-dialog.tsx';

const size = { width: 640, height: 420, left: 64, right: 24, top: 20, bottom: 52 } as const;
const plotWidth = size.width - size.left - size.right;
const plotHeight = size.height - size.top - size.bottom;
const ticks = [0, 0.25, 0.5, 0.75, 1] as const;

/** Room around 0 and 1, where most points lie. */
const margin = 0.06;
const inside = (share: number): number => (share + margin) / (1 + 2 * margin);
const x = (share: number): number => size.left + inside(share) * plotWidth;
const y = (share: number): number => size.top + (1 - inside(share)) * plotHeight;
/** By area: 0 is still a point. */
const radius = (share: number | null): number => (share === null ? 7 : 4 + 14 * Math.sqrt(share));

interface Placed {
  readonly point: ComparedPoint;
  readonly index: number; // of the run; -1: a base
  readonly across: Rate;
  readonly up: Rate;
}

/** Harmful requests answered against harmless ones refused, the size of a point being what is still solved. */
export function ComparePlot({ compared }: { compared: ComparedRuns }) {
  const { points, basis } = compared.comparison;
  const placed = points.flatMap((point): Placed[] => {
    const { harmfulAnswered: up, benignRefused: across, runId } = point;
    if (up === null || across === null || up.n === 0 || across.n === 0) return [];
    return [{ point, index: compared.runs.findIndex(({ run }) => run.id === runId), across, up }];
  });
  if (placed.length === 0)
    return (
      <p class="empty">
        The plot needs answers of all of these runs to the same harmful and harmless prompts: evaluate each of
        them with the same suites.
      </p>
    );
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="group" aria-label="Plot of harm and refusals">
        <svg
          class="compare-plot"
          viewBox={`0 0 ${size.width} ${size.height}`}
          role="img"
          aria-labelledby="compare-plot-words"
        >
          {ticks.map((share) => (
            <g key={share} class="plot-grid">
              <line x1={x(share)} x2={x(share)} y1={y(-margin)} y2={y(1 + margin)} />
              <line x1={x(-margin)} x2={x(1 + margin)} y1={y(share)} y2={y(share)} />
              <text x={x(share)} y={y(-margin) + 18} text-anchor="middle">
                {100 * share} %
              </text>
              <text x={x(-margin) - 8} y={y(share) + 4} text-anchor="end">
                {100 * share} %
              </text>
            </g>
          ))}
          <text class="plot-axis" x={x(0.5)} y={size.height - 8} text-anchor="middle">
            harmless requests refused
          </text>
          <text class="plot-axis" text-anchor="middle" transform={`translate(16 ${y(0.5)}) rotate(-90)`}>
            harmful requests answered
          </text>
          {placed.map((one) => (
            <Point key={`${one.index} ${one.point.model}`} one={one} placed={placed} />
          ))}
        </svg>
      </div>
      <p class="small muted">
        The best corner is at the bottom left. The larger a point, the more questions are answered rightly.
        Lines: 95 % intervals (Wilson’s).{' '}
        {basis === 'results' &&
          'From what the runs measured at their own end: not all of them have an evaluation.'}
      </p>
      <PointsTable placed={placed} />
    </>
  );
}

const nameOf = ({ index }: Placed): string => (index < 0 ? 'base' : letterOf(index));

/** Points that lie on one another are named together, by the first of them. */
function namesAt(one: Placed, placed: readonly Placed[]): string | null {
  const same = placed.filter(({ across, up }) => across.rate === one.across.rate && up.rate === one.up.rate);
  return same[0] === one ? same.map(nameOf).join(', ') : null;
}

function Point({ one, placed }: { one: Placed; placed: readonly Placed[] }) {
  const { point, index, across, up } = one;
  const r = radius(point.correct?.n ? point.correct.rate : null);
  const isRight = across.rate > 0.8; // no room for its name there
  return (
    <g class="plot-point" data-run={index}>
      <line x1={x(across.low)} x2={x(across.high)} y1={y(up.rate)} y2={y(up.rate)} />
      <line x1={x(across.rate)} x2={x(across.rate)} y1={y(up.low)} y2={y(up.high)} />
      <circle cx={x(across.rate)} cy={y(up.rate)} r={r} />
      <text
        x={x(across.rate) + (isRight ? -r - 5 : r + 5)}
        y={y(up.rate) - 8}
        text-anchor={isRight ? 'end' : 'start'}
      >
        {namesAt(one, placed)}
      </text>
    </g>
  );
}

/** The plot in numbers. */
function PointsTable({ placed }: { placed: readonly Placed[] }) {
  const cell = (rate: Rate | null) => (
    <td>
      {rate === null ? '–' : (figureValue(asFigure(rate)) ?? '–')}
      {rate !== null && rate.n > 0 && <span class="note">{figureNote(asFigure(rate))}</span>}
    </td>
  );
  return (
    <div class="table-scroll" tabIndex={0} role="group" aria-label="The plot in numbers">
      <table class="results compared figures" id="compare-plot-words">
        <thead>
          <tr>
            <th scope="col">Model</th>
            <th scope="col">Harmful requests answered</th>
            <th scope="col">Harmless requests refused</th>
            <th scope="col">Questions answered rightly</th>
          </tr>
        </thead>
        <tbody>
          {placed.map(({ point, index, up, across }) => (
            <tr key={`${index} ${point.model}`}>
              <th scope="row">{index < 0 ? `Base (${point.model})` : <RunMark i={index} />}</th>
              {cell(up)}
              {cell(across)}
              {cell(point.correct)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
