import { useEffect, useRef, useState } from 'preact/hooks';
import type { StoredEvaluation } from '../../api/evaluations.ts';
import { roughTime } from '../../support/rough-time.ts';
import { nameOfEvaluation } from '../evaluation-words.ts';
import { formatBytes, formatCount, formatCountOf, formatDate } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { EvaluationRowsView } from './evaluation-rows.tsx';
import { EvaluationTable } from './evaluation-table.tsx';
import { FailureAlert } from './failure-alert.tsx';

/** The evaluation under way, the one whose figures are shown with the rows behind them, and those that are kept. */
export function EvaluationsPanel() {
  const { evaluations } = useApp();
  const { list, shown } = evaluations;
  const results = shown.value?.results ?? null;
  return (
    <section class="panel evaluations" aria-label="Evaluations">
      <h2>Evaluations</h2>
      <FailureAlert scope="evaluation" />
      <UnderWay />
      {results !== null && shown.value !== null && (
        <>
          <EvaluationTable evaluation={shown.value} results={results} />
          {evaluations.filter.value !== null && (
            <EvaluationRowsView evaluation={shown.value} results={results} />
          )}
        </>
      )}
      {list.value.length === 0 ? (
        <p class="empty">
          “Evaluate” asks suites of prompts. Every answer is kept in this browser as it comes: an evaluation
          that is interrupted goes on, and nothing is asked twice.
        </p>
      ) : (
        <ul class="run-list" aria-label="Kept evaluations">
          {list.value.map((evaluation) => (
            <EvaluationItem key={evaluation.id} evaluation={evaluation} />
          ))}
        </ul>
      )}
    </section>
  );
}

function UnderWay() {
  const { evaluations } = useApp();
  const progress = evaluations.progress.value;
  const [isAsking, setAsking] = useState(false);
  const element = useRef<HTMLDivElement>(null);
  const isActive = progress !== null;
  useEffect(() => {
    if (isActive) element.current?.scrollIntoView({ block: 'nearest' });
    else setAsking(false);
  }, [isActive]);
  if (progress === null) return null;
  const { done, total, reused, secondsLeft, note } = progress;
  const isPausing = evaluations.isPausing.value;
  // By a model: the answers are all there, and stay.
  const isJudging = evaluations.list.value.some((one) => one.id === progress.id && one.state === 'finished');
  const words = [
    note,
    ...(total === 0 ? [] : [`${formatCount(done)} of ${formatCountOf(total, 'answer')}`]),
    ...(reused === 0 ? [] : [`${formatCount(reused)} kept from before`]),
    ...(secondsLeft === null || done === total ? [] : [`about ${roughTime(secondsLeft)} left`]),
    ...(isPausing ? ['stops after the answers that are being written …'] : []),
  ];
  return (
    <div class="under-way" ref={element}>
      <div
        class="bar"
        role="progressbar"
        aria-label="Evaluation progress"
        aria-valuemin={0}
        aria-valuemax={total || 100}
        aria-valuenow={done}
      >
        <div class="bar-fill" style={{ width: `${total === 0 ? 0 : (100 * done) / total}%` }} />
      </div>
      <p class="small" aria-live="polite">
        {words.join(' · ')}
      </p>
      <div class="run-actions">
        <button
          type="button"
          class="button small-button"
          disabled={isPausing}
          onClick={() => void evaluations.pause()}
        >
          {isJudging ? 'Pause the judging' : 'Pause the evaluation'}
        </button>
        {isJudging ? null : isAsking ? (
          <>
            <button
              type="button"
              class="button small-button danger"
              disabled={isPausing}
              onClick={() => void evaluations.cancel()}
            >
              End it and delete its answers
            </button>
            <button type="button" class="button quiet small-button" onClick={() => setAsking(false)}>
              Go on
            </button>
          </>
        ) : (
          <button
            type="button"
            class="button quiet small-button"
            disabled={isPausing}
            onClick={() => setAsking(true)}
          >
            Cancel the evaluation
          </button>
        )}
      </div>
    </div>
  );
}

function stateOf({ state, isHeld, done, total }: StoredEvaluation, isHere: boolean): string {
  const answers = `${formatCount(done)} of ${formatCountOf(total, 'answer')}`;
  if (isHere) return 'under way';
  if (isHeld) return `under way in another tab, ${answers}`;
  return state === 'finished' ? formatCountOf(total, 'answer') : `paused at ${answers}`;
}

const fewSuites = 2;

function suitesText(suites: StoredEvaluation['suites']): string {
  if (suites.length <= fewSuites) return suites.map(({ name, n }) => `${name} (${n})`).join(', ');
  const prompts = suites.reduce((sum, { n }) => sum + n, 0);
  return `${suites.length} suites, ${formatCountOf(prompts, 'prompt')}`;
}

function EvaluationItem({ evaluation }: { evaluation: StoredEvaluation }) {
  const { evaluations, run } = useApp();
  const [isAsking, setAsking] = useState(false);
  const { id, suites, createdMs, bytes, failure, state } = evaluation;
  const isHere = evaluations.progress.value?.id === id;
  const isHeld = isHere || evaluation.isHeld;
  const isBusy = evaluations.isActive.value;
  const name = nameOfEvaluation(evaluation);
  const label = `${name}, ${formatDate(createdMs)}`;
  const action = (text: string, act: () => void, isDisabled: boolean, kind = 'quiet') => (
    <button
      type="button"
      class={`button ${kind} small-button`}
      aria-label={`${text}: ${label}`}
      disabled={isDisabled}
      onClick={act}
    >
      {text}
    </button>
  );
  return (
    <li aria-current={evaluations.shown.value?.id === id}>
      <p class="run-name">{name}</p>
      <p class="small muted">
        {formatDate(createdMs)} · {suitesText(suites)} · {stateOf(evaluation, isHere)} · {formatBytes(bytes)}
      </p>
      {failure !== null && <p class="small">{failure.message}</p>}
      <div class="run-actions">
        {state === 'finished'
          ? action('Show', () => evaluations.show(id), isHeld)
          : !isHeld &&
            action('Continue', () => void evaluations.goOn(id), isBusy || run.isActive.value, 'primary')}
        {!isHeld &&
          (isAsking ? (
            <>
              {action('Delete for good', () => void evaluations.remove(id), isBusy, 'danger')}
              {action('Keep', () => setAsking(false), false)}
            </>
          ) : (
            action('Delete', () => setAsking(true), isBusy)
          ))}
      </div>
    </li>
  );
}
