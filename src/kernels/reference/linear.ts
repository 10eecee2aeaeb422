/** The definition of a frozen linear layer and of the LoRA factors' gradients, in plain float64 loops. */
type Values = ArrayLike<number>;

export const linearReference = {
  /** y[m, n] = Σ_k x[m, k] · w[n, k] (+ bias[n]). */
  forward(
    x: Values,
    w: Values,
    { m, n, k }: { m: number; n: number; k: number },
    bias: Values | null = null,
  ): Float64Array {
    const y = new Float64Array(m * n);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = bias === null ? 0 : at(bias, j);
        for (let c = 0; c < k; c++) sum += at(x, i * k + c) * at(w, j * k + c);
        y[i * n + j] = sum;
      }
    }
    return y;
  },

  /** dx[m, k] = Σ_n dy[m, n] · w[n, k]. */
  dx(dy: Values, w: Values, { m, n, k }: { m: number; n: number; k: number }): Float64Array {
    const dx = new Float64Array(m * k);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const d = at(dy, i * n + j);
        for (let c = 0; c < k; c++) dx[i * k + c] = at(dx, i * k + c) + d * at(w, j * k + c);
      }
    }
    return dx;
  },

  /** dw[p, q] = scale · Σ_m a[m, p] · b[m, q]. */
  outerSum(
    a: Values,
    b: Values,
    { m, p, q }: { m: number; p: number; q: number },
    scale: number,
  ): Float64Array {
    const dw = new Float64Array(p * q);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < p; j++) {
        for (let c = 0; c < q; c++)
          dw[j * q + c] = at(dw, j * q + c) + scale * at(a, i * p + j) * at(b, i * q + c);
      }
    }
    return dw;
  },
};

export const at = (values: Values, index: number): number => values[index];
