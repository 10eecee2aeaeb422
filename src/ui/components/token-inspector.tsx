/** Any example as the tokens the model will see: which are trained, which are not, and AltTrain's parts. */
import { useEffect, useState } from 'preact/hooks';
import type { DatasetReport, InspectedRow, InspectedToken } from '../../api/trainer-api.ts';
import { formatCount } from '../format.ts';
import { useApp } from '../state/app-state.ts';

export function TokenInspector({ report }: { report: DatasetReport }) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details class="fold" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>Rows as the model sees them, token by token</summary>
      {isOpen && <Inspector report={report} />}
    </details>
  );
}

function Inspector({ report }: { report: DatasetReport }) {
  const { client, setUp } = useApp();
  const [index, setIndex] = useState(0);
  const [row, setRow] = useState<InspectedRow | null>(null);
  const last = report.examples - 1;
  const go = (to: number): void => setIndex(Math.min(last, Math.max(0, to)));
  useEffect(() => setIndex(0), [report]);
  useEffect(() => {
    let isWanted = true;
    // While another file is read the row stays; reading ends with a new report, which asks again.
    client.inspectRows(index, 1).then(
      ([found]) => isWanted && setRow(found ?? null),
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [index, report]);

  return (
    <div
      class="inspector"
      role="group"
      aria-label="Token inspector"
      onKeyDown={(event) => {
        if (event.target instanceof HTMLInputElement) return;
        const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
        if (step === undefined && event.key !== 'Home' && event.key !== 'End') return;
        event.preventDefault();
        go(step === undefined ? (event.key === 'Home' ? 0 : last) : index + step);
      }}
    >
      <div class="inspector-pager">
        <button
          type="button"
          class="button small-button"
          aria-label="Previous row"
          disabled={index === 0}
          onClick={() => go(index - 1)}
        >
          Previous
        </button>
        <label class="small">
          Row{' '}
          <input
            class="control number"
            type="text"
            inputMode="numeric"
            aria-label="Row to inspect"
            value={index + 1}
            onChange={(event) => {
              const wanted = Number(event.currentTarget.value);
              if (Number.isInteger(wanted)) go(wanted - 1);
              event.currentTarget.value = String(Math.min(last, Math.max(0, wanted - 1)) + 1 || index + 1);
            }}
          />{' '}
          of {formatCount(report.examples)}
        </label>
        <button
          type="button"
          class="button small-button"
          aria-label="Next row"
          disabled={index === last}
          onClick={() => go(index + 1)}
        >
          Next
        </button>
      </div>
      <Legend />
      {row !== null && setUp.dataset.report.value === report && <TokenRow row={row} />}
    </div>
  );
}

function Legend() {
  return (
    <p class="token-legend small" aria-label="Legend">
      <span class="token" data-role="special">
        special
      </span>{' '}
      <span class="token" data-role="prompt">
        prompt, not trained
      </span>{' '}
      <span class="token" data-role="trained">
        trained
      </span>{' '}
      {(['PU', 'HA', 'CR'] as const).map((part) => (
        <span key={part} class="token" data-role="trained" data-part={part}>
          {part}
        </span>
      ))}
    </p>
  );
}

function TokenRow({ row }: { row: InspectedRow }) {
  const trained = row.tokens.filter(({ isTrained }) => isTrained).length;
  const parts = [
    `line ${formatCount(row.line)}`,
    `${formatCount(row.tokens.length)} tokens, ${formatCount(trained)} trained`,
    row.truncated ? 'its end is cut' : '',
    row.place === null ? '' : `pack ${row.place.pack + 1}, from token ${row.place.offset + 1}`,
  ];
  return (
    <>
      <p class="small muted" aria-live="polite">
        {parts.filter((part) => part !== '').join(' · ')}
      </p>
      <p class="tokens scroll-box tall" tabIndex={0} role="group" aria-label="Tokens of the row">
        {stretchesOf(row.tokens).map(({ start, tokens, isTrained }) => {
          const spans = tokens.map((token, i) => <Token key={start + i} token={token} />);
          return isTrained ? <mark key={start}>{spans}</mark> : <span key={start}>{spans}</span>;
        })}
      </p>
    </>
  );
}

/** Trained and untrained tokens take turns; a screen reader hears where each begins. */
function stretchesOf(tokens: readonly InspectedToken[]) {
  const stretches: { start: number; isTrained: boolean; tokens: InspectedToken[] }[] = [];
  for (const [start, token] of tokens.entries()) {
    const last = stretches.at(-1);
    if (last?.isTrained === token.isTrained) last.tokens.push(token);
    else stretches.push({ start, isTrained: token.isTrained, tokens: [token] });
  }
  return stretches;
}

function Token({ token }: { token: InspectedToken }) {
  const { id, text, role, isTrained, part, weight } = token;
  const trained = role === 'special' && isTrained ? 'trained' : '';
  const weighed = weight === undefined ? '' : `weight ${weight}`;
  const what = [role, trained, part ?? '', weighed].filter((word) => word !== '');
  return (
    <span
      class="token"
      data-role={role}
      data-trained={isTrained}
      data-part={part ?? undefined}
      title={`${id}: ${what.join(', ')}`}
    >
      {/* A line break is shown and made. */}
      {text.replaceAll('\n', '⏎\n')}
    </span>
  );
}
