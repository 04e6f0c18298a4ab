// Control characters, line and paragraph separators (u2028, u2029), and the marks that turn the direction of text. Not
// by their names, \p{Cc}: to look these up takes 0.4 ms of each command.
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** The text with every character escaped that could move the cursor, change colours or reorder what is shown. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (character) => escapeCode(character.charCodeAt(0)))
}

/** The longest command that is shown whole, characters. */
const LONGEST_COMMAND = 80

/** A command line as a person may see it: one line, its arguments apart by blanks, cut where it is long. */
export function printableCommand(text: string): string {
  const line = text.replaceAll(/[\0\s]+/g, ' ').trim()
  return printable(line.length > LONGEST_COMMAND ? `${line.slice(0, LONGEST_COMMAND - 3)}...` : line)
}

function escapeCode(code: number): string {
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, '0')}`
    : `\\u${code.toString(16).padStart(4, '0')}`
}
