/** The base model's logits in onnxruntime-web, WebGPU execution provider, from the same weights. */
import * as ort from 'ort-peer/webgpu';
import { OnnxGraph } from './onnx-writer.ts';
import { causalMask, need, ropeFactors, type PeerInputs } from './peer.ts';

export interface ForwardPeer {
  logits(): Promise<Float32Array>;
  /** Resolves when the device is done; logits stay on the GPU. */
  run(): Promise<void>;
  dispose(): Promise<void>;
}

function graphOf(given: PeerInputs): Uint8Array {
  const { config, weights, inputs } = given;
  const { headCount, kvHeadCount, headSize, layerCount, rmsNormEps, vocabSize } = config;
  const tokens = inputs.length;
  const graph = new OnnxGraph();
  const scalar = (value: number): string => graph.floats(Float32Array.of(value), []);
  const vector = (name: string): string => {
    const { values, shape } = need(weights, name);
    return graph.floats(values, shape);
  };
  /** [out, in] as stored → [in, out] as MatMul wants it. */
  const transposed = (name: string): string => {
    const { values, shape } = need(weights, name);
    const [rows, columns] = shape;
    const turned = new Float32Array(values.length);
    for (let r = 0; r < rows; r++)
      for (let c = 0; c < columns; c++) turned[c * rows + r] = values[r * columns + c];
    return graph.floats(turned, [columns, rows]);
  };
  const shapeOf = (...shape: number[]): string => graph.integers(shape);
  const epsilon = scalar(rmsNormEps);
  const [cosValues, sinValues] = Object.values(ropeFactors(given)) as [Float32Array, Float32Array];
  const cos = graph.floats(cosValues, [1, tokens, headSize]);
  const sin = graph.floats(sinValues, [1, tokens, headSize]);
  const mask = graph.floats(causalMask(tokens), [1, tokens, tokens]);
  const scale = scalar(1 / Math.sqrt(headSize));

  const rmsNorm = (x: string, name: string): string => {
    const mean = graph.node('ReduceMean', [graph.node('Mul', [x, x])], { axes: [-1], keepdims: 1 });
    const root = graph.node('Sqrt', [graph.node('Add', [mean, epsilon])]);
    return graph.node('Mul', [graph.node('Div', [x, root]), vector(name)]);
  };
  const linear = (x: string, at: string): string => {
    const y = graph.node('MatMul', [x, transposed(`${at}.weight`)]);
    return weights.has(`${at}.bias`) ? graph.node('Add', [y, vector(`${at}.bias`)]) : y;
  };
  const heads = (x: string, count: number): string =>
    graph.node('Transpose', [graph.node('Reshape', [x, shapeOf(tokens, count, headSize)])], {
      perm: [1, 0, 2],
    });
  const rotate = (x: string): string => {
    const [a, b] = graph.nodes('Split', [x], 2, { axis: 2 });
    const turned = graph.node('Concat', [graph.node('Neg', [b]), a], { axis: 2 });
    return graph.node('Add', [graph.node('Mul', [x, cos]), graph.node('Mul', [turned, sin])]);
  };
  const repeat = (x: string): string => {
    const parted = graph.node('Reshape', [x, shapeOf(kvHeadCount, 1, tokens, headSize)]);
    const group = headCount / kvHeadCount;
    const wide = graph.node('Expand', [parted, shapeOf(kvHeadCount, group, tokens, headSize)]);
    return graph.node('Reshape', [wide, shapeOf(headCount, tokens, headSize)]);
  };

  let x = graph.node('Gather', [vector('model.embed_tokens.weight'), 'ids'], { axis: 0 });
  for (let layer = 0; layer < layerCount; layer++) {
    const at = `model.layers.${layer}`;
    const normed = rmsNorm(x, `${at}.input_layernorm.weight`);
    const q = rotate(heads(linear(normed, `${at}.self_attn.q_proj`), headCount));
    const k = repeat(rotate(heads(linear(normed, `${at}.self_attn.k_proj`), kvHeadCount)));
    const v = repeat(heads(linear(normed, `${at}.self_attn.v_proj`), kvHeadCount));
    const scores = graph.node('MatMul', [q, graph.node('Transpose', [k], { perm: [0, 2, 1] })]);
    const masked = graph.node('Add', [graph.node('Mul', [scores, scale]), mask]);
    const mixed = graph.node('MatMul', [graph.node('Softmax', [masked], { axis: -1 }), v]);
    const flat = graph.node('Reshape', [
      graph.node('Transpose', [mixed], { perm: [1, 0, 2] }),
      shapeOf(tokens, headCount * headSize),
    ]);
    x = graph.node('Add', [x, linear(flat, `${at}.self_attn.o_proj`)]);
    const normed2 = rmsNorm(x, `${at}.post_attention_layernorm.weight`);
    const gate = linear(normed2, `${at}.mlp.gate_proj`);
    const silu = graph.node('Mul', [gate, graph.node('Sigmoid', [gate])]);
    const product = graph.node('Mul', [silu, linear(normed2, `${at}.mlp.up_proj`)]);
    x = graph.node('Add', [x, linear(product, `${at}.mlp.down_proj`)]);
  }
  const logits = graph.node('MatMul', [
    rmsNorm(x, 'model.norm.weight'),
    transposed('model.embed_tokens.weight'),
  ]);
  return graph.model({ name: 'ids', size: tokens }, { name: logits, shape: [tokens, vocabSize] });
}

export async function ortPeer(given: PeerInputs): Promise<ForwardPeer> {
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const session = await ort.InferenceSession.create(graphOf(given), {
    executionProviders: ['webgpu'],
    preferredOutputLocation: 'gpu-buffer',
  });
  const ids = new ort.Tensor('int64', BigInt64Array.from(given.inputs, BigInt), [given.inputs.length]);
  const output = session.outputNames[0];
  const device = await ort.env.webgpu.device;
  return {
    logits: async () => {
      const tensor = (await session.run({ ids }))[output];
      const values = (await tensor.getData(true)) as Float32Array;
      return Float32Array.from(values);
    },
    run: async () => {
      const tensor = (await session.run({ ids }))[output];
      await device.queue.onSubmittedWorkDone();
      tensor.dispose();
    },
    dispose: () => session.release(),
  };
}
