import { TwRunError } from '../core/error.ts'

/**
 * A word of a command in supervisord's file. It is read as a line of an INI file first, where `#` or `;` after a
 * blank begins a comment whatever the quotes say, then `%` is replaced, then it is split as a shell would.
 */
export function quoteWord(text: string): string {
  const quoted = `'${text.replaceAll("'", `'"'"'`).replaceAll(/[#;]/g, `'"$&"'`)}'`
  return quoted.replaceAll('%', '%%')
}

/** A path as the whole value of a setting, which knows no quotes. Errors: TwRunError. */
export function quotePath(path: string): string {
  if (/\p{Cc}|\s$|\s[#;]/u.test(path)) {
    throw new TwRunError(`a file of supervisord cannot name the folder ${JSON.stringify(path)}`, {
      exitCode: 2,
      hint: 'move the app to a folder without " #", " ;" and control characters',
    })
  }
  return path.replaceAll('%', '%%')
}

/** `NAME="value"` for the setting `environment`, in which nothing can be escaped: for plain text alone. */
export function quoteVariable(key: string, value: string): string {
  return `${key}="${value.replaceAll('%', '%%')}"`
}

/** Whether a text arrives by `quoteVariable` as it is. */
export function isPlain(text: string): boolean {
  return /^[A-Za-z0-9 _@:,./+=%^~!?*()[\]{}<>|&$-]*$/.test(text)
}

/** Any text as letters, digits and backslashes, for `printf %b`. */
export function encode(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) =>
    SAFE.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `\\0${byte.toString(8).padStart(3, '0')}`,
  ).join('')
}

const SAFE = /[A-Za-z0-9_@:,./+=-]/
