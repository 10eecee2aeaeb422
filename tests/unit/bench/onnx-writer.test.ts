import { expect, test } from 'vitest';
import { OnnxGraph } from '../../bench/peers/onnx-writer.ts';

test('a graph of one node is, byte for byte, the protocol buffer of onnx.proto3', () => {
  const graph = new OnnxGraph();
  const sum = graph.node('ReduceSum', ['x'], { axes: [-1] });
  const bytes = [...graph.model({ name: 'x', size: 300 }, { name: sum, shape: [1] })];
  const text = String.fromCharCode(...bytes);
  expect(bytes.slice(0, 4)).toEqual([0x08, 8, 0x12, 22]); // ir_version 8, producer_name of 22 bytes
  expect(text).toContain('\x0a\x01x\x12\x02v0\x1a\x0cReduceSum v0\x22\x09ReduceSum');
  // attribute "axes": ints, field 8, −1 in ten bytes; type INTS
  expect(text).toContain(`\x0a\x04axes\x40${'\xff'.repeat(9)}\x01\xa0\x01\x07`);
  // input x: tensor of int64, one dimension of 300
  expect(text).toContain('\x0a\x01x\x12\x0b\x0a\x09\x08\x07\x12\x05\x0a\x03\x08\xac\x02');
  expect(bytes.slice(-6)).toEqual([0x42, 4, 0x0a, 0, 0x10, 17]); // opset 17 of the default domain
});
