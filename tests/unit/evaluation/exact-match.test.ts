import { describe, expect, test } from 'vitest';
import { lastBoxed } from '../../../src/evaluation/judges/boxed.ts';
import { containsExpected, matchExpected } from '../../../src/evaluation/judges/exact-match.ts';
import { finalAnswer } from '../../../src/evaluation/judges/final-answer.ts';
import { sameValue } from '../../../src/evaluation/judges/math-value.ts';

const isRight = (answer: string, ...anyOf: string[]): boolean =>
  matchExpected(answer, { kind: 'exact', anyOf }).isRight;

describe('values', () => {
  test.each([
    ['1,200', '1200'],
    ['\\$1,200.00', '1200'],
    ['$18', '18'],
    ['18 dollars', '18'],
    ['1.2e3', '1200'],
    ['1.2 \\times 10^3', '1200'],
    ['10^{-2}', '0.01'],
    ['2^{10}', '1024'],
    ['3/4', '0.75'],
    ['\\frac{3}{4}', '3/4'],
    ['\\dfrac34', '\\frac{3}{4}'],
    ['\\tfrac{3}{4}', '.75'],
    ['-\\frac{1}{2}', '-0.5'],
    ['1\\frac{3}{4}', '1.75'],
    ['\\frac{-6}{8}', '-3/4'],
    ['50\\%', '50'],
    ['50%', '0.5'],
    ['1{,}000{,}000', '1000000'],
    ["1'000", '1000'],
    ['1\u202f000', '1000'],
    ['−3', '-3'],
    ['007', '7'],
    ['5.0', '5'],
    ['90^\\circ', '90'],
    ['90^{\\circ}', '90\\degree'],
    ['12 \\text{ cm}^2', '12'],
    ['12\\text{ cm}', '12 cm'],
    ['x=5', '5'],
    ['$x = 5$', '5'],
    ['\\(x^{2}+1\\)', 'x^2 + 1'],
    ['\\left(3, \\frac{\\pi}{2}\\right)', '(3,\\frac{\\pi}{2})'],
    ['(0.5, 2)', '(\\frac{1}{2},2)'],
    ['[1, 2]', '[1,2]'],
    ['1, 2, 3', '1,2,3'],
    ['\\sqrt2', '\\sqrt{2}'],
    ['\\text{Monday}', 'monday'],
    ['x \\le 3', 'x\\leq 3'],
    ['p - q', 'p-q'],
  ])('%s is %s', (a, b) => {
    expect(sameValue(a, b)).toBe(true);
    expect(sameValue(b, a)).toBe(true);
  });

  test.each([
    ['12', '21'],
    ['0.333', '1/3'],
    ['1,200', '1.2'],
    ['50%', '5'],
    ['0.5', '50'],
    ['3/4', '4/3'],
    ['(1,2)', '[1,2]'],
    ['(1,2)', '(2,1)'],
    ['(1,2)', '(1,2,3)'],
    ['x+1', 'x-1'],
    ['\\sqrt{2}', '2'],
    ['1/0', '1/0 '.repeat(2)],
    ['', ''],
    ['5x', '5'],
    ['2^{9999999}', '4'],
    ['1e999', '2'],
    ['x=5', 'y=6'],
    ['AB', 'BA'],
  ])('%s is not %s', (a, b) => expect(sameValue(a, b)).toBe(false));
});

test.each([
  ['\\boxed{42}', '42'],
  ['so \\boxed{1} and then \\boxed{\\frac{a}{\\sqrt{b}}}.', '\\frac{a}{\\sqrt{b}}'],
  ['\\boxed{\\{1, 2\\}}', '\\{1, 2\\}'],
  ['\\fbox{7}', '7'],
  ['\\boxed 5.', '5'],
  ['\\boxed{never closed', null],
  ['nothing', null],
])('of %s the boxed part is %s', (text, inside) => expect(lastBoxed(text)).toBe(inside));

test.each([
  ['2+3=5\n#### 5', '5'],
  ['The answer is 15 apples. That took long.', '15 apples'],
  ['The answer is 12. No, the final answer is 13.', '13'],
  ['**Answer:** B.', 'B'],
  ['Die Antwort ist 7.', '7'],
  ['La respuesta es 7.', '7'],
  ['所以答案是7。', '7'],
  ['The answer is 3.5, more or less', '3.5, more or less'],
  ['I do not know.', null],
])('%j says its result: %j', (text, final) => expect(finalAnswer(text)?.text ?? null).toBe(final));

