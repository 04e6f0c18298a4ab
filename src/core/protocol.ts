import { objectIn } from './json.ts'

/** A command to the supervisor: one line of JSON. */
export type Request =
  | { readonly do: 'scale'; readonly words: readonly string[] }
  | { readonly do: 'restart'; readonly targets: readonly string[] }
  | { readonly do: 'stop'; readonly targets: readonly string[] }
  | { readonly do: 'reload' }

/** What the supervisor did, for a person, or why it did not; exit codes as everywhere. */
export type Reply =
  | { readonly ok: true; readonly lines: readonly string[] }
  | { readonly ok: false; readonly exitCode: 1 | 2; readonly message: string; readonly hint?: string }

/** The longest request, bytes: a formation of 9,999 processes named one by one fits. Strangers may send more. */
export const LONGEST_MESSAGE = 256 * 1024
/** The longest word by which a client says that it is there, bytes: POSIX writes as much to a FIFO in one piece. */
export const LONGEST_CALL = 512
const MOST_WORDS = 10_000
const LONGEST_WORD = 128

/** Until when somebody waits for the answer to a request, ms since boot; Infinity where it does not say. */
export function waitedForUntil(line: string): number {
  const until = objectIn(line)?.['until']
  return typeof until === 'number' ? until : Infinity
}

/** Decodes a request; undefined if it is none. Anybody with our uid can connect. */
export function decodeRequest(line: string): Request | undefined {
  const value = objectIn(line)
  switch (value?.['do']) {
    case 'reload':
      return { do: 'reload' }
    case 'scale': {
      const words = decodeWords(value['words'])
      return words && { do: 'scale', words }
    }
    case 'restart':
    case 'stop': {
      const targets = decodeWords(value['targets'])
      return targets && { do: value['do'], targets }
    }
    default:
      return undefined
  }
}

/** Decodes a reply; undefined if it is none, such as that of another version. */
export function decodeReply(line: string): Reply | undefined {
  const value = objectIn(line)
  if (value?.['ok'] === true) {
    const { lines } = value
    const isText = Array.isArray(lines) && lines.every((one) => typeof one === 'string')
    return isText ? { ok: true, lines } : undefined
  }
  if (value?.['ok'] !== false) return undefined
  const { exitCode, message, hint } = value
  if ((exitCode !== 1 && exitCode !== 2) || typeof message !== 'string') return undefined
  return typeof hint === 'string' ? { ok: false, exitCode, message, hint } : { ok: false, exitCode, message }
}

function decodeWords(value: unknown): string[] | undefined {
  if (!Array.isArray(value) || value.length > MOST_WORDS) return undefined
  const good = value.every((word) => typeof word === 'string' && word.length <= LONGEST_WORD)
  return good ? (value as string[]) : undefined
}
