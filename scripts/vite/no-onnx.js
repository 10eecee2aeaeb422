/**
 * Stands in for onnxruntime-web, onnxruntime-node and sharp, which @xenova/transformers imports at load time.
 * Only its tokenizers are used here, so the runtimes (196 KiB gzip, with a direct eval) stay out of the bundle.
 */
export const env = { wasm: {} };
export class Tensor {}
export class InferenceSession {}
export default { env, Tensor, InferenceSession };
