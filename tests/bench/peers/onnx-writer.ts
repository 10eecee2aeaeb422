/**
 * As much of the ONNX format (onnx.proto3, IR 8, opset 17) as a forward pass needs: nodes, float and int64 initializers,
 * one input, one output. Protocol buffers are tags, variable-length integers and length-prefixed bytes.
 */
type Bytes = Uint8Array;

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

function joined(parts: readonly Bytes[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const int = (field: number, value: number): Bytes =>
  Uint8Array.from([...varint(field * 8), ...varint(value)]);
const bytes = (field: number, value: Bytes): Bytes =>
  joined([Uint8Array.from([...varint(field * 8 + 2), ...varint(value.length)]), value]);
const text = (field: number, value: string): Bytes => bytes(field, new TextEncoder().encode(value));
const message = (field: number, parts: readonly Bytes[]): Bytes => bytes(field, joined(parts));

const elementTypes = { float: 1, int64: 7 } as const;
type ElementType = keyof typeof elementTypes;
export type Attribute = number | readonly number[];

/** Whole numbers only: INT is attribute type 2, INTS is 7. Negative ones take ten bytes, two's complement. */
function attribute(name: string, value: Attribute): Bytes {
  const parts =
    typeof value === 'number'
      ? [signed(3, value), int(20, 2)]
      : [...value.map((one) => signed(8, one)), int(20, 7)];
  return message(5, [text(1, name), ...parts]);
}

function signed(field: number, value: number): Bytes {
  if (value >= 0) return int(field, value);
  const all: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 128n) {
    all.push(Number(rest & 127n) | 128);
    rest >>= 7n;
  }
  return Uint8Array.from([...varint(field * 8), ...all, Number(rest)]);
}

export class OnnxGraph {
  readonly #nodes: Bytes[] = [];
  readonly #initializers: Bytes[] = [];
  #next = 0;

  /** Adds a node; returns the names of its outputs. */
  nodes(
    op: string,
    inputs: readonly string[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string[] {
    const names = Array.from({ length: outputs }, () => `v${this.#next++}`);
    this.#nodes.push(
      message(1, [
        ...inputs.map((name) => text(1, name)),
        ...names.map((name) => text(2, name)),
        text(3, `${op} ${names[0]}`),
        text(4, op),
        ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
      ]),
    );
    return names;
  }

  node(op: string, inputs: readonly string[], attributes: Readonly<Record<string, Attribute>> = {}): string {
    return this.nodes(op, inputs, 1, attributes)[0];
  }

  floats(values: Float32Array, shape: readonly number[]): string {
    return this.#initializer(
      'float',
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
      shape,
    );
  }

  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#initializer('int64', new Uint8Array(data.buffer), [values.length]);
  }

  #initializer(type: ElementType, raw: Bytes, shape: readonly number[]): string {
    const name = `w${this.#next++}`;
    const dims = shape.map((size) => int(1, size));
    this.#initializers.push(message(5, [...dims, int(2, elementTypes[type]), text(8, name), bytes(9, raw)]));
    return name;
  }

  /** The model's file. The input is int64 and one-dimensional; `output` names a value and its shape. */
  model(
    input: { readonly name: string; readonly size: number },
    output: { readonly name: string; readonly shape: readonly number[] },
  ): Bytes {
    const value = (field: number, name: string, type: ElementType, shape: readonly number[]): Bytes => {
      const dims = shape.map((size) => message(1, [int(1, size)]));
      return message(field, [
        text(1, name),
        message(2, [message(1, [int(1, elementTypes[type]), message(2, dims)])]),
      ]);
    };
    const graph = message(7, [
      ...this.#nodes,
      text(2, 'forward'),
      ...this.#initializers,
      value(11, input.name, 'int64', [input.size]),
      value(12, output.name, 'float', output.shape),
    ]);
    return joined([
      int(1, 8),
      text(2, 'alttrain-web benchmark'),
      graph,
      message(8, [text(1, ''), int(2, 17)]),
    ]);
  }
}
