/** Pause, resume and stop, honoured between optimizer steps, where the adapter is consistent. */
export class RunControl {
  #stopped = false;
  #resume: (() => void) | null = null;
  #gate: Promise<void> | null = null;
  #isSaveAsked = false;

  get isStopped(): boolean {
    return this.#stopped;
  }
  get isPaused(): boolean {
    return this.#gate !== null;
  }

  pause(): void {
    if (this.#stopped || this.#gate !== null) return;
    this.#gate = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#resume?.();
    this.#resume = null;
    this.#gate = null;
  }

  askForSave(): void {
    this.#isSaveAsked = true;
  }
  /** Whether a save was asked for since this was asked. */
  takeSave(): boolean {
    const isAsked = this.#isSaveAsked;
    this.#isSaveAsked = false;
    return isAsked;
  }

  stop(): void {
    this.#stopped = true;
    this.resume();
  }

  /** Waits while paused. */
  async gate(): Promise<void> {
    while (this.#gate !== null) await this.#gate;
  }
}
