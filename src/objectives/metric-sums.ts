/** Named means that add up over micro-batches, whatever their sizes: each is a sum with the weight it is divided by. */
interface MetricSum {
  sum: number;
  weight: number;
}

export class MetricSums {
  readonly #sums = new Map<string, MetricSum>();

  /** To add to; 0 of 0 at first. */
  of(name: string): MetricSum {
    let found = this.#sums.get(name);
    if (found === undefined) this.#sums.set(name, (found = { sum: 0, weight: 0 }));
    return found;
  }

  add(other: MetricSums): void {
    for (const [name, { sum, weight }] of other.#sums) {
      const own = this.of(name);
      own.sum += sum;
      own.weight += weight;
    }
  }

  mean(name: string): number {
    const { sum, weight } = this.of(name);
    return sum / weight;
  }

  means(): Record<string, number> {
    return Object.fromEntries([...this.#sums.keys()].map((name) => [name, this.mean(name)]));
  }
}
