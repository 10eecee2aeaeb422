/** From which loss on a run is off its course, given the loss it began with; in nats per token. */

/** Beyond this a loss that stays there is a divergence: a perplexity e times as high, or half of the start. */
export const divergenceBound = (start: number): number => start + Math.max(1, start / 2);

/** Beyond this a step is no part of the start any more: a learning rate that is far too high has ruined the adapter in one. */
export const jumpBound = (start: number): number => start + Math.max(2, start);
