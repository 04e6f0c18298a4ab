// Accounts for every line that came out of a manager: whole, lost, torn, doubled, out of order.
import { HEAD, NUMBER_AT, NUMBER_DIGITS, TAIL, TAIL_AT } from './payload.js'

const NEWLINE = 10
const HASH = HEAD.charCodeAt(0)
const TILDE = '~'.charCodeAt(0)
const tail = Buffer.from(TAIL, 'latin1')
const PAYLOAD_BYTES = TAIL_AT + tail.length

/** The number in `digits` decimal digits at `at`, or -1. */
function numberAt(bytes, at, digits) {
  let value = 0
  for (let i = at; i < at + digits; i += 1) {
    const digit = bytes[i] - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function hasTail(bytes, at) {
  for (let i = 0; i < tail.length; i += 1) if (bytes[at + i] !== tail[i]) return false
  return true
}

/** Whether any byte of [from, to) could only come from a writer. */
function hasTrace(bytes, from, to) {
  for (let i = from; i < to; i += 1) if (bytes[i] === HASH || bytes[i] === TILDE) return true
  return false
}

/** Which lines of `writers` writers of `lines` lines each were seen. */
class Ledger {
  whole = 0
  doubled = 0
  disordered = 0
  #lines
  #seen
  #last

  constructor(writers, lines) {
    this.#lines = lines
    this.#seen = new Uint8Array(writers * lines)
    this.#last = new Int32Array(writers).fill(-1)
  }

  /** False for a line that no writer wrote. */
  enter(writer, number) {
    if (writer < 0 || writer >= this.#last.length || number < 0 || number >= this.#lines) return false
    const slot = writer * this.#lines + number
    if (this.#seen[slot] === 1) {
      this.doubled += 1
      return true
    }
    this.#seen[slot] = 1
    this.whole += 1
    if (number < this.#last[writer]) this.disordered += 1
    this.#last[writer] = number
    return true
  }
}

/**
 * Checks bytes[0, length) against `writers` writers of `lines` lines each.
 * `lost` numbers were never seen whole (a torn line is therefore also a lost one), `torn` output lines carry
 * a writer's bytes but not exactly one whole line, `own` lines are the manager's, `lastEnd` is the offset
 * behind the last whole line.
 */
export function checkLines(bytes, length, writers, lines) {
  const ledger = new Ledger(writers, lines)
  let torn = 0
  let own = 0
  let lastEnd = 0
  for (let start = 0; start < length;) {
    let head = start
    while (head < length && bytes[head] !== HASH && bytes[head] !== NEWLINE) head += 1
    const behind = head + PAYLOAD_BYTES
    const isPayload = behind <= length && bytes[head] === HASH && hasTail(bytes, head + TAIL_AT)
    let end = isPayload ? behind : head
    while (end < length && bytes[end] !== NEWLINE) end += 1
    const isClean = isPayload && !hasTrace(bytes, start, head) && !hasTrace(bytes, behind, end)
    const writer = isClean ? numberAt(bytes, head + 1, 2) : -1
    if (isClean && ledger.enter(writer, numberAt(bytes, head + NUMBER_AT, NUMBER_DIGITS))) {
      lastEnd = Math.min(end + 1, length)
    } else if (hasTrace(bytes, start, end)) torn += 1
    else own += 1
    start = end + 1
  }
  const { whole, doubled, disordered } = ledger
  return { whole, lost: writers * lines - whole, torn, doubled, disordered, own, lastEnd }
}

/** Newlines in bytes[from, to). */
export function countNewlines(bytes, from, to) {
  let count = 0
  for (let at = bytes.indexOf(NEWLINE, from); at !== -1 && at < to; at = bytes.indexOf(NEWLINE, at + 1))
    count += 1
  return count
}
