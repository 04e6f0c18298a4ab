import { closeSync, openSync, readSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

/** How much is read at once, bytes: nobody waits for it noticeably. */
const CHUNK = 256 * 1024
/** No more of a line is looked at, characters. */
const LONGEST_LINE = 4_096

/** Looks for a line in a log that grows, each byte once. */
export class LogSearch {
  readonly #path: string
  readonly #pattern: RegExp
  readonly #decoder = new TextDecoder('utf-8')
  #offset = 0
  #rest = ''

  constructor(path: string, pattern: string) {
    this.#path = path
    this.#pattern = new RegExp(pattern)
  }

  /** Reads on: whether a line matches, colours apart. The last one may be unfinished. */
  look(): boolean {
    const lines = (this.#rest + this.#read()).split('\n')
    this.#rest = (lines.at(-1) ?? '').slice(0, LONGEST_LINE)
    return lines.some((line) => this.#pattern.test(textOf(line)))
  }

  #read(): string {
    const fd = openSync(this.#path, 'r')
    try {
      const buffer = Buffer.alloc(CHUNK)
      const count = readSync(fd, buffer, 0, CHUNK, this.#offset)
      this.#offset += count
      return this.#decoder.decode(buffer.subarray(0, count), { stream: true })
    } finally {
      closeSync(fd)
    }
  }
}

function textOf(line: string): string {
  return stripVTControlCharacters(line.slice(0, LONGEST_LINE)).replace(/\r$/, '')
}
