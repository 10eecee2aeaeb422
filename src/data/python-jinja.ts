/**
 * Chat templates as transformers renders them: @huggingface/jinja reads and runs them, and where it differs from Python's
 * jinja2 in what templates use, Python's way is put in its place here: methods of texts, trim, equality, what is printed,
 * what a loop's body may remember, and what must not be asked of an undefined value.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import {
  STEPS_PER_ROUND,
  MAX_RANGE,
  MAX_TEMPLATE_CHARS,
  sizeOfMessages,
  TemplateBudget,
} from './template-budget.ts';
import { stripped, textMethods, titledByFilter, type PythonValue } from './python-text.ts';

type Node = Readonly<Record<string, unknown>> & { readonly type: string };
interface Value {
  readonly type: string;
  readonly value: unknown;
  __bool__(): { readonly value: boolean };
  toString(): string;
}
/** The parts of the library's interpreter that are called or replaced. */
interface Internals {
  evaluate(node: Node | undefined, scope: Environment): Value;
  evaluateBlock(nodes: readonly Node[], scope: Environment): Value;
  evaluateArguments(nodes: readonly Node[], scope: Environment): [Value[], Map<string, Value>];
  run(program: unknown): Value;
}

export interface PythonTemplate {
  /** @throws Error what the template raises, and what is not supported. */
  render(variables: Readonly<Record<string, unknown>>): string;
}

/** @throws Error what is no template */
export function compileTemplate(text: string): PythonTemplate {
  if (text.length > MAX_TEMPLATE_CHARS)
    throw new SyntaxError(`it has ${text.length} characters, and up to ${MAX_TEMPLATE_CHARS} are read`);
  const program = parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true })) as unknown as Node;
  const loopBodies = new WeakSet();
  markLoopBodies(program, loopBodies);
  return {
    render: (variables) => {
      const scope = new Environment();
      for (const [name, value] of Object.entries({ ...globals, ...variables })) scope.set(name, value);
      const budget = new TemplateBudget(sizeOfMessages(variables['messages']));
      return String(pythonic(scope, loopBodies, budget).run(program).value);
    },
  };
}

const globals = {
  ...{ true: true, True: true, false: false, False: false, none: null, None: null },
  raise_exception: (message: string) => {
    throw new Error(message);
  },
  range: (...args: readonly number[]) => {
    const [start, stop] = args.length === 1 ? [0, args[0]] : args;
    const step = args[2] ?? 1;
    if (step === 0) throw new RangeError('range() arg 3 must not be zero');
    const count = Math.max(0, Math.ceil((stop - start) / step));
    if (!(count <= MAX_RANGE)) throw new RangeError(`range() of ${count} numbers`);
    return Array.from({ length: count }, (_, i) => start + i * step);
  },
};

function markLoopBodies(node: unknown, bodies: WeakSet<object>): void {
  if (Array.isArray(node)) for (const item of node) markLoopBodies(item, bodies);
  else if (node instanceof Map) markLoopBodies([...node.keys(), ...node.values()], bodies);
  else if (typeof node === 'object' && node !== null) {
    const { type, body } = node as Node;
    if (type === 'For' && Array.isArray(body)) bodies.add(body);
    for (const part of Object.values(node)) markLoopBodies(part, bodies);
  }
}

/** A node whose value is known: what was evaluated once is not evaluated again when the library goes on with it. */
const known = (value: Value): Node => ({ type: 'KnownValue', value });

