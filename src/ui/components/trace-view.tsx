import type { Trace, TracePart, TracePartKind, TraceVerdict } from '../../api/trainer-api.ts';
import { newIn } from '../new-words.ts';

export const partNames: Readonly<Record<TracePartKind, { label: string; meaning: string }>> = {
  PU: { label: 'PU', meaning: 'problem understanding' },
  HA: { label: 'HA', meaning: 'harmfulness assessment' },
  CR: { label: 'CR', meaning: 'conditional reasoning' },
  answer: { label: 'Answer', meaning: 'after </think>' },
  other: { label: 'Other', meaning: 'no part of the structure' },
};

interface TraceViewProps {
  readonly title: string;
  readonly trace: Trace;
  /** An earlier one of the same prompt: words that it had not are marked. */
  readonly before?: Trace | undefined;
}

/** One generated trace, part by part. Each part has its label as well as its colour. */
export function TraceView({ title, trace, before }: TraceViewProps) {
  const parts = partsOf(trace);
  return (
    <article class="trace" aria-label={title}>
      <header class="trace-head">
        <h3>{title}</h3>
        {trace.refused && (
          <span class="badge refused" title="String match, not a human verdict">
            refused
          </span>
        )}
        {!trace.finished && (
          <span class="badge" title="The limit of new tokens was reached before the end">
            cut off
          </span>
        )}
      </header>
      {trace.text.trim() === '' ? (
        <p class="empty">The model ended at once: nothing was written.</p>
      ) : (
        <PartList parts={parts} before={before === undefined ? undefined : partsOf(before)} />
      )}
      {trace.verdict !== undefined && <VerdictView verdict={trace.verdict} />}
    </article>
  );
}

const partsOf = ({ parts, text }: Trace): readonly TracePart[] =>
  parts.length > 0 ? parts : [{ kind: 'other', text }];

interface PartListProps {
  readonly parts: readonly TracePart[];
  readonly before?: readonly TracePart[] | undefined;
}

export function PartList({ parts, before }: PartListProps) {
  const shown = parts.map((part, i) => ({ ...part, text: shownText(part, parts[i + 1]) }));
  const earlier = before?.map((part, i) => ({ ...part, text: shownText(part, before[i + 1]) }));
  return (
    <div class="parts">
      {shown.map((part, i) => (
        <p key={i} class="part" data-kind={part.kind}>
          <span class="part-label" title={partNames[part.kind].meaning}>
            {partNames[part.kind].label}
          </span>
          <span class="part-text">
            {earlier === undefined
              ? part.text
              : newIn(part, earlier).map(({ text, isNew }, at) =>
                  isNew ? <mark key={at}>{text}</mark> : text,
                )}
          </span>
        </p>
      ))}
    </div>
  );
}

const verdictWords: Readonly<Record<TraceVerdict['kind'], string>> = {
  harmful: 'Calls the request harmful',
  benign: 'Calls the request harmless',
  none: 'States no verdict on the request',
};

/** What the thought says of its request, how sure the recogniser is, and why. */
export function VerdictView({ verdict }: { verdict: TraceVerdict }) {
  return (
    <details class="verdict">
      <summary>
        {verdictWords[verdict.kind]}{' '}
        <span class="muted">({Math.round(100 * verdict.confidence)} % sure)</span>
      </summary>
      <ul>
        {verdict.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ul>
    </details>
  );
}

/** Where a thought begins and ends goes without saying, unless no answer follows: then its end is worth seeing. */
function shownText(part: TracePart, next: TracePart | undefined): string {
  const text = part.text.trim().replace(/^<think>\s*/, '');
  return next?.kind === 'answer' ? text.replace(/\s*<\/think>$/, '') : text;
}
