import { TwRunError } from '../core/error.ts'

/**
 * A word of a command line in a unit. systemd takes it apart in this order: quotes and C escapes, then
 * specifiers (`%i`), then, before it executes, variables (`$NAME`); so it is put together the other way round.
 */
export function quoteWord(text: string): string {
  return `"${escapeC(text.replaceAll('$', '$$$$').replaceAll('%', '%%'))}"`
}

/** The same for a word in which specifiers such as `%i` are meant. */
export function quoteTemplate(text: string): string {
  return `"${escapeC(text.replaceAll('$', '$$$$'))}"`
}

/** A path as the whole value of a setting, where neither quotes nor escapes are known. Errors: TwRunError. */
export function quotePath(path: string): string {
  // A line that ends with a backslash goes on in the next one, and blanks at its ends are cut off.
  if (/[\p{Cc}\p{Noncharacter_Code_Point}]|[\\\s]$/u.test(path)) {
    throw new TwRunError(`a unit of systemd cannot name the folder ${JSON.stringify(path)}`, {
      exitCode: 2,
      hint: 'move the app to a folder without control characters, and without a blank or backslash at the end',
    })
  }
  return path.replaceAll('%', '%%')
}

/** A line of an environment file of systemd: in double quotes these four characters alone are special. */
export function environmentLine(key: string, value: string): string {
  return `${key}="${value.replaceAll(/["\\`$]/g, String.raw`\$&`)}"\n`
}

function escapeC(text: string): string {
  return text
    .replaceAll(/["\\]/g, String.raw`\$&`)
    .replaceAll(/[\p{Cc}\p{Noncharacter_Code_Point}]/gu, (character) =>
      // As bytes: a file with what Unicode has no character for is no text to systemd.
      encodeURIComponent(character)
        .toLowerCase()
        .replaceAll('%', String.raw`\x`),
    )
}
