import { formatBytes, formatCountOf } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { LoadingLine } from './step-panel.tsx';
import { TextField } from './text-field.tsx';
import { Tick } from './tick.tsx';

/** Names a repository, shows what would be sent to it, and sends that. */
export function PushForm({ isReady }: { readonly isReady: boolean }) {
  const { push } = useApp().exports;
  const { plan, progress, report } = push;
  const isLocked = push.isBusy.value;
  if (report.value !== null) return <Sent />;
  return (
    <>
      <div class="hub-fields">
        <TextField label="Repository" signal={push.repo} placeholder="owner/name" isLocked={isLocked} />
        <TextField label="Access token" signal={push.token} placeholder="hf_…" isLocked={isLocked} isSecret />
      </div>
      <p class="small muted">
        A token that may write. It stays in this page’s memory and goes to the hub only.
      </p>
      <Tick
        label="Private"
        isOn={push.isPrivate.value}
        onChange={(isOn) => (push.isPrivate.value = isOn)}
        words="only you and those you let in"
        isLocked={isLocked}
      />
      <Tick
        label="Add to a repository that is there"
        isOn={push.addsToExisting.value}
        onChange={(isOn) => (push.addsToExisting.value = isOn)}
        words="files of the same name get a new version, the others stay"
        isLocked={isLocked}
      />
      {plan.value !== null && <Plan />}
      {progress.value === null ? (
        <PushButton isReady={isReady} />
      ) : (
        <LoadingLine progress={progress.value} label="Sending to the hub" cancel={() => void push.cancel()} />
      )}
    </>
  );
}

function PushButton({ isReady }: { readonly isReady: boolean }) {
  const { push } = useApp().exports;
  const isLocked = push.isBusy.value || !isReady || !push.isNamed.value;
  if (push.plan.value === null)
    return (
      <button type="button" class="button" disabled={isLocked} onClick={() => void push.show()}>
        {push.isBusy.value ? 'Counting …' : 'Show what will be sent'}
      </button>
    );
  const where = push.addsToExisting.value
    ? ''
    : push.isPrivate.value
      ? ', new and private'
      : ', new and public';
  return (
    <button type="button" class="button primary" disabled={isLocked} onClick={() => void push.send()}>
      {`Send to ${push.repo.value.trim()}${where}`}
    </button>
  );
}

function Plan() {
  const files = useApp().exports.push.plan.value ?? [];
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return (
    <details class="push-plan" open>
      <summary>
        {formatCountOf(files.length, 'file')}, {formatBytes(bytes)}
      </summary>
      <ul class="small" aria-label="Files to send">
        {files.map(({ path, bytes: size }) => (
          <li key={path}>
            <span>{path}</span> <span class="muted">{formatBytes(size)}</span>
          </li>
        ))}
      </ul>
    </details>
  );
}

function Sent() {
  const { push } = useApp().exports;
  const { url = '', commit = '' } = push.report.value ?? {};
  return (
    <div class="push-sent" aria-live="polite">
      <p>
        Sent:{' '}
        <a href={url} target="_blank" rel="noreferrer">
          {url}
        </a>
        , commit {commit.slice(0, 8)}.
      </p>
      <button type="button" class="button" onClick={push.forget}>
        Send something else
      </button>
    </div>
  );
}