function pythonic(globalScope: Environment, loopBodies: WeakSet<object>, budget: TemplateBudget): Internals {
  const interpreter = new Interpreter(globalScope) as unknown as Internals;
  const evaluate = interpreter.evaluate.bind(interpreter);
  const made = (value: PythonValue): Value => {
    budget.spendOn(value); // before it becomes a list of the library's objects
    return wrapped(value);
  };
  const printed = (value: Value): string => {
    if (typeof value.value === 'object') spendOnWhole(value, budget);
    return printedWhole(value);
  };
  const isEqual = (left: Value, right: Value): boolean => {
    if (typeof left.value === 'object' && typeof right.value === 'object') spendOnWhole(left, budget);
    return isEqualWhole(left, right);
  };
  let numberLimit = Number.POSITIVE_INFINITY; // of the arguments that are evaluated next
  const evaluateArguments = interpreter.evaluateArguments.bind(interpreter);
  interpreter.evaluateArguments = (nodes, scope) => {
    const limit = numberLimit;
    numberLimit = Number.POSITIVE_INFINITY;
    const [given, named] = evaluateArguments(nodes, scope);
    for (const { value } of [...given, ...named.values()])
      if (typeof value === 'number' && value > limit)
        throw new RangeError(`it indents by ${value}, and up to ${limit} are accepted`);
    return [given, named];
  };
  const argumentsOf = (nodes: unknown, scope: Environment): PythonValue[] => {
    const [given, named] = interpreter.evaluateArguments(nodes as Node[], scope);
    // The only names that templates give: chars, sep, maxsplit, count, keepends; none of them skips one before it, but these.
    for (const value of [...given, ...named.values()]) spendOnWhole(value, budget);
    const values = given.map(plainValue);
    for (const [name, value] of named)
      values[name === 'maxsplit' ? 1 : name === 'count' ? 2 : values.length] = plainValue(value);
    return values;
  };

  const handlers: Record<string, (node: Node, scope: Environment) => Value> = {
    KnownValue: (node) => node['value'] as Value,
    Break: () => {
      throw new Jump(false);
    },
    Continue: () => {
      throw new Jump(true);
    },
    CallExpression: (node, scope) => {
      const callee = node['callee'] as Node;
      const name = methodName(callee);
      if (name === null) return evaluate(node, scope);
      const owner = interpreter.evaluate(callee['object'] as Node, scope);
      if (owner.type === 'UndefinedValue') throw new TypeError(`${name}() of an undefined value`);
      if (owner.type === 'StringValue') {
        if (!Object.hasOwn(textMethods, name))
          throw new TypeError(`the method ${name} of texts is not supported`);
        const text = owner.value as string;
        const args = argumentsOf(node['args'], scope);
        assertRoom(name, text, args, budget);
        return made(textMethods[name](text, args));
      }
      return evaluate({ ...node, callee: { ...callee, object: known(owner) } }, scope);
    },
    FilterExpression: (node, scope) => {
      const filter = node['filter'] as Node;
      const isCall = filter.type === 'CallExpression';
      const name = ((isCall ? filter['callee'] : filter) as Node)['value'];
      const operand = interpreter.evaluate(node['operand'] as Node, scope);
      const byLibrary = (): Value => evaluate({ ...node, operand: known(operand) }, scope);
      if (typeof name !== 'string' || !filtersOfText.has(name)) {
        if (name === 'tojson') spendOnWhole(operand, budget);
        if (name === 'indent' && operand.type === 'StringValue')
          budget.assertChars(MAX_INDENT * (operand.value as string).split('\n').length);
        if (name === 'join' && (operand.type === 'ArrayValue' || operand.type === 'StringValue')) {
          const [given, named] = isCall
            ? interpreter.evaluateArguments(filter['args'] as Node[], scope)
            : [[], new Map<string, Value>()];
          assertJoin(operand.value as Value[] | string, [...given, ...named.values()], budget);
          if (!isCall) return byLibrary();
          const args = [
            ...given.map(known),
            ...[...named].map(([key, value]) => namedNode(key, known(value))),
          ];
          return evaluate({ ...node, operand: known(operand), filter: { ...filter, args } }, scope);
        }
        numberLimit = name === 'tojson' || name === 'indent' ? MAX_INDENT : Number.POSITIVE_INFINITY;
        return byLibrary();
      }
      const args = isCall ? argumentsOf(filter['args'], scope) : [];
      if (name === 'trim') return wrapped(stripped(printed(operand), 'both', args[0]));
      if (name === 'string') return wrapped(printed(operand));
      if (operand.type !== 'StringValue') return byLibrary();
      const text = operand.value as string;
      if (name === 'length' || name === 'count') return wrapped([...text].length);
      if (name === 'list') return made([...text]);
      if (name === 'first') return wrapped([...text][0]);
      if (name === 'last') return wrapped([...text].at(-1));
      if (name === 'title') return wrapped(titledByFilter(text));
      assertRoom(name, text, args, budget);
      return made(textMethods[name](text, args));
    },
    BinaryExpression: (node, scope) => {
      const operator = (node['operator'] as Node)['value'];
      if (operator === 'and' || operator === 'or') return evaluate(node, scope);
      const [left, right] = ['left', 'right'].map((side) => interpreter.evaluate(node[side] as Node, scope));
      if (operator === 'in' || operator === 'not in') budget.spendOn(right.value);
      if (operator === '==') return wrapped(isEqual(left, right));
      if (operator === '!=') return wrapped(!isEqual(left, right));
      if (operator === '~') return wrapped(printed(left) + printed(right));
      if (operator === '+' && (left.type === 'StringValue') !== (right.type === 'StringValue'))
        throw new TypeError(`can only concatenate texts: ${left.type} and ${right.type}`);
      if (operator === '*' && left.type === 'StringValue' && right.type === 'IntegerValue') {
        const [text, times] = [left.value as string, Math.max(0, right.value as number)];
        budget.assertChars(text.length * times);
        return wrapped(text.repeat(times));
      }
      if (operator === '%' && left.type === 'IntegerValue' && right.type === 'IntegerValue') {
        const [a, b] = [left.value as number, right.value as number];
        return wrapped(((a % b) + b) % b);
      }
      if ((operator === 'in' || operator === 'not in') && Array.isArray(right.value))
        return wrapped(right.value.some((item: Value) => isEqual(left, item)) === (operator === 'in'));
      return evaluate({ ...node, left: known(left), right: known(right) }, scope);
    },
    MemberExpression: (node, scope) => {
      const object = interpreter.evaluate(node['object'] as Node, scope);
      if (object.type === 'UndefinedValue') throw new TypeError('something is asked of an undefined value');
      const isIndex = node['computed'] === true && (node['property'] as Node).type !== 'SliceExpression';
      const rest: Node = { ...node, object: known(object) };
      if (object.type === 'StringValue') budget.spendOn(object.value);
      if (object.type !== 'StringValue' || !isIndex) return evaluate(rest, scope);
      const property = interpreter.evaluate(node['property'] as Node, scope);
      return typeof property.value === 'number'
        ? wrapped([...(object.value as string)].at(property.value))
        : evaluate({ ...rest, property: known(property) }, scope);
    },
  };

  const loops: Loop[] = [];
  handlers['For'] = (node, scope) => {
    const loop: Loop = { text: '', isThrough: false };
    loops.push(loop);
    evaluate(node, scope);
    loops.pop();
    // The library forgets what a round wrote before it was left.
    if (loop.isThrough) return wrapped(loop.text);
    return wrapped(loop.text + printed(interpreter.evaluateBlock(node['defaultBlock'] as Node[], scope)));
  };
  interpreter.evaluate = (node, scope) => {
    if (node === undefined) return evaluate(node, scope);
    budget.spend();
    const handle = Object.hasOwn(handlers, node.type) ? handlers[node.type] : evaluate;
    const value = handle(node, scope);
    if (!readsOnly.has(node.type)) budget.spendOn(value.value, writes.has(node.type) ? 'written' : 'joined');
    return value;
  };
  interpreter.evaluateBlock = (nodes, outer) => {
    const isRound = loopBodies.has(nodes);
    budget.spend(isRound ? STEPS_PER_ROUND : 1);
    const loop = loops.at(-1);
    // What a loop's body sets is forgotten at its end.
    const scope = isRound ? new Environment(outer) : outer;
    let text = '';
    try {
      for (const node of nodes) {
        const value = interpreter.evaluate(node, scope);
        text += silent.has(node.type) ? '' : printed(value);
      }
    } catch (error) {
      if (!(error instanceof Jump)) throw error;
      error.text = text + error.text;
      if (!isRound || loop === undefined) throw error;
      loop.text += error.text;
      return error.isContinue ? wrapped('') : evaluate({ type: 'Break' }, scope); // throws what ends the library's loop
    }
    if (isRound && loop !== undefined) {
      loop.text += text;
      loop.isThrough = true;
    }
    return wrapped(text);
  };
  return interpreter;
}

