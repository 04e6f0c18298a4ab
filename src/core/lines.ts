/** The longest line, bytes; a longer one is cut, and each piece is shown as a line. */
export const LONGEST_LINE = 1024 * 1024

/** How many of the bytes can be shown now, and whether they end within a line. */
export interface Cut {
  readonly length: number
  readonly isPartial: boolean
}

const NEWLINE = 0x0a
/** A character of UTF-8 has at most so many bytes after its first. */
const MOST_CONTINUATIONS = 3

/**
 * Cuts the bytes at hand after their last whole line. Without one they are shown only if they are as long as
 * a line may be, or if nothing can follow them (`isEnd`).
 */
export function cutLines(bytes: Uint8Array, isEnd: boolean): Cut {
  const last = bytes.lastIndexOf(NEWLINE)
  if (last >= 0) return { length: last + 1, isPartial: false }
  if (bytes.length > LONGEST_LINE) return { length: beforeCharacter(bytes, LONGEST_LINE), isPartial: true }
  return isEnd ? { length: bytes.length, isPartial: bytes.length > 0 } : { length: 0, isPartial: false }
}

/** The place at or shortly before `at` where no character of UTF-8 is cut in two; `at` if there is none. */
function beforeCharacter(bytes: Uint8Array, at: number): number {
  for (let place = at; place >= at - MOST_CONTINUATIONS; place -= 1) {
    if (!isContinuation(bytes[place])) return place
  }
  return at
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0
}
