/** How far a download is, how fast, and how long it will take. */

export interface Transfer {
  readonly file: string; // with why it waits, where it does
  readonly done: number; // bytes of this file
  readonly total: number;
  readonly bytesPerSecond: number; // over the last seconds, all files
  readonly secondsLeft: number | null; // for this file; null: cannot be told yet
}

const windowMs = 5_000;
const betweenReportsMs = 200;

export interface TransferMeter {
  received(file: string, done: number, total: number, newBytes: number): void;
  /** Nothing comes for now; `ms`: until it is asked for again, where that is known. */
  waits(file: string, why: string, ms: number | null): void;
}

export function createTransferMeter(
  onTransfer: (transfer: Transfer) => void,
  nowMs: () => number = () => performance.now(),
): TransferMeter {
  const recent: { readonly atMs: number; readonly bytes: number }[] = [{ atMs: nowMs(), bytes: 0 }];
  let reportedAtMs = Number.NEGATIVE_INFINITY;
  let reportedFile: string | null = null;
  const amounts = new Map<string, { readonly done: number; readonly total: number }>();
  return {
    received(file, done, total, newBytes) {
      const atMs = nowMs();
      amounts.set(file, { done, total });
      recent.push({ atMs, bytes: newBytes });
      while (recent.length > 2 && atMs - recent[0].atMs > windowMs) recent.shift();
      if (file === reportedFile && atMs - reportedAtMs < betweenReportsMs && done < total) return;
      reportedAtMs = atMs;
      reportedFile = file;
      // What the first entry brought, it brought before the window began.
      const bytes = recent.slice(1).reduce((sum, entry) => sum + entry.bytes, 0);
      const seconds = (atMs - recent[0].atMs) / 1000;
      const bytesPerSecond = seconds > 0 ? bytes / seconds : 0;
      const secondsLeft = bytesPerSecond > 0 ? (total - done) / bytesPerSecond : null;
      onTransfer({ file, done, total, bytesPerSecond, secondsLeft });
    },
    waits(file, why, ms) {
      reportedAtMs = Number.NEGATIVE_INFINITY; // the next bytes are told at once
      const again = ms === null ? '' : `, asked again in ${Math.max(1, Math.round(ms / 1000))} s`;
      const { done, total } = amounts.get(file) ?? { done: 0, total: 0 };
      onTransfer({ file: `${file}: ${why}${again}`, done, total, bytesPerSecond: 0, secondsLeft: null });
    },
  };
}