interface Loop {
  text: string;
  isThrough: boolean; // a round came to its end; without one, {% else %} is rendered, as in jinja2
}
/** Out of a round of a loop, with what it has written so far. */
class Jump extends Error {
  text = '';
  readonly isContinue: boolean;
  constructor(isContinue: boolean) {
    super(isContinue ? 'continue' : 'break');
    this.isContinue = isContinue;
  }
}

/** Nodes that make texts letter by letter. */
const writes = new Set(['CallExpression', 'FilterExpression']);
/** Nodes that give what was there. */
const readsOnly = new Set(['Identifier', 'KnownValue', 'MemberExpression', 'StringLiteral']);

/** Methods that make more text than they are given. */
function assertRoom(name: string, text: string, args: readonly PythonValue[], budget: TemplateBudget): void {
  if (name === 'replace') {
    const [from, to] = args;
    if (typeof from !== 'string' || typeof to !== 'string') return; // refused by the method
    budget.spend(text.length / 128);
    const found = from === '' ? text.length + 1 : text.split(from).length - 1;
    budget.assertChars(text.length + found * to.length);
  } else if (name === 'join' && Array.isArray(args[0])) {
    const parts = args[0] as readonly PythonValue[];
    const lengthOf = (part: PythonValue): number => (typeof part === 'string' ? part.length : 0);
    budget.assertChars(parts.reduce((sum: number, part) => sum + lengthOf(part) + text.length, 0));
  }
}

