/** Which tokens top-p keeps, in plain float64: transformers' TopPLogitsWarper after a temperature, with equals treated alike. */
export function topPReference(logits: ArrayLike<number>, temperature: number, topP: number): boolean[] {
  const scores = Array.from(logits, (logit) => logit / temperature);
  const largest = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return scores.map((score) => {
    const upToIt = weights.reduce((sum, weight, i) => (scores[i] <= score ? sum + weight : sum), 0);
    return score === largest || upToIt / total > 1 - topP;
  });
}
