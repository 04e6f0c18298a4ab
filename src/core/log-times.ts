/** How long a log was (bytes) when somebody looked (ms since 1970). */
export interface LengthAt {
  readonly length: number
  readonly time: number
}

/**
 * When the byte at an offset was written, ms since 1970, as well as the notes tell: no later than the first
 * look at which it was there, or if nobody looked since, than `latest`.
 */
export function timeOf(offset: number, notes: readonly LengthAt[], latest: number): number {
  let low = 0
  let high = notes.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((notes[middle]?.length ?? 0) > offset) high = middle
    else low = middle + 1
  }
  return notes[low]?.time ?? latest
}
