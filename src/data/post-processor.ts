/** What a tokenizer puts around a plain text: the post-processor of tokenizer.json, which alone decides in transformers 5. */
import { isJson, type Json } from './tokenizer-files.ts';

interface IdsAround {
  readonly before: readonly number[];
  readonly after: readonly number[];
}
const nothing: IdsAround = { before: [], after: [] };

export function idsAroundText(tokenizerJson: unknown): IdsAround {
  return isJson(tokenizerJson) ? idsOf(tokenizerJson['post_processor']) : nothing;
}

function idsOf(processor: unknown): IdsAround {
  if (!isJson(processor)) return nothing;
  switch (processor['type']) {
    case 'Sequence': {
      const steps = Array.isArray(processor['processors']) ? processor['processors'] : [];
      return steps.map(idsOf).reduce(
        (around, step) => ({
          before: [...step.before, ...around.before],
          after: [...around.after, ...step.after],
        }),
        nothing,
      );
    }
    case 'TemplateProcessing':
      return idsOfTemplate(processor);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: idOfPair(processor['cls']), after: idOfPair(processor['sep']) };
    default:
      return nothing; // ByteLevel
  }
}

function idsOfTemplate(processor: Json): IdsAround {
  const single = Array.isArray(processor['single']) ? processor['single'].filter(isJson) : [];
  const special = isJson(processor['special_tokens']) ? processor['special_tokens'] : {};
  const place = single.findIndex((piece) => 'Sequence' in piece);
  const idsOfPieces = (pieces: readonly Json[]): number[] =>
    pieces.flatMap(({ SpecialToken: token }) => {
      const entry = isJson(token) && typeof token['id'] === 'string' ? special[token['id']] : undefined;
      const ids = isJson(entry) ? entry['ids'] : [];
      return Array.isArray(ids) ? ids.filter((id): id is number => Number.isSafeInteger(id)) : [];
    });
  if (place < 0) return nothing;
  return { before: idsOfPieces(single.slice(0, place)), after: idsOfPieces(single.slice(place + 1)) };
}

/** ["[CLS]", 101] */
function idOfPair(pair: unknown): number[] {
  const id: unknown = Array.isArray(pair) ? pair[1] : undefined;
  return typeof id === 'number' && Number.isSafeInteger(id) ? [id] : [];
}
