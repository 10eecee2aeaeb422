import { describe, expect, test } from 'vitest';
import { columns, fitLine, resultCells, textTable } from '../../bench/format.ts';
import { noPeers, type BenchResult } from '../../bench/protocol.ts';

const result: BenchResult = {
  name: 'linear f32',
  shape: '256x1536x1536',
  medianMs: 100,
  spread: 0.05,
  gflops: 12.08,
  gbps: 0.1,
  ofRoof: 0.725,
  versus: { tfjs: 20.5, jaxjs: null, ort: null },
  failure: null,
  figures: { tokensPerSecond: 1234.56 },
};

describe('the table', () => {
  test('a result says its figures in words and whom it beats', () => {
    expect(resultCells(result)).toEqual([
      'linear f32',
      '256x1536x1536',
      '100.00',
      '5 %',
      '12.1',
      '0.1',
      '73 %',
      'tokens per second 1235, 20.5× faster than tfjs',
    ]);
  });
  test('a wrong kernel shows no time, only why', () => {
    const nothing = { medianMs: null, spread: null, gflops: null, gbps: null, ofRoof: null };
    const cells = resultCells({ ...result, ...nothing, versus: noPeers, figures: {}, failure: 'wrong' });
    expect(cells.slice(2)).toEqual(['', '', '', '', '', 'FAILED: wrong']);
  });
  test('columns line up and no line ends in blanks', () => {
    const [head, row] = textTable([columns, resultCells(result)]).split('\n');
    expect(row.indexOf('73 %') + '73 %'.length).toBe(head.indexOf('of roof') + 'of roof'.length);
    expect([head, row].every((line) => line === line.trimEnd())).toBe(true);
  });
  test('a fit shows intercept, slope and R²', () => {
    const fit = { name: 'step', x: 'layer', slopeMs: 2.5, interceptMs: 1, r2: 0.99987 };
    expect(fitLine(fit)).toBe('step: 1.0 ms + 2.50 ms per layer, R² 0.9999');
  });
});
