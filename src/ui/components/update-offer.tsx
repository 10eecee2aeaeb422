import { useApp } from '../state/app-state.ts';

/** A newer version of the page is offered, and never comes by itself while something is going on. */
export function UpdateOffer() {
  const { offline, run, evaluations, reproduce } = useApp();
  const isBusy = (): boolean =>
    run.isActive.value || evaluations.isActive.value || (reproduce.value?.isActive.value ?? false);
  if (!offline.hasUpdate.value || isBusy()) return null;
  return (
    <p class="update-offer" aria-live="polite">
      {offline.isOpenElsewhere.value
        ? 'A newer version of this page is there. It opens once this page’s other tabs are closed.'
        : 'A newer version of this page is there. Kept runs and models stay.'}{' '}
      <button type="button" class="button" onClick={() => void offline.update(isBusy)}>
        Open the new version
      </button>
    </p>
  );
}
