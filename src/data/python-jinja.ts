/**
 * Chat templates as transformers renders them: @huggingface/jinja reads and runs them, and where it differs from Python's
 * jinja2 in what templates use, Python's way is put in its place here: methods of texts, trim, equality, what is printed,
 * what a loop's body may remember, and what must not be asked of an undefined value.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
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

/** @throws SyntaxError */
export function compileTemplate(text: string): PythonTemplate {
  const program = parse(tokenize(text, { lstrip_blocks: true, trim_blocks: true })) as unknown as Node;
  const loopBodies = new WeakSet();
  markLoopBodies(program, loopBodies);
  return {
    render: (variables) => {
      const scope = new Environment();
      for (const [name, value] of Object.entries({ ...globals, ...variables })) scope.set(name, value);
      return String(pythonic(scope, loopBodies).run(program).value);
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

function pythonic(globalScope: Environment, loopBodies: WeakSet<object>): Internals {
  const interpreter = new Interpreter(globalScope) as unknown as Internals;
  const evaluate = interpreter.evaluate.bind(interpreter);
  const argumentsOf = (nodes: unknown, scope: Environment): PythonValue[] => {
    const [given, named] = interpreter.evaluateArguments(nodes as Node[], scope);
    // The only names that templates give: chars, sep, maxsplit, count, keepends; none of them skips one before it, but these.
    const values = given.map(plainValue);
    for (const [name, value] of named)
      values[name === 'maxsplit' ? 1 : name === 'count' ? 2 : values.length] = plainValue(value);
    return values;
  };

  const handlers: Record<string, (node: Node, scope: Environment) => Value> = {
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
        return wrapped(textMethods[name](owner.value as string, argumentsOf(node['args'], scope)));
      }
      return evaluate(node, scope);
    },
    FilterExpression: (node, scope) => {
      const filter = node['filter'] as Node;
      const isCall = filter.type === 'CallExpression';
      const name = ((isCall ? filter['callee'] : filter) as Node)['value'];
      if (typeof name !== 'string' || !filtersOfText.has(name)) return evaluate(node, scope);
      const operand = interpreter.evaluate(node['operand'] as Node, scope);
      const args = isCall ? argumentsOf(filter['args'], scope) : [];
      if (name === 'trim') return wrapped(stripped(printed(operand), 'both', args[0]));
      if (name === 'string') return wrapped(printed(operand));
      if (operand.type !== 'StringValue') return evaluate(node, scope);
      const text = operand.value as string;
      if (name === 'length' || name === 'count') return wrapped([...text].length);
      if (name === 'list') return wrapped([...text]);
      if (name === 'first') return wrapped([...text][0]);
      if (name === 'last') return wrapped([...text].at(-1));
      if (name === 'title') return wrapped(titledByFilter(text));
      return wrapped(textMethods[name](text, args));
    },
    BinaryExpression: (node, scope) => {
      const operator = (node['operator'] as Node)['value'];
      if (operator === 'and' || operator === 'or') return evaluate(node, scope);
      const [left, right] = ['left', 'right'].map((side) => interpreter.evaluate(node[side] as Node, scope));
      if (operator === '==') return wrapped(isEqual(left, right));
      if (operator === '!=') return wrapped(!isEqual(left, right));
      if (operator === '~') return wrapped(printed(left) + printed(right));
      if (operator === '+' && (left.type === 'StringValue') !== (right.type === 'StringValue'))
        throw new TypeError(`can only concatenate texts: ${left.type} and ${right.type}`);
      if (operator === '*' && left.type === 'StringValue' && right.type === 'IntegerValue')
        return wrapped((left.value as string).repeat(Math.max(0, right.value as number)));
      if (operator === '%' && left.type === 'IntegerValue' && right.type === 'IntegerValue') {
        const [a, b] = [left.value as number, right.value as number];
        return wrapped(((a % b) + b) % b);
      }
      if ((operator === 'in' || operator === 'not in') && Array.isArray(right.value))
        return wrapped(right.value.some((item: Value) => isEqual(left, item)) === (operator === 'in'));
      return evaluate(node, scope);
    },
    MemberExpression: (node, scope) => {
      const object = interpreter.evaluate(node['object'] as Node, scope);
      if (object.type === 'UndefinedValue') throw new TypeError('something is asked of an undefined value');
      const isIndex = node['computed'] === true && (node['property'] as Node).type !== 'SliceExpression';
      if (object.type !== 'StringValue' || !isIndex) return evaluate(node, scope);
      const { value } = interpreter.evaluate(node['property'] as Node, scope);
      return typeof value === 'number'
        ? wrapped([...(object.value as string)].at(value))
        : evaluate(node, scope);
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
    const handle = node === undefined ? undefined : handlers[node.type];
    return node === undefined || handle === undefined ? evaluate(node, scope) : handle(node, scope);
  };
  interpreter.evaluateBlock = (nodes, outer) => {
    const isRound = loopBodies.has(nodes);
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
function printed(value: Value): string {
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

function isEqual(left: Value, right: Value): boolean {
  if (kindOf(left) !== kindOf(right)) return false;
  if (kindOf(left) === 'number') return Number(left.value) === Number(right.value);
  const [a, b] = [left.value, right.value];
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((item: Value, i) => isEqual(item, b[i] as Value));
  if (left.type === 'ObjectValue' && a instanceof Map && b instanceof Map)
    return (
      a.size === b.size &&
      [...a].every(([key, item]) => b.has(key) && isEqual(item as Value, b.get(key) as Value))
    );
  return a === b;
}
