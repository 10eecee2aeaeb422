/**
 * Whether a turn is trained, where it says so itself: OpenAI's `weight`, axolotl's `train`, `training` and `train_on_turn`, ms-swift's
 * `loss`, `loss_mask`. A turn that is not trained is read as context.
 */
import type { RowProblem } from '../api/trainer-api.ts';
import { TrainerError } from '../api/trainer-error.ts';
import { unsupported, type Refusal } from './refusal.ts';
import { isNothing, type Row } from './row-fields.ts';
import type { ChatMessage } from './tokenizer.ts';

export const flagFields: readonly string[] = [
  ...['weight', 'train', 'training', 'train_on_turn', 'loss', 'loss_mask'],
];

export function trainedFlagOf(turn: Row, role: ChatMessage['role'], where: string): boolean | Refusal {
  let isTrained = true;
  for (const name of flagFields) {
    const value = turn[name];
    if (isNothing(value)) continue;
    const flag = flagOf(value);
    if (role !== 'assistant') {
      if (flag === true && name !== 'weight')
        return unsupported(`${where} has "${name}": only turns of the assistant can be trained`);
      continue;
    }
    if (flag === null)
      return unsupported(
        name === 'weight'
          ? `${where} has the weight ${JSON.stringify(value).slice(0, 40)}: weights other than 0 and 1 are not supported`
          : `${where} has a "${name}" that is neither true nor false`,
      );
    isTrained &&= flag;
  }
  return isTrained;
}

/** true, false, 1, 0, and their text, as tables have it. null: neither. */
export function flagOf(value: unknown): boolean | null {
  const text = typeof value === 'string' ? value.trim().toLowerCase() : String(value);
  if (text === 'true' || text === '1' || text === '1.0') return true;
  if (text === 'false' || text === '0' || text === '0.0') return false;
  return null;
}

interface Loss {
  readonly completionOnlyLoss: boolean;
  readonly assistantOnlyLoss: boolean;
}

/** `untrained`: turns of the assistant by number; the last of `answerCount` is the response. */
export function untrainedProblem(
  untrained: readonly number[],
  answerCount: number,
  { completionOnlyLoss, assistantOnlyLoss }: Loss,
): Pick<RowProblem, 'code' | 'reason'> | null {
  if (untrained.length === answerCount)
    return { code: 'row-no-target', reason: 'marks every answer as not to be trained (as "weight": 0 does)' };
  if (assistantOnlyLoss) return null;
  if (untrained.includes(answerCount - 1))
    return {
      code: 'row-no-target',
      reason:
        'marks its last answer as not to be trained (as "weight": 0 does); assistant_only_loss trains the others',
    };
  return untrained.length === 0 || completionOnlyLoss
    ? null
    : unsupported(
        'marks an answer as not to be trained (as "weight": 0 does), which completion_only_loss off would train',
      );
}

interface Piece {
  readonly text: string;
  readonly isTrained: boolean;
}

/** Pieces of a conversation whose trained ones are its answers in order. @throws TrainerError where they are not. */
export function withoutUntrained<P extends Piece>(
  pieces: readonly P[],
  untrained: readonly number[],
  answerCount: number,
): readonly P[] {
  if (untrained.length === 0) return pieces;
  if (pieces.filter(({ isTrained }) => isTrained).length !== answerCount)
    throw new TrainerError(
      'model-file-invalid',
      'The chat template does not mark each answer once, so that one cannot be left untrained (as "weight": 0 asks).',
    );
  let answer = 0;
  return pieces.map((piece) =>
    piece.isTrained && untrained.includes(answer++) ? { ...piece, isTrained: false } : piece,
  );
}
