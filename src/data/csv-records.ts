/**
 * CSV text to records, a chunk at a time, by the rules of Python's csv module (Modules/_csv.c, not strict), which are also those
 * of pandas and of Hugging Face datasets: a quote opens a field only at its start, and text after a closing quote belongs to the field.
 * Own code, because papaparse takes such text for the beginning of a longer field and swallows the rows after it, and
 * splits lines by the first line end it meets.
 */

/** A record is what stands between two line ends outside quotes. */
export interface CsvRecord {
  readonly line: number; // 1-based: where it starts
  readonly lastLine: number;
  readonly fields: readonly string[];
  readonly isBlank: boolean; // nothing, or only white space, on its line
  /** A quoted text over several lines with more text after its end: a quote was missing, so rows may lie in it. */
  readonly brokenQuote: { readonly line: number } | null;
  readonly charCount: number; // more than the fields have where the record was too long
}

const code = (character: string): number => character.charCodeAt(0);
const quote = code('"');
const lineFeed = code('\n');
const carriageReturn = code('\r');

type State = 'record-start' | 'field-start' | 'plain' | 'quoted' | 'quote-in-quoted';

export class CsvScanner {
  readonly #delimiter: number;
  readonly #maxChars: number;
  #state: State = 'record-start';
  #line = 1; // where the scanner is
  #isAfterCr = false;
  #recordLine = 1;
  #fields: string[] = [];
  #field = '';
  #charCount = 0; // of the record
  #hasQuotes = false;
  #openLine = 0; // of the last opening quote
  #brokenQuoteLine = 0; // 0: none

  /** Of a record, `maxChars` are kept; the rest is counted. */
  constructor(delimiter: string, maxChars: number) {
    this.#delimiter = code(delimiter);
    this.#maxChars = maxChars;
  }

  /** A quote that is open, and how much was read since the start of its record. */
  get openQuote(): { readonly line: number; readonly charCount: number; readonly text: string } | null {
    if (this.#state !== 'quoted') return null;
    return { line: this.#openLine, charCount: this.#charCount, text: this.#field };
  }

  push(chunk: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    let start = 0; // of the text that belongs to the field and has not been kept yet
    const keepUpTo = (end: number): void => {
      if (end > start) this.#keep(chunk.slice(start, end));
    };
    const delimiter = this.#delimiter;
    for (let i = 0; i < chunk.length; i++) {
      let c = chunk.charCodeAt(i);
      if (this.#state === 'plain') {
        while (c !== delimiter && c !== lineFeed && c !== carriageReturn && ++i < chunk.length)
          c = chunk.charCodeAt(i);
        if (i === chunk.length) break;
      } else if (this.#state === 'quoted' && !this.#isAfterCr) {
        while (c !== quote && c !== lineFeed && c !== carriageReturn && ++i < chunk.length)
          c = chunk.charCodeAt(i);
        if (i === chunk.length) break;
      }
      if (this.#isAfterCr) {
        this.#isAfterCr = false;
        if (c === lineFeed) {
          // The second half of a line end that has been counted; in a quoted text it is kept.
          if (this.#state !== 'quoted') start = i + 1;
          continue;
        }
      }
      const isLineEnd = c === lineFeed || c === carriageReturn;
      if (isLineEnd) {
        this.#line++;
        this.#isAfterCr = c === carriageReturn;
      }
      if (this.#state === 'quoted') {
        if (c !== quote) continue;
        keepUpTo(i);
        start = i + 1;
        this.#state = 'quote-in-quoted';
      } else if (isLineEnd) {
        keepUpTo(i);
        start = i + 1;
        records.push(this.#endRecord(this.#line - 1));
      } else if (c === delimiter) {
        keepUpTo(i);
        start = i + 1;
        this.#endField();
        this.#charCount++;
        this.#state = 'field-start';
      } else if (this.#state === 'quote-in-quoted') {
        this.#state = c === quote ? 'quoted' : 'plain'; // a doubled quote: `start` stands at the second one, which is kept
        if (c !== quote && this.#openLine < this.#line) this.#brokenQuoteLine ||= this.#openLine;
      } else if (this.#state !== 'plain') {
        if (c !== quote) {
          this.#state = 'plain';
          continue;
        }
        start = i + 1;
        this.#state = 'quoted';
        this.#hasQuotes = true;
        this.#openLine = this.#line;
      }
    }
    keepUpTo(chunk.length);
    return records;
  }

  /** The record that no line end closes. An open quote is up to the caller. */
  end(): CsvRecord[] {
    return this.#state === 'record-start' ? [] : [this.#endRecord(this.#line)];
  }

  #keep(text: string): void {
    const room = this.#maxChars - this.#charCount;
    this.#charCount += text.length;
    if (room > 0) this.#field += text.length > room ? text.slice(0, room) : text;
  }

  #endField(): void {
    this.#fields.push(this.#field);
    this.#field = '';
  }

  #endRecord(lastLine: number): CsvRecord {
    this.#endField();
    const record = {
      line: this.#recordLine,
      lastLine,
      fields: this.#fields,
      isBlank: !this.#hasQuotes && this.#fields.length === 1 && this.#fields[0].trim() === '',
      brokenQuote: this.#brokenQuoteLine === 0 ? null : { line: this.#brokenQuoteLine },
      charCount: this.#charCount,
    };
    this.#state = 'record-start';
    this.#recordLine = this.#line;
    this.#fields = [];
    this.#charCount = 0;
    this.#hasQuotes = false;
    this.#brokenQuoteLine = 0;
    return record;
  }
}
