/** Text as it is compared with lists of phrases: lower case, straight apostrophes, single spaces, no markdown or quotes around. */
export function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[‘’´`]/g, "'")
    .replace(/\s+/g, ' ')
    .replace(/^[\s"'“”*_#>-]+/, '')
    .trim();
}
