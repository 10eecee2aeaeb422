/**
 * The step in jax-js: jit(valueAndGrad(loss)) on its own WebGPU device. Arrays are reference-counted there: every use
 * of one but the last takes `.ref`.
 */
import { defaultDevice, init, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax';
import { causalMask, need, ropeFactors, type PeerInputs, type TrainingPeer } from './peer.ts';

type Arrays = { [name: string]: np.Array };

export async function jaxPeer(given: PeerInputs): Promise<TrainingPeer> {
  const devices = await init('webgpu');
  if (!devices.includes('webgpu')) throw new Error('jax-js found no WebGPU device');
  defaultDevice('webgpu');
  const { config, inputs, targets, loraScale } = given;
  const { headCount, kvHeadCount, headSize, layerCount, rmsNormEps } = config;
  const tokens = inputs.length;
  const array = (values: Float32Array, shape: readonly number[]): np.Array =>
    np.array(values).reshape([...shape]);
  const parameters: Arrays = Object.fromEntries(
    given.adapter.map(({ name, shape, values }) => [name, array(values, shape)]),
  );
  const { cos, sin } = ropeFactors(given);
  const oneHot = new Float32Array(tokens * config.vocabSize);
  targets.forEach((id, t) => (oneHot[t * config.vocabSize + id] = 1));
  const constants: Arrays = {
    ...Object.fromEntries(
      [...given.weights].map(([name, { values, shape }]) => [name, array(values, shape)]),
    ),
    cos: array(cos, [1, tokens, headSize]),
    sin: array(sin, [1, tokens, headSize]),
    mask: array(causalMask(tokens), [1, tokens, tokens]),
    ids: np.array(inputs),
    oneHot: array(oneHot, [tokens, config.vocabSize]),
  };

  const loss = (adapter: Arrays, frozen: Arrays): np.Array => {
    const read = (values: Arrays, name: string): np.Array => need(new Map(Object.entries(values)), name).ref;
    const rmsNorm = (x: np.Array, name: string): np.Array => {
      const mean = np.mean(np.square(x.ref), -1, { keepdims: true });
      return x.div(np.sqrt(mean.add(rmsNormEps))).mul(read(frozen, name));
    };
    const timesTransposed = (x: np.Array, w: np.Array): np.Array => np.matmul(x, w.transpose());
    const linear = (x: np.Array, layer: number, group: string, module: string): np.Array => {
      const at = `model.layers.${layer}.${group}.${module}`;
      const lora = `layers.${layer}.${module}`;
      const low = timesTransposed(x.ref, read(adapter, `${lora}.A`));
      const y = timesTransposed(x, read(frozen, `${at}.weight`)).add(
        timesTransposed(low, read(adapter, `${lora}.B`)).mul(loraScale),
      );
      return `${at}.bias` in frozen ? y.add(read(frozen, `${at}.bias`)) : y;
    };
    const heads = (x: np.Array, count: number): np.Array =>
      x.reshape([tokens, count, headSize]).transpose([1, 0, 2]);
    const rotate = (x: np.Array): np.Array => {
      const [a, b] = np.split(x.ref, 2, 2);
      return x.mul(read(frozen, 'cos')).add(np.concatenate([b.neg(), a], 2).mul(read(frozen, 'sin')));
    };
    const repeat = (x: np.Array): np.Array => np.repeat(x, headCount / kvHeadCount, 0);

    let x = np.take(read(frozen, 'model.embed_tokens.weight'), read(frozen, 'ids'), 0);
    for (let layer = 0; layer < layerCount; layer++) {
      const normed = rmsNorm(x.ref, `model.layers.${layer}.input_layernorm.weight`);
      const q = rotate(heads(linear(normed.ref, layer, 'self_attn', 'q_proj'), headCount));
      const k = repeat(rotate(heads(linear(normed.ref, layer, 'self_attn', 'k_proj'), kvHeadCount)));
      const v = repeat(heads(linear(normed, layer, 'self_attn', 'v_proj'), kvHeadCount));
      const scores = np
        .matmul(q, k.transpose([0, 2, 1]))
        .mul(1 / Math.sqrt(headSize))
        .add(read(frozen, 'mask'));
      const attended = np
        .matmul(nn.softmax(scores, -1), v)
        .transpose([1, 0, 2])
        .reshape([tokens, headCount * headSize]);
      x = x.add(linear(attended, layer, 'self_attn', 'o_proj'));
      const normed2 = rmsNorm(x.ref, `model.layers.${layer}.post_attention_layernorm.weight`);
      const gate = linear(normed2.ref, layer, 'mlp', 'gate_proj');
      const up = linear(normed2, layer, 'mlp', 'up_proj');
      x = x.add(linear(nn.silu(gate).mul(up), layer, 'mlp', 'down_proj'));
    }
    const logits = timesTransposed(
      rmsNorm(x, 'model.norm.weight'),
      read(frozen, 'model.embed_tokens.weight'),
    );
    const chosen = logits.ref.mul(read(frozen, 'oneHot')).sum(-1);
    return np.mean(nn.logsumexp(logits, -1).sub(chosen));
  };
  const compiled = jit(valueAndGrad(loss));
  const run = () => compiled(tree.ref(parameters), tree.ref(constants));

  return {
    lossAndGradients: async () => {
      const [value, grads] = run();
      const [lossValue] = await value.data();
      const gradients = new Map<string, Float32Array>();
      for (const name of Object.keys(parameters))
        gradients.set(name, Float32Array.from(await grads[name].data()));
      return { loss: lossValue, gradients };
    },
    step: async () => {
      const [value, grads] = run();
      await Promise.all(Object.values(grads).map((gradient) => gradient.blockUntilReady()));
      await value.data();
      tree.dispose(grads);
    },
    dispose: () => {
      tree.dispose(parameters);
      tree.dispose(constants);
    },
  };
}
