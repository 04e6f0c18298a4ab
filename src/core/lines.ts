/** The longest line, bytes; a longer one is cut, and each piece is shown as a line. */
export const LONGEST_LINE = 1024 * 1024

/** How many of the bytes can be shown now, and whether they end within a line. */
export interface Cut {
  readonly length: number
  readonly isPartial: boolean
}

const NEWLINE = 0x0a
/** A character of UTF-8 has at most so many bytes after its first. */
export const MOST_CONTINUATIONS = 3

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

/** Where the pieces end in which the bytes of one line are shown; a line that is not too long is one piece. */
export function pieceEnds(line: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = 0; at < line.length; ends.push(at)) at += cutLines(nextOf(line, at), true).length
  return ends
}

/** How many of the bytes, in which a line begins, can be shown by now: whole lines, and what is cut of a longer one. */
export function shownLength(bytes: Uint8Array): number {
  let end = bytes.lastIndexOf(NEWLINE) + 1
  for (;;) {
    const { length } = cutLines(nextOf(bytes, end), false)
    if (length === 0) return end
    end += length
  }
}

/** As much as is needed to cut it. */
function nextOf(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.subarray(at, at + LONGEST_LINE + 1)
}

/** The place at or shortly before `at` where no character of UTF-8 is cut in two; `at` if there is none. */
export function beforeCharacter(bytes: Uint8Array, at: number): number {
  for (let place = at; place >= at - MOST_CONTINUATIONS; place -= 1) {
    if (!isContinuation(bytes[place])) return place
  }
  return at
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x80 && byte < 0xc0
}
