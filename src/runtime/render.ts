import { isUtf8 } from 'node:buffer'
import type { LogFormat } from '../core/settings.ts'

/** Where a chunk of whole lines comes from; `seq` is the number of its first line. */
export interface Chunk {
  readonly process: string
  readonly seq: number
  /** The last line has no newline of its own. */
  readonly isPartial: boolean
}

/** Bytes of whole lines in, bytes of whole lines out. */
export type Render = (bytes: Buffer, chunk: Chunk) => Buffer

export interface RenderOptions {
  readonly format: LogFormat
  readonly timestamps: boolean
  readonly prefix: boolean
  /** Width of the longest process name. */
  readonly width: () => number
  /** Puts the colour of a process around its prefix; undefined for none. */
  readonly paint: ((process: string, text: string) => string) | undefined
}

export function makeRender(options: RenderOptions): Render {
  if (options.format === 'json') return renderJson
  const { timestamps, prefix } = options
  const isBare = options.format === 'plain' || (!timestamps && !prefix)
  return isBare ? renderBare : (bytes, chunk) => renderPretty(bytes, chunk, options)
}

function renderBare(bytes: Buffer, { isPartial }: Chunk): Buffer {
  // A copy: the caller reads the next chunk into the same memory while this one is written.
  return Buffer.concat(isPartial ? [bytes, NEWLINE] : [bytes])
}

const NEWLINE = Buffer.from('\n')

function renderPretty(bytes: Buffer, { process, isPartial }: Chunk, options: RenderOptions): Buffer {
  const time = options.timestamps ? `${timeOfDay()} ` : ''
  const name = options.prefix ? `${process.padEnd(options.width())} | ` : ''
  const head = options.paint === undefined ? time + name : options.paint(process, time + name)
  // Latin-1 keeps every byte as it is, and a global replace of one character is V8's fastest way through.
  const text = bytes.toString('latin1', 0, isPartial ? bytes.length : bytes.length - 1)
  return Buffer.from(`${head}${text.replace(/\n/g, `\n${head}`)}\n`, 'latin1')
}

let second = 0
let rendered = ''

/** HH:MM:SS of now, made once a second. */
function timeOfDay(): string {
  const now = Math.floor(Date.now() / 1000)
  if (now !== second) {
    second = now
    rendered = new Date(now * 1000).toTimeString().slice(0, 8)
  }
  return rendered
}

/** What JSON has to escape. */
// oxlint-disable-next-line no-control-regex -- control characters are exactly what is looked for
const NEEDS_ESCAPE = /["\\\u0000-\u001f]/

function renderJson(bytes: Buffer, { process, seq, isPartial }: Chunk): Buffer {
  const head = `{"time":"${new Date().toISOString()}","process":"${process}","seq":`
  const end = isPartial ? bytes.length : bytes.length - 1
  if (isUtf8(bytes)) {
    const lines = bytes.toString('utf8', 0, end).split('\n')
    const last = lines.length - 1
    const out = lines.map((line, index) => {
      const text = NEEDS_ESCAPE.test(line) ? JSON.stringify(line) : `"${line}"`
      return `${head}${seq + index},"text":${text}${isPartial && index === last ? ',"partial":true' : ''}}\n`
    })
    return Buffer.from(out.join(''))
  }
  return Buffer.from(
    splitBytes(bytes.subarray(0, end))
      .map((line, index, all) => {
        const isCut = isPartial && index === all.length - 1 ? ',"partial":true' : ''
        const raw = isUtf8(line) ? '' : `,"base64":"${line.toString('base64')}"`
        return `${head}${seq + index},"text":${JSON.stringify(line.toString('utf8'))}${raw}${isCut}}\n`
      })
      .join(''),
  )
}

function splitBytes(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = []
  let start = 0
  for (;;) {
    const end = bytes.indexOf(0x0a, start)
    if (end < 0) return [...lines, bytes.subarray(start)]
    lines.push(bytes.subarray(start, end))
    start = end + 1
  }
}

/** How many lines the bytes are; only JSON numbers them, so only JSON pays for counting. */
export function countLines(bytes: Buffer, isPartial: boolean): number {
  let count = isPartial ? 1 : 0
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) count += 1
  return count
}
