/**
 * JSON.parse for files of strangers. It has no limit of depth itself, and whatever goes through the value later has the
 * stack: printing, comparing, sending it to another thread. Python's json stops near 1,000 levels; what people write has under 50.
 */

const MAX_JSON_DEPTH = 256;

/** JSON, but not of a form that anybody writes. */
export class TooDeep extends SyntaxError {
  constructor() {
    super(`nested more than ${MAX_JSON_DEPTH} levels deep`);
  }
}

/** @throws SyntaxError for what is not JSON, TooDeep */
export function parseJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (isDeeper(value, MAX_JSON_DEPTH)) throw new TooDeep();
  return value;
}

/** The stack is as deep as `levels` at most. */
function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (isDeeper(value[i], levels - 1)) return true;
    return false;
  }
  for (const key in value) if (isDeeper((value as Record<string, unknown>)[key], levels - 1)) return true;
  return false;
}
