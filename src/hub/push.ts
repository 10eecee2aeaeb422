/**
 * Files to a model repository of the Hugging Face Hub, in one commit. @huggingface/hub knows the protocol (preupload, Git LFS or
 * Xet, commit). The access token goes to the hub's own address and to no other (token-door.ts).
 */
import { commitIter, createRepo, HubApiError } from '@huggingface/hub';
import type { PushReport, PushTarget } from '../api/exports.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { hubAddress, publicHubUrl, repoIdPattern, withToken } from './token-door.ts';

export interface FileToPush {
  readonly path: string;
  readonly content: Blob;
}

interface PushOptions {
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** How much of all bytes is on the hub, 0 to 1, and what is being done. */
  readonly onProgress?: (share: number, what: string) => void;
}

/** @throws TrainerError "hub-access", "hub-exists", "hub-unreachable", "config-invalid", "cancelled" */
export async function pushFiles(
  target: PushTarget,
  files: readonly FileToPush[],
  options: PushOptions = {},
): Promise<PushReport> {
  const { repo, isPrivate, addsToExisting } = target;
  const { signal, onProgress = () => undefined } = options;
  const token = target.token.trim();
  if (!repoIdPattern.test(repo))
    throw new TrainerError(
      'config-invalid',
      `"${repo}" is no name for a repository: write owner/name, with letters, digits, ".", "-" and "_".`,
    );
  if (token === '')
    throw new TrainerError(
      'hub-access',
      'To send something to the hub takes an access token of yours that may write.',
    );
  const hubUrl = hubAddress(target.hubUrl ?? publicHubUrl);
  const plainly: typeof fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
  const door = withToken(plainly, hubUrl, token);
  const access = {
    hubUrl,
    accessToken: token,
    // createRepo takes no signal of its own
    fetch: ((input, init) => door(input, signal ? { signal, ...init } : init)) satisfies typeof fetch,
  };
  const named = { type: 'model', name: repo } as const;
  const visibility = isPrivate ? 'private' : 'public';
  onProgress(0, 'Opening the repository');
  const isNew = await asked(repo, signal, async () => {
    try {
      await createRepo({ repo: named, visibility, ...access });
      return true;
    } catch (error) {
      if (error instanceof HubApiError && error.statusCode === 409) return false;
      throw error;
    }
  });
  if (!isNew && !addsToExisting)
    throw new TrainerError(
      'hub-exists',
      `${repo} is on the hub already. Choose another name, or say that the files shall be added to it.`,
    );
  const operations = files.map(({ path, content }) => ({
    operation: 'addOrUpdate' as const,
    path,
    content,
  }));
  const title = 'Upload an adapter with AltTrain Web';
  const sent = new Map<string, number>();
  const total = files.reduce((sum, { content }) => sum + content.size, 0);
  return asked(repo, signal, async () => {
    const steps = commitIter({
      repo: named,
      operations,
      title,
      ...access,
      ...(signal && { abortSignal: signal }),
    });
    for (;;) {
      const { done, value } = await steps.next();
      if (done) {
        if (value === undefined) throw new Error('the hub answered without a commit');
        return { url: `${hubUrl}/${repo}`, commit: value.commit.oid, isNew };
      }
      if (value.event === 'phase') onProgress(shareOf(files, sent, total), words[value.phase]);
      else if (value.state === 'uploading') {
        sent.set(value.path, value.progress);
        onProgress(shareOf(files, sent, total), `Sending ${value.path}`);
      }
    }
  });
}

const words = {
  preuploading: 'Asking the hub what it needs',
  uploadingLargeFiles: 'Hashing the files',
  committing: 'Making the commit',
} as const;

function shareOf(files: readonly FileToPush[], sent: ReadonlyMap<string, number>, total: number): number {
  const bytes = files.reduce((sum, { path, content }) => sum + (sent.get(path) ?? 0) * content.size, 0);
  return total === 0 ? 0 : bytes / total;
}

async function asked<T>(repo: string, signal: AbortSignal | undefined, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof TrainerError) throw error;
    if (signal?.aborted)
      throw new TrainerError(
        'cancelled',
        `Sending to ${repo} was cancelled. Nothing was committed; a repository that was made for it is there, empty.`,
      );
    if (error instanceof HubApiError) throw refused(repo, error);
    throw new TrainerError(
      'hub-unreachable',
      `The hub could not be reached to send to ${repo}, or the connection broke. Nothing was committed. Try again.`,
      String(error),
    );
  }
}

function refused(repo: string, { statusCode, message }: HubApiError): TrainerError {
  if (statusCode === 401 || statusCode === 403)
    return new TrainerError(
      'hub-access',
      `The hub does not let this token write to ${repo} (${statusCode}). It must be a token of the owner, or of a member who may write, with the permission to write.`,
      message,
    );
  if (statusCode === 429 || statusCode === 503)
    return new TrainerError('hub-busy', `The hub is busy (${statusCode}). Try again in a while.`, message);
  return new TrainerError(
    'hub-unreachable',
    `The hub answered ${statusCode} and did not take the files for ${repo}. Nothing was committed.`,
    message,
  );
}