/** `join` of a list or of letters, whose separator is any of its arguments. */
function assertJoin(items: readonly Value[] | string, args: readonly Value[], budget: TemplateBudget): void {
  const lengthOf = ({ value }: Value): number => (typeof value === 'string' ? value.length : 0);
  const separator = Math.max(0, ...args.map(lengthOf));
  budget.assertChars(
    typeof items === 'string'
      ? items.length * (1 + separator)
      : items.reduce((sum, item) => sum + lengthOf(item) + separator, 0),
  );
}

const namedNode = (name: string, value: Node): Node => ({
  type: 'KeywordArgumentExpression',
  key: { type: 'Identifier', value: name },
  value,
});

/** A list of lists can be small and endless when it is written out. */
function spendOnWhole(value: Value, budget: TemplateBudget): void {
  budget.spend();
  if (typeof value.value === 'string') budget.spendOn(value.value);
  else if (Array.isArray(value.value)) for (const item of value.value as Value[]) spendOnWhole(item, budget);
  else if (value.value instanceof Map)
    for (const item of (value.value as Map<string, Value>).values()) spendOnWhole(item, budget);
}

const MAX_INDENT = 64; // spaces before a line, of `indent` and `tojson`

/** Statements whose value is nothing to print. */
const silent = new Set(['Set', 'Macro', 'Comment', 'Break', 'Continue']);
const filtersOfText = new Set([
  ...['trim', 'string', 'length', 'count', 'list', 'first', 'last'],
  ...['upper', 'lower', 'title', 'capitalize', 'replace'],
]);

function methodName(callee: Node): string | null {
  const property = callee['property'] as Node | undefined;
  if (callee.type !== 'MemberExpression' || callee['computed'] === true || property?.type !== 'Identifier')
    return null;
  return property['value'] as string;
}

/** JavaScript's value as one of the library's. */
function wrapped(value: PythonValue): Value {
  maker.variables.delete('value');
  return maker.set('value', value);
}
const maker = new Environment();

function plainValue(value: Value): PythonValue {
  if (Array.isArray(value.value)) return value.value.map((item: Value) => plainValue(item));
  if (typeof value.value === 'object' && value.value !== null)
    throw new TypeError(`${value.type} is given where a text is expected`);
  return value.value as PythonValue;
}

/** str() of Python. */
function printedWhole(value: Value): string {
  if (value.type === 'StringValue') return value.value as string;
  if (value.type === 'UndefinedValue') return '';
  return representation(value);
}

/** repr() of Python. */
function representation(value: Value): string {
  switch (value.type) {
    case 'StringValue':
      return quoted(value.value as string);
    case 'NullValue':
      return 'None';
    case 'BooleanValue':
      return value.value === true ? 'True' : 'False';
    case 'ArrayValue':
      return `[${(value.value as Value[]).map(representation).join(', ')}]`;
    case 'TupleValue': {
      const items = (value.value as Value[]).map(representation);
      return items.length === 1 ? `(${items[0]},)` : `(${items.join(', ')})`;
    }
    case 'ObjectValue':
      return `{${[...(value.value as Map<string, Value>)].map(([key, item]) => `${quoted(key)}: ${representation(item)}`).join(', ')}}`;
    case 'IntegerValue':
    case 'FloatValue':
      return value.toString();
    default:
      throw new TypeError(`${value.type} cannot be printed`);
  }
}

function quoted(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text
    .replaceAll('\\', '\\\\')
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('\r', String.raw`\r`)
    .replaceAll('\t', String.raw`\t`)
    .replaceAll(mark, `\\${mark}`)
    .replaceAll(/[^\P{C}\n\r\t]|[^\P{Z} ]/gu, (letter) => {
      const code = (letter.codePointAt(0) ?? 0).toString(16);
      if (code.length <= 2) return String.raw`\x` + code.padStart(2, '0');
      return code.length <= 4
        ? String.raw`\u` + code.padStart(4, '0')
        : String.raw`\U` + code.padStart(8, '0');
    });
  return mark + inside + mark;
}

const kindOf = ({ type }: Value): string =>
  ['IntegerValue', 'FloatValue', 'BooleanValue'].includes(type) ? 'number' : type;

function isEqualWhole(left: Value, right: Value): boolean {
  if (kindOf(left) !== kindOf(right)) return false;
  if (kindOf(left) === 'number') return Number(left.value) === Number(right.value);
  const [a, b] = [left.value, right.value];
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item: Value, i) => isEqualWhole(item, b[i] as Value));
  if (left.type === 'ObjectValue' && a instanceof Map && b instanceof Map)
    return (
      a.size === b.size &&
      [...a].every(([key, item]) => b.has(key) && isEqualWhole(item as Value, b.get(key) as Value))
    );
  return a === b;
}
