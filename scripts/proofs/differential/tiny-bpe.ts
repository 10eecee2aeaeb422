/** Byte-pair vocabularies of a few hundred tokens, learnt from a few lines: over bytes as GPT-2 does, or over letters as SentencePiece. */

const corpus = `The quick brown fox jumps over the lazy dog. How many legs have three hens? Six, because two times three is six.
It's what we've said: they'll come, he'd stay, I'm here, don't go. Numbers 1 12 123 1234 2026 and 3.14 or 1,000,000.
Die Straße über den Käse hört niemand; naïve café façade. Привет мир, как дела? 你好世界,今天天气很好。 こんにちは 안녕하세요 مرحبا שלום
def f(x):\n\treturn x + 1\n\n    # four spaces  and   more    the the the and and of of to to in in is is
A reasoning model thinks before it answers, and the answer ends where the turn ends. <b>html</b> & "quotes" 'single' (brackets) [x] {y}
please compute the total of seven boxes when each holds twelve red apples and why does a river bend near old hills`;

export interface TinyVocabulary {
  readonly vocab: Record<string, number>;
  readonly merges: readonly (readonly [string, string])[];
}

/** GPT-2's letters for bytes: printable ones stand for themselves, the others follow from U+0100. */
export function byteLetters(): string[] {
  const isPlain = (byte: number): boolean =>
    (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(isPlain(byte) ? byte : next++));
}

export function byteVocabulary(mergeCount: number): TinyVocabulary {
  const letters = byteLetters();
  const words = corpus.match(/ ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+/gu) ?? [];
  const spelt = words.map((word) => [...new TextEncoder().encode(word)].map((byte) => letters[byte]));
  return learn([...letters].sort(), spelt, mergeCount);
}

/** `head`: tokens before the letters: the unknown one, beginning and end, and those of bytes. */
export function letterVocabulary(mergeCount: number, head: readonly string[]): TinyVocabulary {
  const words = corpus.split(/\s+/).map((word) => [...`▁${word}`]);
  const letters = [...new Set(words.flat())].sort();
  return learn([...head, ...letters, '\n'], words, mergeCount);
}

function learn(alphabet: readonly string[], words: string[][], mergeCount: number): TinyVocabulary {
  const vocab: Record<string, number> = Object.fromEntries(alphabet.map((token, id) => [token, id]));
  const merges: [string, string][] = [];
  let spelt = words;
  while (merges.length < mergeCount) {
    const counts = new Map<string, number>();
    for (const word of spelt)
      for (let i = 0; i + 1 < word.length; i++) {
        const pair = `${word[i]} ${word[i + 1]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    const [best] = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
    if (best === undefined) break;
    const [left, right] = best[0].split(' ') as [string, string];
    merges.push([left, right]);
    vocab[left + right] ??= Object.keys(vocab).length;
    spelt = spelt.map((word) => {
      const merged: string[] = [];
      for (let i = 0; i < word.length; i++)
        if (word[i] === left && word[i + 1] === right) merged.push(left + word[++i]);
        else merged.push(word[i]);
      return merged;
    });
  }
  return { vocab, merges };
}

/** Texts that hurt: several scripts, spaces of every kind, marks, control tokens, halves of them, and long runs. */
export const hostileTexts = [
  'The quick brown fox jumps over the lazy dog.',
  " it's   HE'LL don't\tgo\n\n\n  there  \r\n x ",
  '你好世界 Привет Straße naïve café ﬁ ½ Ⅷ ﷺ',
  'e\u0301 \u00e9 a\u0308\u0323 \u1100\u1161\u11a8 \u0130i\u0307',
  '👩‍👩‍👧‍👦 🇩🇪 👍🏽 \u200d\ufe0f',
  '\u00a0\u3000\u2003\u0085\ufeff\u200b\u2028x\u2029',
  '12345 1,000 3.14 ٣٤٥ 一二三 2nd',
  'before<|end|>after <|end|> mid<|user|>dle\n<|user|>\n x',
  '<think>\nOne.\n</think>\n\nTwo.<think></think>',
  '<|en d|> <|end| > |end|> <think > <|special_x|>',
  `${'a'.repeat(90)} ${'ab '.repeat(20)}${' '.repeat(40)}end`,
  '\ue0f0private\ue0f1 \uf8ff \ufdd0 \u{f0020}',
  'snake_case camelCase kebab-case path/to/file.txt https://x.y/?a=b&c=d',
  'NULL\0byte \u001b[31mred\u001b[0m \u0007',
  'ABC Ünï ÇA İstanbul ẞ ΑΣ',
  'extra_token and plainword!plainword xplainwordx',
  '',
  ' ',
  '▁under ▁▁ _ \u2581',
];
