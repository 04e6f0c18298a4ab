// What is done with a tool's output while it runs: as little as possible.
import { countNewlines } from './line-check.js'
import { MARKER } from './app.js'
import { nowMs } from './output.js'

/** Notes when the n-th line that ends with MARKER arrived. */
export class MarkerCount {
  times = []
  #unfinished = ''

  take(bytes, time) {
    const lines = (this.#unfinished + bytes.toString('latin1')).split('\n')
    this.#unfinished = lines.pop()
    for (const line of lines) if (line.trimEnd().endsWith(MARKER)) this.times.push(time)
  }
}

/** Notes the pids that processes report as their first act, each in a line, and when they arrived. */
export class Arrivals {
  all = []
  #unfinished = ''
  #waiting

  take(bytes, time) {
    const lines = (this.#unfinished + bytes.toString('latin1')).split('\n')
    this.#unfinished = lines.pop()
    for (const line of lines) this.all.push({ pid: Number(line), at: time })
    this.#waiting?.()
  }

  /** Resolves when there are `count` in all. */
  async reach(count) {
    while (this.all.length < count) {
      await new Promise((resolve) => {
        this.#waiting = resolve
      })
    }
  }
}

// One buffer for all runs: touching fresh pages costs about as much as reading the data.
let shared = Buffer.alloc(0)

/** Keeps everything, to be checked when the clock no longer runs, and notes when which byte arrived. */
export class Keep {
  length = 0
  ended = false
  overflow = false
  lastAt = 0
  #times = []
  #offsets = []
  #entryBegan = 0
  #newlines = 0
  #counted = 0

  constructor(capacity) {
    if (shared.length < capacity) shared = Buffer.allocUnsafeSlow(capacity)
    this.bytes = shared
  }

  take(bytes, time) {
    this.lastAt = time
    if (this.length + bytes.length > this.bytes.length) {
      this.overflow = true
      return
    }
    bytes.copy(this.bytes, this.length)
    this.length += bytes.length
    // Entries span at most 0.1 ms, so that a tool that writes line by line does not make millions of them.
    if (this.#times.length === 0 || time - this.#entryBegan > 0.1) {
      this.#entryBegan = time
      this.#times.push(time)
      this.#offsets.push(this.length)
    } else {
      this.#times[this.#times.length - 1] = time
      this.#offsets[this.#offsets.length - 1] = this.length
    }
  }

  end() {
    this.ended = true
  }

  quietMs() {
    return this.lastAt === 0 ? 0 : nowMs() - this.lastAt
  }

  /** Lines so far; counts only what is new. */
  lines() {
    this.#newlines += countNewlines(this.bytes, this.#counted, this.length)
    this.#counted = this.length
    return this.#newlines
  }

  /** When the byte before `offset` had arrived, in ms. */
  timeOf(offset) {
    return this.#times[this.#offsets.findIndex((end) => end >= offset)]
  }
}
