/** The step as a tfjs user would write it: plain ops, autograd by tf.variableGrads, on the same device. */
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-webgpu';
import { causalMask, need, ropeFactors, type PeerInputs, type TrainingPeer } from './peer.ts';

export function tfjsPeer(given: PeerInputs, device: GPUDevice): TrainingPeer {
  const { config, inputs, targets, loraScale } = given;
  const { headCount, kvHeadCount, headSize, layerCount, rmsNormEps, vocabSize } = config;
  const tokens = inputs.length;
  const weights = new Map(
    [...given.weights].map(([name, { values, shape }]) => [name, tf.tensor(values, [...shape])]),
  );
  const adapter = new Map(
    given.adapter.map(({ name, shape, values }) => [name, tf.variable(tf.tensor2d(values, [...shape]))]),
  );
  const factors = ropeFactors(given);
  const cos = tf.tensor3d(factors.cos, [1, tokens, headSize]);
  const sin = tf.tensor3d(factors.sin, [1, tokens, headSize]);
  const mask = tf.tensor2d(causalMask(tokens), [tokens, tokens]);
  const ids = tf.tensor1d(inputs, 'int32');
  const oneHot = tf.oneHot(tf.tensor1d(targets, 'int32'), vocabSize).toFloat();

  const rmsNorm = (x: tf.Tensor, name: string): tf.Tensor =>
    x.mul(x.square().mean(-1, true).add(rmsNormEps).rsqrt()).mul(need(weights, name));
  const linear = (x: tf.Tensor, layer: number, group: string, module: string): tf.Tensor => {
    const at = `model.layers.${layer}.${group}.${module}`;
    const lora = `layers.${layer}.${module}`;
    const frozen = tf.matMul(x, need(weights, `${at}.weight`), false, true);
    const low = tf.matMul(x, need(adapter, `${lora}.A`), false, true);
    const y = frozen.add(tf.matMul(low, need(adapter, `${lora}.B`), false, true).mul(loraScale));
    const bias = weights.get(`${at}.bias`);
    return bias === undefined ? y : y.add(bias);
  };
  const heads = (x: tf.Tensor, count: number): tf.Tensor3D =>
    x.reshape([tokens, count, headSize]).transpose([1, 0, 2]);
  const rotate = (x: tf.Tensor3D): tf.Tensor3D => {
    const [a, b] = tf.split(x, 2, 2);
    return x.mul(cos).add(tf.concat([b.neg(), a], 2).mul(sin));
  };
  const repeat = (x: tf.Tensor3D): tf.Tensor3D =>
    x
      .reshape([kvHeadCount, 1, tokens, headSize])
      .tile([1, headCount / kvHeadCount, 1, 1])
      .reshape([headCount, tokens, headSize]);

  const lossOf = (): tf.Scalar => {
    let x: tf.Tensor = tf.gather(need(weights, 'model.embed_tokens.weight'), ids);
    for (let layer = 0; layer < layerCount; layer++) {
      const normed = rmsNorm(x, `model.layers.${layer}.input_layernorm.weight`);
      const q = rotate(heads(linear(normed, layer, 'self_attn', 'q_proj'), headCount));
      const k = repeat(rotate(heads(linear(normed, layer, 'self_attn', 'k_proj'), kvHeadCount)));
      const v = repeat(heads(linear(normed, layer, 'self_attn', 'v_proj'), kvHeadCount));
      const scores = tf
        .matMul(q, k, false, true)
        .mul(1 / Math.sqrt(headSize))
        .add(mask);
      const attended = tf
        .matMul(tf.softmax(scores), v)
        .transpose([1, 0, 2])
        .reshape([tokens, headCount * headSize]);
      x = x.add(linear(attended, layer, 'self_attn', 'o_proj'));
      const normed2 = rmsNorm(x, `model.layers.${layer}.post_attention_layernorm.weight`);
      const gate = linear(normed2, layer, 'mlp', 'gate_proj');
      const up = linear(normed2, layer, 'mlp', 'up_proj');
      x = x.add(linear(gate.mul(gate.sigmoid()).mul(up), layer, 'mlp', 'down_proj'));
    }
    const logits = tf.matMul(
      rmsNorm(x, 'model.norm.weight'),
      need(weights, 'model.embed_tokens.weight'),
      false,
      true,
    );
    return tf.logSumExp(logits, -1).sub(logits.mul(oneHot).sum(-1)).mean().asScalar();
  };
  const variables = [...adapter.values()];
  const run = () => tf.variableGrads(lossOf, variables);

  return {
    lossAndGradients: async () => {
      const { value, grads } = run();
      const [loss] = await value.data();
      const gradients = new Map<string, Float32Array>();
      for (const [name, variable] of adapter) {
        const gradient = grads[variable.name];
        gradients.set(name, Float32Array.from(await gradient.data()));
      }
      tf.dispose([value, grads]);
      return { loss, gradients };
    },
    step: async () => {
      const { value, grads } = run();
      await value.data(); // also submits what tfjs has queued
      await device.queue.onSubmittedWorkDone();
      tf.dispose([value, grads]);
    },
    dispose: () => tf.dispose([...weights.values(), ...variables, cos, sin, mask, ids, oneHot]),
  };
}
