import { isUtf8 } from 'node:buffer'
import type { Outbox } from './outbox.ts'
import type { Render } from './render.ts'

const NEWLINE = 0x0a
const TEXT = ',"text":"'
const CUT = ',"partial":true'
const END = '}\n'

/** Control characters but the newline, which ends the line. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const CONTROL = /[\u0000-\u0009\u000b-\u001f]/g

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
  return (bytes, { process, seq, isPartial }, out) => {
    const head = `{"time":"${new Date().toISOString()}","process":"${process}","seq":`
    const end = isPartial ? bytes.length : bytes.length - 1
    let next = seq
    for (let at = 0; at <= end;) {
      const until = endOfSlice(bytes, at, Math.min(at + slice, end))
      const isCut = isPartial && until === end
      next += renderLines(bytes.subarray(at, until), { head, seq: next, isCut }, out)
      at = until + 1
    }
    return next - seq
  }
}

/** The end of the last line that ends before `limit`, else of the line that goes beyond it. */
function endOfSlice(bytes: Buffer, at: number, limit: number): number {
  const isLast = limit >= bytes.length - 1
  if (isLast) return limit
  const last = bytes.lastIndexOf(NEWLINE, limit)
  if (last >= at) return last
  const next = bytes.indexOf(NEWLINE, limit)
  return next < 0 ? bytes.length : next
}

function renderLines(bytes: Buffer, lines: Lines, out: Outbox): number {
  if (isUtf8(bytes)) return renderText(bytes, lines, out)
  let { seq } = lines
  for (let at = 0; at <= bytes.length; seq += 1) {
    const newline = bytes.indexOf(NEWLINE, at)
    const end = newline < 0 ? bytes.length : newline
    const one = { head: lines.head, seq, isCut: lines.isCut && newline < 0 }
    const line = bytes.subarray(at, end)
    if (isUtf8(line)) renderText(line, one, out)
    else renderRaw(line, one, out)
    at = end + 1
  }
  return seq - lines.seq
}

/** One string built by `+`, which V8 keeps as a rope until it is written: twice as fast as split and join. */
function renderText(bytes: Buffer, { head, seq, isCut }: Lines, out: Outbox): number {
  const text = escape(bytes.toString('latin1'))
  let result = head
  let number = seq
  let at = 0
  for (;;) {
    const end = text.indexOf('\n', at)
    if (end < 0) break
    result += `${number}${TEXT}${text.slice(at, end)}"${END}${head}`
    number += 1
    at = end + 1
  }
  out.addLatin1(`${result}${number}${TEXT}${text.slice(at)}"${isCut ? CUT : ''}${END}`)
  return number - seq + 1
}

/** A line that is no UTF-8: readable as far as it goes, and exact in base64. */
function renderRaw(bytes: Buffer, { head, seq, isCut }: Lines, out: Outbox): void {
  const text = escape(Buffer.from(bytes.toString('utf8')).toString('latin1'))
  const raw = `","base64":"${bytes.toString('base64')}"`
  out.addLatin1(`${head}${seq}${TEXT}${text}${raw}${isCut ? CUT : ''}${END}`)
}

function escape(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')
  return escaped.replace(CONTROL, (character) => JSON.stringify(character).slice(1, -1))
}
