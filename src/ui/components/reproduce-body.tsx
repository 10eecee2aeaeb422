import { paperBackbone, paperRows, type PaperRow } from '../../reproduce/paper-table.ts';
import { comparisonPrompts, demoComparisonSteps, recipes } from '../../reproduce/recipes.ts';
import { meanOf, type Line } from '../../reproduce/report.ts';
import { roughTime } from '../../support/rough-time.ts';
import { formatCountOf, formatPercent } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import type { ReproduceState } from '../state/reproduce.ts';
import { TextField } from './text-field.tsx';

/** AltTrain, its ablations and what it is compared with, trained and judged one after the other by one button. */
export default function ReproduceBody({ reproduce }: { reproduce: ReproduceState }) {
  const { saveText } = useApp();
  const { isActive, isStopping, left, lines, blocker } = reproduce;
  return (
    <>
      <p class="small muted">
        AltTrain, its ablations and the methods it is compared with, on the demo: each is trained with the run
        settings and as many steps as the others, then asked and judged. Runs and answers are kept, so that it
        goes on where it stopped; another seed adds to the table.
      </p>
      <Choice reproduce={reproduce} />
      <div class="reproduce-actions">
        <button
          type="button"
          class="button"
          disabled={isActive.value || blocker.value !== null || left.value.length === 0}
          aria-describedby="reproduce-note"
          onClick={() => void reproduce.start()}
        >
          Reproduce the comparison
        </button>
        {isActive.value && (
          <button
            type="button"
            class="button"
            disabled={isStopping.value}
            onClick={() => void reproduce.stop()}
          >
            Stop the comparison
          </button>
        )}
      </div>
      <p class="small muted" id="reproduce-note">
        {noteOf(reproduce)}
      </p>
      {lines.value.length > 0 && (
        <>
          <Table lines={lines.value} />
          <button
            type="button"
            class="button small-button"
            onClick={() => saveText(reproduce.markdown(), 'alttrain-comparison.md')}
          >
            Download the table
          </button>
        </>
      )}
    </>
  );
}

function noteOf({ now, isStopping, blocker, left, seconds }: ReproduceState): string {
  if (now.value !== '') return isStopping.value ? 'Stopping after what is under way …' : now.value;
  const count = left.value.length;
  if (count === 0) return 'All that is ticked has been trained and judged with these settings.';
  if (blocker.value !== null) return blocker.value;
  const time =
    seconds.value === null
      ? ''
      : ` About ${roughTime(seconds.value)} of training by forecast, and the answers besides.`;
  return `${formatCountOf(count, 'run')} to train and judge.${time}`;
}

function Choice({ reproduce }: { reproduce: ReproduceState }) {
  const { chosen, isActive } = reproduce;
  const toggle = (id: string): void => {
    const ids = new Set(chosen.value);
    if (!ids.delete(id)) ids.add(id);
    chosen.value = ids;
  };
  return (
    <details class="fold">
      <summary>What is trained and asked</summary>
      <fieldset class="reproduce-recipes" disabled={isActive.value}>
        <legend class="visually-hidden">What is trained</legend>
        {recipes.map(({ id, title, about }) => (
          <label key={id}>
            <input type="checkbox" checked={chosen.value.has(id)} onChange={() => toggle(id)} />
            <span>
              {title} <span class="small muted">{about}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <TextField
        label="Steps of each run, for the comparison"
        signal={reproduce.steps}
        placeholder={String(demoComparisonSteps)}
        isLocked={isActive.value}
      />
      <TextField
        label="Prompts of each suite, for the comparison"
        signal={reproduce.promptsPerSuite}
        placeholder={String(comparisonPrompts)}
        isLocked={isActive.value}
      />
    </details>
  );
}

const columns = [
  ['answered', 'harmful', 'Harmful answered'],
  ['overRefused', 'overRefusal', 'Harmless refused'],
  ['reasoning', 'reasoning', 'Reasoning right'],
] as const;

/** Ours over all seeds, and the paper's below it where it gives any. */
function Table({ lines }: { lines: readonly Line[] }) {
  return (
    <>
      <div class="table-scroll" tabIndex={0} role="group" aria-label="Table of the comparison">
        <table class="results compared figures">
          <thead>
            <tr>
              <th scope="col">Trained on</th>
              {columns.map(([, , title]) => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
              <th scope="col">Tokens a sample</th>
              <th scope="col">Tokens an answer</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => {
              const { id, title, outcomes, means } = line;
              const paper = paperRows[id] as PaperRow | undefined;
              return (
                <tr key={id}>
                  <th scope="row">
                    {title}
                    <span class="small muted"> {formatCountOf(outcomes.length, 'seed')}</span>
                  </th>
                  {columns.map(([ours, theirs]) => (
                    <td key={ours}>
                      {means[ours] === null ? '–' : formatPercent(means[ours])}
                      <span class="small muted">
                        {paper === undefined ? '' : ` paper ${paper[theirs].toFixed(1)}`}
                      </span>
                    </td>
                  ))}
                  <td>{meanOf(line, ({ tokensPerSample }) => tokensPerSample)}</td>
                  <td>{meanOf(line, ({ figures }) => figures.tokensPerAnswer)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      <p class="small muted">
        Refusals by a string match on the answer, not a human verdict. The paper’s figures are percentages of{' '}
        {paperBackbone} on other suites: their direction can be compared, not their size.
      </p>
    </>
  );
}
