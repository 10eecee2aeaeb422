/** A label's value as harmful or benign: words with their negations ("non-harmful", "not safe"), and yes or no. */
import type { HarmLabel } from '../api/builder-api.ts';

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '));
const harmful = words('harmful unsafe malicious toxic harm nonsafe insecure dangerous 有害 不安全');
const benign = words('benign safe harmless unharmful nonharmful nontoxic innocuous 无害 無害 安全');
const negations = words('not non no isn aren wasn never without un');
/** They make it a label of the answer, or half a label. */
const spoilers = words(
  'response answer completion output reply refusal refused refuse compliance complied comply partly partially ' +
    'possibly potentially maybe perhaps probably mostly rather borderline unclear unknown unsure ambiguous caution ' +
    'controversial mixed or but if unless',
);
const yes = words('true yes y t 1 on');
const no = words('false no n f 0 off');

/** `whenTrue`: what a true or a 1 says in this field; null: nothing. */
export function readHarm(value: unknown, whenTrue: HarmLabel | null): HarmLabel | null {
  const flag = flagOf(value);
  if (flag !== null) return whenTrue === null || flag ? whenTrue : opposite(whenTrue);
  return typeof value === 'string' ? readWords(value) : null;
}

const opposite = (label: HarmLabel): HarmLabel => (label === 'harmful' ? 'benign' : 'harmful');

function flagOf(value: unknown): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return numberFlag(Number(value));
  if (typeof value !== 'string') return null;
  const text = value.trim().toLowerCase();
  if (/^[01](?:\.0*)?$/.test(text)) return numberFlag(Number(text));
  if (yes.has(text)) return true;
  return no.has(text) ? false : null;
}

const numberFlag = (value: number): boolean | null => (value === 0 || value === 1 ? value === 1 : null);

/** null where it names neither, or both. A negation turns the next word that names one. */
function readWords(text: string): HarmLabel | null {
  const parts = text
    .normalize('NFKC')
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((part) => part !== '');
  if (parts.some((part) => spoilers.has(part))) return null;
  const found = new Set<HarmLabel>();
  let isNegated = false;
  for (const part of parts) {
    if (negations.has(part)) isNegated = !isNegated;
    const named = harmful.has(part) ? 'harmful' : benign.has(part) ? 'benign' : null;
    if (named === null) continue;
    found.add(isNegated ? opposite(named) : named);
    isNegated = false;
  }
  if (isNegated || found.size !== 1) return null;
  const [label] = found;
  return label;
}
