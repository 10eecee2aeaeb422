import { useEffect, useRef } from 'preact/hooks';
import { formatBytes } from '../format.ts';
import { useApp } from '../state/app-state.ts';

/** What keeping the run takes of the browser's storage, beside what it takes of the GPU. */
export function StoragePlan() {
  const storage = useApp().forecast.report.value?.storage;
  if (storage === undefined) return null;
  const { neededBytes, roomBytes, refusal, fits } = storage;
  if (refusal !== null) return null; // said where the run is started
  return (
    <p class={`run-plan small ${fits ? 'muted' : 'warning-note'}`}>
      To be kept in this browser it takes up to {formatBytes(neededBytes)}
      {roomBytes !== null && ` of the ${formatBytes(roomBytes)} that are left`}
      {!fits && roomBytes === null && ', and less is left'}.
    </p>
  );
}

/** A run that is not kept is lost with the tab: nobody shall find that out afterwards. */
export function NotKept() {
  const { forecast, run } = useApp();
  const refusal = forecast.report.value?.storage.refusal ?? null;
  if (refusal === null || run.isActive.value) return null; // then the run itself says it
  return (
    <p class="warning-note small" data-warning="nothing-kept">
      Runs are not kept here, and are lost with this tab: {refusal} Private windows often have no storage.
    </p>
  );
}

/** Start was pressed, and there is no room to keep the run. */
export function ConfirmWithoutRoom() {
  const { lackingRoom, startWithoutRoom } = useApp();
  const cancel = useRef<HTMLButtonElement>(null);
  const storage = lackingRoom.value;
  useEffect(() => {
    if (storage !== null) cancel.current?.focus();
  }, [storage]);
  if (storage === null) return null;
  const close = (): void => {
    lackingRoom.value = null;
  };
  return (
    <div
      class="confirm"
      role="group"
      aria-labelledby="room-question"
      onKeyDown={(event) => event.key === 'Escape' && close()}
    >
      <p id="room-question">
        There is not enough room to keep this run: it takes up to {formatBytes(storage.neededBytes)}, and this
        browser has {storage.roomBytes === null ? 'less' : formatBytes(storage.roomBytes)} left for this page.
        Delete runs or models that are kept here, or free disk space. Started all the same, a save that finds
        no room is left out and said: what is not kept is lost with this tab, unless its adapter is
        downloaded.
      </p>
      <div class="confirm-buttons">
        <button type="button" class="button" ref={cancel} onClick={close}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={() => void startWithoutRoom()}>
          Start all the same
        </button>
      </div>
    </div>
  );
}
