/** A word of a POSIX shell, which means itself and nothing else. */
export function quoteSh(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
