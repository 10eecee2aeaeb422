/**
 * AltTrain, its ablations and the baselines it is compared with (arXiv 2604.18946), as one table: what stands in the
 * thought and what in the answer, for a harmful and for a benign row. The same prompts and the same seed give the same
 * rows in every shape, so that runs can be compared. Where the paper leaves a shape open, `about` says what is done here.
 */
import type { ShapeId, ShapeInfo } from '../api/builder-api.ts';

/**
 * understanding: PU, the trace's first sentence · assessment: HA · stop, stop-rephrased: CR of a refusal ·
 * rest: the trace after PU · trace: the trace as it is · pivots: the trace with R2D's token after each step ·
 * direct: DirectRefusal's thought · primer: SafePath's
 */
export type Segment =
  | 'understanding'
  | 'assessment'
  | 'stop'
  | 'stop-rephrased'
  | 'rest'
  | 'trace'
  | 'pivots'
  | 'direct'
  | 'primer';

export interface Layout {
  readonly thought: readonly Segment[];
  readonly answer: 'refusal' | 'own';
}

export interface Shape extends ShapeInfo {
  readonly harmful: Layout;
  readonly benign: Layout;
  readonly opensThought: boolean; // writes <think>; what reads the file must accept both
}

const asIs: Layout = { thought: ['trace'], answer: 'own' };
const altTrainBenign: Layout = { thought: ['understanding', 'assessment', 'rest'], answer: 'own' };

export const shapes: readonly Shape[] = [
  {
    id: 'alttrain',
    title: 'AltTrain',
    about: 'PU, HA, CR. Harmful: stop and refuse. Benign: the rest of the trace and its answer.',
    harmful: { thought: ['understanding', 'assessment', 'stop'], answer: 'refusal' },
    benign: altTrainBenign,
    opensThought: true,
  },
  {
    id: 'without-pu',
    title: 'AltTrain without PU',
    about: 'Ablation: the thought begins with the assessment.',
    harmful: { thought: ['assessment', 'stop'], answer: 'refusal' },
    benign: { thought: ['assessment', 'rest'], answer: 'own' },
    opensThought: true,
  },
  {
    id: 'without-ha',
    title: 'AltTrain without HA',
    about: 'Ablation: nothing is assessed. A benign row is then its own trace.',
    harmful: { thought: ['understanding', 'stop'], answer: 'refusal' },
    benign: { thought: ['understanding', 'rest'], answer: 'own' },
    opensThought: true,
  },
  {
    id: 'without-cr',
    title: 'AltTrain without CR',
    about: 'Ablation: the thought ends after the assessment; the answer follows.',
    harmful: { thought: ['understanding', 'assessment'], answer: 'refusal' },
    benign: { thought: ['understanding', 'assessment'], answer: 'own' },
    opensThought: true,
  },
  {
    id: 'cr-rephrased',
    title: 'AltTrain, CR rephrased',
    about:
      'Ablation: the refusal’s reasoning in many wordings instead of one. The benign rest stays as it is (how the paper rephrased it is not known).',
    harmful: { thought: ['understanding', 'assessment', 'stop-rephrased'], answer: 'refusal' },
    benign: altTrainBenign,
    opensThought: true,
  },
  {
    id: 'direct-refusal',
    title: 'DirectRefusal',
    about: 'A fixed thought and a refusal. The original has refusals only: a harmful share of 1.',
    harmful: { thought: ['direct'], answer: 'refusal' },
    benign: asIs,
    opensThought: true,
  },
  {
    id: 'star-1',
    title: 'STAR-1, as is',
    about: 'Trace and answer as the file has them, for policy-grounded traces such as STAR-1’s.',
    harmful: asIs,
    benign: asIs,
    opensThought: true,
  },
  {
    id: 'safechain',
    title: 'SafeChain, as is',
    about: 'The same without the opening <think>, as SafeChain’s file has it.',
    harmful: asIs,
    benign: asIs,
    opensThought: false,
  },
  {
    id: 'r2d',
    title: 'R2D pivots',
    about:
      '[SAFE], [UNSAFE] or [RETHINK] after each step of the trace, written out as text; the label decides the last one. No tokens are added to the model.',
    harmful: { thought: ['pivots'], answer: 'own' },
    benign: { thought: ['pivots'], answer: 'own' },
    opensThought: true,
  },
  {
    id: 'safepath',
    title: 'SafePath primer',
    about:
      'A primer before the trace, on harmful rows only. The original trains the primer alone; a row here goes on to its end, because every row is trained through its end token.',
    harmful: { thought: ['primer', 'trace'], answer: 'own' },
    benign: asIs,
    opensThought: true,
  },
];

export function shapeOf(id: ShapeId): Shape {
  const shape = shapes.find((candidate) => candidate.id === id);
  if (shape === undefined) throw new Error(`no shape ${id}`);
  return shape;
}

export const shapeIds: readonly string[] = shapes.map(({ id }) => id);

/** Segments that are cut from the row's own trace. */
const fromTrace: readonly Segment[] = ['understanding', 'rest', 'trace', 'pivots'];

export const needsTrace = ({ thought }: Layout): boolean =>
  thought.some((segment) => fromTrace.includes(segment));

/** The whole trace and what follows it: a trace that was cut off will not do. */
export const needsEnd = ({ thought, answer }: Layout): boolean =>
  answer === 'own' || thought.some((segment) => segment !== 'understanding' && fromTrace.includes(segment));
