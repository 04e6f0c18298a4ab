// The text of a line in the throughput figures, shared by the writer and the check.

export const LINE_BYTES = 100
/** First byte of every line; no manager's prefix contains it. */
export const HEAD = '#'
export const NUMBER_AT = 4
export const NUMBER_DIGITS = 9
export const TAIL_AT = NUMBER_AT + NUMBER_DIGITS + 1

const PAYLOAD_BYTES = LINE_BYTES - 1
// Not periodic, so that bytes lost inside show; '~' every fourth byte, so that a fragment is recognised.
export const TAIL = Array.from({ length: PAYLOAD_BYTES - TAIL_AT }, (_, i) =>
  i % 4 === 0 ? '~' : String.fromCharCode(65 + ((i * 7 + (i >> 3)) % 26)),
).join('')

/** The line without its newline. Writers count from 0 to 99, lines from 0. */
export function payload(writer, number) {
  const id = String(writer).padStart(2, '0')
  return `${HEAD}${id}:${String(number).padStart(NUMBER_DIGITS, '0')}:${TAIL}`
}
