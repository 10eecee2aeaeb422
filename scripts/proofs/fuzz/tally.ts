/** What became of the cases, by kind of file. */
import { kinds } from './kinds.ts';
import { kindOf, type Outcome } from './run-case.ts';

export class Tally {
  faultCount = 0;
  highestRss = 0; // bytes
  slowest: Outcome | null = null;
  readonly #counts = new Map<string, Map<string, number>>();
  readonly #onFault: (number: number, what: string) => void;

  constructor(onFault: (number: number, what: string) => void) {
    this.#onFault = onFault;
  }

  add(outcome: Outcome, rss: number): void {
    this.#count(outcome.kind, outcome.result);
    if (outcome.fault !== null) this.#tell(outcome.number, outcome.fault);
    this.highestRss = Math.max(this.highestRss, rss);
    if (this.slowest === null || outcome.ms > this.slowest.ms) this.slowest = outcome;
  }

  /** A hang or a crash. */
  addFault(number: number, what: string): void {
    this.#count(kindOf(number).name, 'fault');
    this.#tell(number, what);
  }

  #tell(number: number, what: string): void {
    this.faultCount++;
    this.#onFault(number, what);
  }

  #count(kind: string, result: string): void {
    const counts = this.#counts.get(kind) ?? new Map<string, number>();
    this.#counts.set(kind, counts.set(result, (counts.get(result) ?? 0) + 1));
  }

  table(): string {
    const rows = kinds.flatMap(({ name }) => {
      const counts = this.#counts.get(name);
      if (counts === undefined) return [];
      const tried = [...counts.values()].reduce((sum, count) => sum + count, 0);
      const codes = [...counts].filter(([result]) => result !== 'success' && result !== 'fault');
      const coded = codes.sort(([, a], [, b]) => b - a).map(([code, count]) => `${code} ${count}`);
      return [
        `| ${[name, tried, counts.get('success') ?? 0, coded.join(', '), counts.get('fault') ?? 0].join(' | ')} |`,
      ];
    });
    return [
      '| file | tried | read | refused, by code | faults |',
      '| --- | ---: | ---: | --- | ---: |',
      ...rows,
    ].join('\n');
  }

  summary(): string {
    const { slowest } = this;
    const slow =
      slowest === null
        ? ''
        : `; slowest case ${slowest.number} (${slowest.kind}), ${Math.round(slowest.ms)} ms`;
    return `${this.faultCount} faults; most memory of the process ${Math.round(this.highestRss / 1e6)} MB${slow}`;
  }
}
