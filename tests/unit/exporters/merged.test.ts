import { expect, test } from 'vitest';
import { openSafetensors } from '../../../src/adapter/safetensors.ts';
import { mergedFiles, storedDtype } from '../../../src/exporters/merged.ts';
import { exportDtypes, type ExportDtype } from '../../../src/config/export-choices.ts';
import { bytesSource } from '../../../src/support/byte-source.ts';
import { openBase } from '../../../src/trainer/export-subject.ts';
import { contentOf, fixture, jsonOf, modelFiles, subject } from './fixtures.ts';

const shardNames = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];

async function merge(dtype: ExportDtype) {
  return mergedFiles(await subject(), await openBase(modelFiles()), dtype);
}

test.each(exportDtypes)(
  'weights are W + scale · B · A, rounded once, in the shards they were in: %s',
  async (dtype) => {
    const files = await merge(dtype);
    const golden = await openSafetensors(bytesSource(fixture(`merged-${dtype}.safetensors`)));
    const names: string[] = [];
    for (const shard of shardNames) {
      const file = await openSafetensors(bytesSource(await contentOf(files, shard)));
      expect(file.metadata['format']).toBe('pt');
      for (const [name, { dtype: written }] of file.tensors) {
        names.push(name);
        expect(written).toBe(golden.tensors.get(name)?.dtype);
        const [values, wanted] = [await file.readFloat32(name), await golden.readFloat32(name)];
        // The order of a sum may move a value over the edge of a rounding: by one unit in the last place.
        const unit = { f32: 2 ** -23, f16: 2 ** -10, bf16: 2 ** -7 }[dtype];
        values.forEach((value, i) =>
          expect(Math.abs(value - wanted[i])).toBeLessThanOrEqual(Math.abs(wanted[i]) * unit),
        );
        const isAdapted = /proj/.test(name);
        if (!isAdapted) expect(values).toEqual(wanted);
      }
    }
    expect(names.sort()).toEqual([...golden.tensors.keys()].sort());
  },
);

test.each(exportDtypes)('chunks that are written over give the same bytes: %s', async (dtype) => {
  const [kept, fleeting] = [
    await merge(dtype),
    await mergedFiles(await subject(), await openBase(modelFiles()), dtype, true),
  ];
  for (const shard of shardNames)
    expect(await contentOf(fleeting, shard)).toEqual(await contentOf(kept, shard));
});

test('the folder says what it holds: dtype, total size, and which shard has what', async () => {
  const files = await merge('f32');
  expect(jsonOf(await contentOf(files, 'config.json'))).toMatchObject({
    torch_dtype: 'float32',
    hidden_size: 8,
  });
  const index = jsonOf(await contentOf(files, 'model.safetensors.index.json'));
  const base = jsonOf(fixture('model/model.safetensors.index.json'));
  expect(index['weight_map']).toEqual(base['weight_map']);
  expect(index['metadata']).toEqual({
    total_size: 2 * (base['metadata'] as { total_size: number }).total_size,
  });
});

test('without a wish the weights stay in the format they are in', async () => {
  expect(storedDtype(await openBase(modelFiles()))).toBe('bf16');
});

test('a base of other sizes is refused before anything is written', async () => {
  const whole = await subject();
  const model = whole.model && { ...whole.model, hiddenSize: 16 };
  await expect(mergedFiles({ ...whole, model }, await openBase(modelFiles()), 'f32')).rejects.toThrow(
    /another model/,
  );
});
