import { LONGEST_LINE } from '../../src/core/lines.ts'

/** What tw-run itself says, in the plain form, where nothing tells it from the lines of processes. */
const OF_TW_RUN = /^([a-z]+\.\d+ (on \d|ended|exited|was)|all stopped|SIG)/
const PRETTY = /^(?:\d\d:\d\d:\d\d )?([a-z]+(?:\.\d+)?) +\| /

/** The bytes that each process has in a pretty output; each line as one Latin-1 string with its newline. */
export function readPretty(output: Buffer): Map<string, Buffer> {
  const texts = new Map<string, string[]>()
  for (const line of linesOf(output)) {
    const [head = '', process = ''] = PRETTY.exec(line) ?? []
    if (head === '') throw new Error(`a line without a prefix: ${line.slice(0, 200)}`)
    add(texts, process, `${line.slice(head.length)}\n`)
  }
  return joined(texts)
}

/** The same of a plain output, in which the lines of a, b and c begin with their letter; the rest is of d. */
export function readPlain(output: Buffer): Map<string, Buffer> {
  const texts = new Map<string, string[]>()
  for (const line of linesOf(output)) {
    if (OF_TW_RUN.test(line)) continue
    add(texts, `${/^([abc]) \d/.exec(line)?.[1] ?? 'd'}.1`, `${line}\n`)
  }
  return joined(texts)
}

interface JsonLine {
  readonly time: string
  readonly process: string
  readonly seq: number
  readonly text: string
  readonly base64?: string
  readonly partial?: true
}

/** The same of a JSON output: here the bytes are those of the process, with nothing put between cut pieces. */
export function readJson(output: Buffer): Map<string, Buffer> {
  const parts = new Map<string, Buffer[]>()
  const seqs = new Map<string, number>()
  for (const line of output.toString('utf8').split('\n').slice(0, -1)) {
    const { process, seq, text, base64, partial } = JSON.parse(line) as JsonLine
    if (seq !== (seqs.get(process) ?? 0) + 1) throw new Error(`${process}: ${seq} after ${seqs.get(process)}`)
    seqs.set(process, seq)
    const list = parts.get(process) ?? []
    parts.set(process, list)
    list.push(base64 === undefined ? Buffer.from(text) : Buffer.from(base64, 'base64'))
    if (partial !== true) list.push(Buffer.from('\n'))
  }
  return new Map([...parts].map(([process, list]) => [process, Buffer.concat(list)]))
}

/** How lines are shown where each stands on a line of its own: the longest cut, the last one terminated. */
export function asShown(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const newline = bytes.indexOf(0x0a, at)
    const end = newline < 0 ? bytes.length : newline
    while (end - at > LONGEST_LINE) {
      let cut = at + LONGEST_LINE
      while (((bytes[cut] ?? 0) & 0xc0) === 0x80) cut -= 1
      parts.push(bytes.subarray(at, cut), Buffer.from('\n'))
      at = cut
    }
    parts.push(bytes.subarray(at, end), Buffer.from('\n'))
    at = end + 1
  }
  return Buffer.concat(parts)
}

function linesOf(output: Buffer): string[] {
  const lines = output.toString('latin1').split('\n')
  if (lines.pop() !== '') throw new Error('the output does not end with a newline')
  return lines
}

function add(texts: Map<string, string[]>, process: string, text: string): void {
  const list = texts.get(process)
  if (list === undefined) texts.set(process, [text])
  else list.push(text)
}

function joined(texts: Map<string, string[]>): Map<string, Buffer> {
  return new Map([...texts].map(([process, list]) => [process, Buffer.from(list.join(''), 'latin1')]))
}
