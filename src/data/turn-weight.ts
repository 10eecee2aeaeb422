/**
 * How much an answer counts in the loss, where the file says so: `weight` of a turn (OpenAI, where it is 0 or 1) and of a
 * row (Fireworks), and whether a turn is trained at all: axolotl's `train`, `training` and `train_on_turn`, ms-swift's
 * `loss`, `loss_mask`.
 * 0 and false are the same: the turn is read as context. The weight of a row and of its turn are multiplied.
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { unsupported, type Refusal } from './refusal.ts';
import { isNothing, type Row } from './row-fields.ts';
import type { ChatMessage } from './tokenizer.ts';
import { textOf } from '../support/text-of.ts';

const truthFields: readonly string[] = ['train', 'training', 'train_on_turn', 'loss', 'loss_mask'];
export const weightFields: readonly string[] = ['weight', ...truthFields];

/** Weights are only compared with each other, so a wider range says that a column means something else. */
const LEAST = 1e-4;
const MOST = 1e4;

/** Of a turn: 1 where it says nothing, 0 where it is not trained. */
export function turnWeightOf(turn: Row, role: ChatMessage['role'], where: string): number | Refusal {
  let isTrained = true;
  for (const name of truthFields) {
    const value = turn[name];
    if (isNothing(value)) continue;
    const flag = flagOf(value);
    if (role !== 'assistant') {
      if (flag === true)
        return unsupported(`${where} has "${name}": only turns of the assistant can be trained`);
      continue;
    }
    if (flag === null) return unsupported(`${where} has a "${name}" that is neither true nor false`);
    isTrained &&= flag;
  }
  const weight = role === 'assistant' ? (weightOf(turn['weight'], where) ?? 1) : 1;
  return isTrained || typeof weight !== 'number' ? weight : 0;
}

/** A number, or its text, as tables have it; `true` and `false` are 1 and 0. null: says nothing. */
export function weightOf(value: unknown, where: string): number | null | Refusal {
  if (isNothing(value) && !Number.isNaN(value)) return null;
  const refuse = (why: string): Refusal =>
    unsupported(`${where === '' ? '' : `${where} `}has the weight ${shown(value)}: ${why}`);
  const weight = typeof value === 'boolean' ? Number(value) : numberOf(value);
  if (weight === null || Number.isNaN(weight))
    return refuse('a weight is a number, 0 for what is not trained');
  if (weight < 0) return refuse('answers to be unlearned are not supported; 0 leaves one out');
  if (weight !== 0 && (weight < LEAST || weight > MOST))
    return refuse(
      `weights from ${LEAST} to ${MOST.toLocaleString('en')} are accepted, and 0; only their ratio counts`,
    );
  return weight;
}

const shown = (value: unknown): string => textOf(value, 40);

function numberOf(value: unknown): number | null {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'string') return null;
  const flag = flagOf(value);
  return flag === null ? Number(value) : Number(flag);
}

/** true, false, 1, 0, and their text, as tables have it. null: neither. */
function flagOf(value: unknown): boolean | null {
  const isPlain = typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
  const text = typeof value === 'string' ? value.trim().toLowerCase() : isPlain ? String(value) : '';
  if (text === 'true' || text === '1' || text === '1.0') return true;
  if (text === 'false' || text === '0' || text === '0.0') return false;
  return null;
}

interface Loss {
  readonly completionOnlyLoss: boolean;
  readonly assistantOnlyLoss: boolean;
}

/** What the weights of a row leave nothing of, or ask of tokens that are not trained by turns. `answers`: the last is the response. */
export function weightProblem(
  weight: number,
  answers: readonly number[],
  { completionOnlyLoss, assistantOnlyLoss }: Loss,
): Pick<RowProblem, 'code' | 'reason'> | null {
  if (weight === 0) return { code: 'row-no-target', reason: 'has the weight 0, which leaves it out' };
  if (answers.every((answer) => answer === 0))
    return { code: 'row-no-target', reason: 'marks every answer as not to be trained (as "weight": 0 does)' };
  if (assistantOnlyLoss) return null;
  if (answers.at(-1) === 0)
    return {
      code: 'row-no-target',
      reason:
        'marks its last answer as not to be trained (as "weight": 0 does); assistant_only_loss trains the others',
    };
  if (completionOnlyLoss || answers.slice(0, -1).every((answer) => answer === 1)) return null;
  return unsupported(
    'marks an answer before the last with a weight of its own, but with completion_only_loss off all turns before the last are trained as one text; assistant_only_loss trains by turns',
  );
}

interface Piece {
  readonly text: string;
  readonly isTrained: boolean;
}
export type WeightedPiece<P extends Piece = Piece> = P & { readonly weight?: number };

/** Pieces of a conversation whose trained ones are its answers in order. @throws TrainerError where they are not. */
export function withAnswerWeights<P extends Piece>(
  pieces: readonly P[],
  answers: readonly number[],
): readonly WeightedPiece<P>[] {
  if (answers.every((weight) => weight === 1)) return pieces;
  if (pieces.filter(({ isTrained }) => isTrained).length !== answers.length)
    throw new TrainerError(
      'model-file-invalid',
      'The chat template does not mark each answer once, so that one cannot be weighed or left untrained (as "weight" asks).',
    );
  let answer = 0;
  return pieces.map((piece) => {
    if (!piece.isTrained) return piece;
    const weight = answers[answer++];
    return weight === 0 ? { ...piece, isTrained: false } : { ...piece, weight };
  });
}
