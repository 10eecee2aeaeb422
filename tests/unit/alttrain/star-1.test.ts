/**
 * AltTrain-1K from STAR-1 and GSM8K, which are not part of the project: their files are looked for in ../shared/data
 * beside the repository, or where ALTTRAIN_SHARED_DATA says. Without them these tests are skipped and counted as skipped, under a
 * title that says what is missing: none of them passes for nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SourceReport } from '../../../src/api/builder-api.ts';
import { nothingWritten } from '../../../src/alttrain/build-dataset.ts';
import { createBuilder } from '../../../src/alttrain/builder.ts';
import { recogniseTrace } from '../../../src/alttrain/recognise.ts';
import { shapes } from '../../../src/alttrain/shapes.ts';
import { options } from './rows.ts';

const folder =
  process.env['ALTTRAIN_SHARED_DATA'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const path = (name: string): string => join(folder, name);
const names = { harmful: 'STAR-1.json', benign: 'gsm8k_test.jsonl' } as const;
const missing = Object.values(names).filter((name) => !existsSync(path(name)));
const note = missing.length === 0 ? '' : ` (skipped: ${folder} has no ${missing.join(' and no ')})`;

describe.skipIf(missing.length > 0)(`STAR-1 and GSM8K${note}`, () => {
  const builder = createBuilder();
  let star: SourceReport;
  let gsm8k: SourceReport;
  beforeAll(async () => {
    const add = (kind: keyof typeof names): Promise<SourceReport> =>
      builder.addSource(kind, names[kind], new Blob([readFileSync(path(names[kind]))]));
    star = await add('harmful');
    gsm8k = await add('benign');
  });
  const wish = { ...options, count: 1000, harmfulShare: 0.9 };

  test('1,000 of 1,000 rows are read, and 98 % of the traces begin with an understanding', () => {
    expect(star).toMatchObject({ totalRows: 1000, harmful: 1000, rejected: [], withTrace: 1000 });
    expect(star.understandingFound).toBeGreaterThanOrEqual(980);
    // The control: worked sums do not say again what is asked.
    expect(gsm8k.understandingFound / gsm8k.withTrace).toBeLessThan(0.02);
  });

  test('an AltTrain-1K of them is recognised row by row: PU, HA, CR, answer and the label', async () => {
    const { rows, report } = await builder.build(wish, nothingWritten);
    expect(report).toMatchObject({ rows: 1000, harmful: 900, benign: 100, recognised: 1000, unfit: [] });
    const odd = rows.filter(({ parts }) => parts.map(({ kind }) => kind).join() !== 'PU,HA,CR,answer');
    expect(odd.map(({ response }) => response)).toEqual([]);
    expect(report.words.sample.mean).toBeGreaterThan(60);
    expect(report.words.sample.mean).toBeLessThan(120);
  });

  test.each(shapes)('1,000 rows of shape $id hold the same prompts', async ({ id, harmful }) => {
    const full = await builder.build(wish, nothingWritten);
    const { rows } = await builder.build({ ...wish, shape: id }, nothingWritten);
    expect(rows.map(({ key }) => key)).toEqual(full.rows.map(({ key }) => key));
    const hasAssessment = harmful.thought.includes('assessment');
    const found = rows.filter(
      ({ label, response }) =>
        label === 'harmful' && recogniseTrace(response).parts.some(({ kind }) => kind === 'HA'),
    );
    if (hasAssessment) expect(found).toHaveLength(900);
    else expect(found.length).toBeLessThan(20); // traces of STAR-1 that judge in their second sentence
  });
});
