import { expect, test } from 'vitest';
import { readPeftAdapter } from '../../../src/adapter/peft.ts';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { adapterExport } from '../../../src/exporters/export-adapter.ts';
import { exportDtypes } from '../../../src/config/export-choices.ts';
import { encodeFloats, firstLost } from '../../../src/exporters/number-format.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { contentOf, fixture, jsonOf, subject, tensorsOf } from './fixtures.ts';

test('values are rounded as torch rounds them, ties and subnormal values too', () => {
  const golden = JSON.parse(new TextDecoder().decode(fixture('rounding.json'))) as Record<string, number[]>;
  const values = new Float32Array(Uint32Array.from(golden['f32']).buffer);
  for (const dtype of ['f16', 'bf16'] as const)
    expect(Array.from(new Uint16Array(encodeFloats(values, dtype).buffer)), dtype).toEqual(golden[dtype]);
});

test('a view into a larger buffer is encoded alone', () => {
  const values = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
  expect([...encodeFloats(values, 'f16')]).toEqual([0, 0x3c, 0, 0x40]);
  expect([...encodeFloats(values, 'f32')]).toEqual([0, 0, 0x80, 0x3f, 0, 0, 0, 0x40]);
});

test.each(exportDtypes)('GGUF: the bytes are those of the gguf package, %s', async (dtype) => {
  const files = adapterExport(await subject(), 'gguf', dtype);
  expect(await contentOf(files, 'adapter.gguf')).toEqual(fixture(`adapter-${dtype}.gguf`));
});

test('GGUF: only Llama has its rows of queries and keys sorted', async () => {
  const llama = await subject();
  const model = llama.model && { ...llama.model, family: 'qwen2' as const };
  const bytes = await contentOf(adapterExport({ ...llama, model }, 'gguf', 'f32'), 'adapter.gguf');
  const head = llama.modules[0].b.subarray(0, 8); // q_proj of layer 0
  const asBytes = Buffer.from(new Uint8Array(head.buffer, head.byteOffset, head.byteLength));
  expect(Buffer.from(bytes).includes(asBytes)).toBe(true);
  expect(Buffer.from(fixture('adapter-f32.gguf')).includes(asBytes)).toBe(false);
});

test('GGUF: the Modelfile names the adapter beside it and the model it belongs to', async () => {
  const files = adapterExport(await subject(), 'gguf', 'f16');
  const text = new TextDecoder().decode(await contentOf(files, 'Modelfile'));
  expect(text).toContain('\nADAPTER ./adapter.gguf\n');
  expect(text).toContain('some/llama, revision abc123');
});

test.each(exportDtypes)('PEFT: tensors and config survive, %s', async (dtype) => {
  const files = adapterExport(await subject({ chatTemplate: '{{ messages }}' }), 'peft', dtype);
  const weights = await contentOf(files, 'adapter_model.safetensors');
  expect(await tensorsOf(weights)).toEqual(await tensorsOf(fixture(`peft-${dtype}.safetensors`)));
  const config = await contentOf(files, 'adapter_config.json');
  expect(jsonOf(config)).toMatchObject({
    base_model_name_or_path: 'some/llama',
    revision: 'abc123',
    use_rslora: true,
  });
  const read = await readPeftAdapter(
    new TextDecoder().decode(config),
    await openSafetensors(bytesSource(weights)),
  );
  expect(read.settings).toEqual((await subject()).settings);
  expect(new TextDecoder().decode(await contentOf(files, 'chat_template.jinja'))).toBe('{{ messages }}');
});

test('MLX: factors are transposed, and the config has the scale', async () => {
  const files = adapterExport(await subject(), 'mlx', 'f32');
  expect(await tensorsOf(await contentOf(files, 'adapters.safetensors'))).toEqual(
    await tensorsOf(fixture('mlx.safetensors')),
  );
  expect(jsonOf(await contentOf(files, 'adapter_config.json'))).toEqual({
    fine_tune_type: 'lora',
    num_layers: 2,
    lora_parameters: {
      rank: 2,
      scale: 3 / Math.sqrt(2),
      dropout: 0,
      keys: [
        ...['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj'],
        ...['mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj'],
      ],
    },
  });
});

test('MLX: an adapter of the last layers says so, with the modules that it has', async () => {
  const whole = await subject();
  const modules = whole.modules.filter(({ layer, target }) => layer === 1 && target === 'v_proj');
  const config = jsonOf(
    await contentOf(adapterExport({ ...whole, modules }, 'mlx', 'f32'), 'adapter_config.json'),
  );
  expect(config).toMatchObject({ num_layers: 1, lora_parameters: { keys: ['self_attn.v_proj'] } });
});

test('what a format cannot hold is refused', async () => {
  const whole = await subject();
  const [first, ...rest] = whole.modules;
  const modules = [{ ...first, a: first.a.map((value, i) => (i === 3 ? 70_000 : value)) }, ...rest];
  expect(() => adapterExport({ ...whole, modules }, 'gguf', 'f16')).toThrow(/holds 70000, which f16 cannot/);
  expect(adapterExport({ ...whole, modules }, 'gguf', 'bf16')).toHaveLength(2);
  expect(firstLost(Float32Array.of(65_519), 'f16')).toBeNull(); // rounds to 65,504
  expect(firstLost(Float32Array.of(65_520), 'f16')).toBe(65_520);
});

test('without the sizes of the base, formats that need them say what to do', async () => {
  const alone = await subject({ model: null });
  expect(() => adapterExport(alone, 'gguf', 'f32')).toThrow(/name the model/);
  expect(() => adapterExport(alone, 'mlx', 'f32')).toThrow(/name the model/);
  expect(adapterExport(alone, 'peft', 'f32')).toHaveLength(2);
});

test('an adapter of another model is refused by the module that does not fit', async () => {
  const whole = await subject();
  const other = (changes: object) => ({ ...whole, model: whole.model && { ...whole.model, ...changes } });
  expect(() => adapterExport(other({ kvHeadCount: 4 }), 'gguf', 'f32')).toThrow(
    /layers\.0\.self_attn\.k_proj maps 8 to 8/,
  );
  expect(() => adapterExport(other({ layerCount: 1 }), 'mlx', 'f32')).toThrow(/layers\.1.*1 layers/);
});