describe('numbers', () => {
  test.each([
    ['The answer is 15.', '15', true],
    ['12 + 7 = 19, minus 4 is 15', '15', true],
    ['1,234.50 in all', '1234.5', true],
    ['It is −3 degrees', '-3', true],
    ['so \\boxed{42} of 100', '42', true],
    ['so \\boxed{42} of 100', '100', false],
    ['Use H2O and x2', '2', false],
    ['The answer is 15.0 apples', '15', true],
    ['The answer is 150.', '15', false],
    ['no number', '15', false],
    ['', '15', false],
    ['1 234', '1,234', false],
    ['1,234', '1234', true],
    ['$18 a day', '18', true],
    ['She has \\$1,200', '1200', true],
    ['The answer is 12 + 3 = 15.', '15', true],
    ['The answer is 15 apples in 3 boxes.', '15', true],
    ['The answer is that she has 15.', '15', true],
    ['The answer is 15. That took 3 steps.', '15', true],
    ['It is 3/4 of the cake', '0.75', true],
    ['It costs 20%', '20', true],
    ['We get \\boxed{\\dfrac{3}{4}}.', '0.75', true],
    ['We get \\boxed{12\\text{ cm}}', '12', true],
    ['Total: **18**', '18', true],
    ['版本答案是18个', '18', true],
    ['#### 70,000', '70000', true],
    ['The answer is unclear.', '3', false],
    ['It is 1,2 or 3', '3', true],
  ])('%j for %j: %s', (answer, expected, right) => expect(isRight(answer, expected)).toBe(right));
});

describe('texts', () => {
  test.each([
    ['The answer is Paris.', 'Paris', true],
    ['paris', 'Paris', true],
    ['Paris, of course', 'Paris', true],
    ['Parisian', 'Paris', false],
    ['It was Paris once, now it is Lyon', 'Paris', false],
    ['No, it is not harmful because it is only about cooking.', 'No', true],
    ['Yes, it is harmful.', 'No', false],
    ['Nothing', 'No', false],
    ['I say yes', 'Yes', false],
    ['anything', '', false],
    ['', '', false],
    ['The answer is \\boxed{x^{2}}', 'x^2', true],
    ['The answer is \\boxed{\\text{Evelyn}}', 'Evelyn', true],
    ['The answer is \\boxed{y}, not x', 'x', false],
    ['答案是北京。', '北京', true],
  ])('%j for %j: %s', (answer, expected, right) => expect(isRight(answer, expected)).toBe(right));

  test('any of several right answers will do, and the reason names one', () => {
    const expected = { kind: 'exact', anyOf: ['Ada', 'Ada Lovelace'] } as const;
    expect(matchExpected('It was Ada Lovelace.', expected)).toEqual({
      isRight: true,
      why: 'It ends with the expected “Ada Lovelace”.',
    });
    expect(matchExpected('It was Grace.', expected).isRight).toBe(false);
  });

  test('containing it is a looser question', () => {
    expect(containsExpected('It was Ada, who wrote it.', ['Ada']).isRight).toBe(true);
    expect(containsExpected('It was Adam, who wrote it.', ['Ada']).isRight).toBe(false);
    expect(containsExpected('', ['']).isRight).toBe(false);
  });
});

describe('choices', () => {
  const choices = ['Paris', 'Lyon', 'Nice', 'Lille'];
  test.each([
    ['B', 'B'],
    ['(B)', 'B'],
    ['B. Lyon', 'B'],
    ['**B)** Lyon', 'B'],
    ['The answer is (B).', 'B'],
    ['Answer: B.', 'B'],
    ['The correct answer is option B: Lyon.', 'B'],
    ['\\boxed{B}', 'B'],
    ['\\boxed{\\text{B}}', 'B'],
    ['答案是B。', 'B'],
    ['我选B', 'B'],
    ['I would choose B, because it is on the Rhône.', 'B'],
    ['Lyon', 'B'],
    ['Lyon, which lies on the Rhône.', 'B'],
    ['A is wrong and C is too. The answer is B.', 'B'],
    ['It cannot be anything else than (B), I think', 'B'],
    ['A city is meant here.', null],
    ['The answer is a city in the south.', null],
    ['(A) and (B) could both be.', null],
    ['I choose a city by the sea.', null],
    ['E', null],
    ['', null],
    ['I don’t know', null],
  ])('%j chooses %s', (answer, letter) => {
    const of = (right: string) => matchExpected(answer, { kind: 'choice', letter: right, choices });
    expect(['A', 'B', 'C', 'D'].filter((right) => of(right).isRight)).toEqual(
      letter === null ? [] : [letter],
    );
  });
});
