import { isUtf8 } from 'node:buffer'
import type { Outbox } from './outbox.ts'
import type { Render } from './render.ts'

const NEWLINE = 0x0a
const TEXT = ',"text":"'
const TRAILING = Array.from({ length: 1000 }, (_, rest) => `${String(rest).padStart(3, '0')}${TEXT}`)
const CUT = ',"partial":true'
/** Of one line that is no UTF-8, made valid; a buffer of its own for each line would outlive most of the young. */
const valid = Buffer.allocUnsafeSlow(16 * 1024)
const BYTES_A_UNIT = 3
const END = '}\n'

/** Control characters but the newline, which ends the line. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/g
const ESCAPES = Array.from({ length: 0x20 }, (_, code) =>
  JSON.stringify(String.fromCharCode(code)).slice(1, -1),
)

interface Lines {
  /** All of an object up to its number. */
  readonly head: string
  readonly seq: number
  /** The last of the lines has no newline of its own. */
  readonly isCut: boolean
}

/**
 * One JSON object a line. The text stays in the bytes it came in, each as one Latin-1 character: JSON
 * escapes nothing but ASCII, so that UTF-8 need not be decoded to be passed on, only to be valid.
 */
export function makeJsonRender(slice: number): Render {
  return (bytes, { process, seq, isPartial, time = Date.now() }, out) => {
    const head = `{"time":"${new Date(time).toISOString()}","process":"${process}","seq":`
    const lines = bytes.subarray(0, isPartial ? bytes.length : bytes.length - 1)
    const all = { head, seq, isCut: isPartial }
    return isUtf8(lines) ? addText(lines, all, out, slice) : addEach(lines, all, out, slice)
  }
}

/** For lines of which some are no UTF-8. */
function addEach(bytes: Buffer, { head, seq, isCut }: Lines, out: Outbox, slice: number): number {
  let next = seq
  for (let at = 0; at <= bytes.length; next += 1) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline < 0 ? bytes.length : newline
    const line = bytes.subarray(at, end)
    const one = { head, seq: next, isCut: isCut && newline < 0 }
    if (isUtf8(line)) addText(line, one, out, slice)
    else addRaw(line, one, out)
    at = end + 1
  }
  return next - seq
}

/** Adds lines of which each ends with a newline but the last; how many they are. */
function addText(bytes: Buffer, { head, seq, isCut }: Lines, out: Outbox, slice: number): number {
  const newObject = `"${END}${head}`
  let number = seq
  let built = `${head}${leading(number)}${trailing(number)}`
  for (let from = 0; from < bytes.length; from += slice) {
    const text = escape(bytes.toString('latin1', from, Math.min(from + slice, bytes.length)))
    let next = newObject + leading(number + 1)
    let at = 0
    for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
      number += 1
      if (number % 1000 === 0) next = newObject + leading(number)
      // V8 keeps this as a rope until it is written: twice as fast as split and join.
      built += text.slice(at, end) + next + trailing(number)
      at = end + 1
    }
    out.addLatin1(built + text.slice(at))
    built = ''
  }
  out.addLatin1(`${built}"${isCut ? CUT : ''}${END}`)
  return number - seq + 1
}

/**
 * The thousands of a line's number: making a string of every number would take a fifth of the time, and V8 keeps
 * each for a while, 7 MB a second of a flood.
 */
function leading(number: number): string {
  return number < 1000 ? '' : String(Math.floor(number / 1000))
}

/** The rest of it, and what follows. */
function trailing(number: number): string {
  return number < 1000 ? `${number}${TEXT}` : (TRAILING[number % 1000] ?? '')
}

/** A line that is no UTF-8: readable as far as it goes, and exact in base64. */
function addRaw(bytes: Buffer, { head, seq, isCut }: Lines, out: Outbox): void {
  const text = escape(latin1Of(bytes.toString('utf8')))
  const raw = `","base64":"${bytes.toString('base64')}"`
  out.addLatin1(`${head}${leading(seq)}${trailing(seq)}${text}${raw}${isCut ? CUT : ''}${END}`)
}

/** The UTF-8 of a text, each byte as one Latin-1 character. */
function latin1Of(text: string): string {
  if (text.length * BYTES_A_UNIT > valid.length) return Buffer.from(text).toString('latin1')
  return valid.toString('latin1', 0, valid.write(text))
}

function escape(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return escaped.replace(CONTROL, (character) => ESCAPES[character.charCodeAt(0)] ?? '')
}
