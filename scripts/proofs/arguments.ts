/** `--name value` of a proof's own arguments. */
export function textOptions(name: string): readonly string[] {
  return process.argv.flatMap((argument, i) => {
    const value = process.argv[i + 1];
    return argument === `--${name}` && value !== undefined ? [value] : [];
  });
}

export const textOption = (name: string): string | null => textOptions(name)[0] ?? null;

export const numberOf = (name: string, byDefault: number): number => Number(textOption(name) ?? byDefault);
