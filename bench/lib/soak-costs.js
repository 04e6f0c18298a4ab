// What a tw-run costs now, printed as rows: memory, descriptors, files, processes.
import { readdirSync } from 'node:fs'
import { peakResidentMb, privateMb } from './proc.js'

const COLUMNS = [
  ['', 8],
  ['heap MB', 9],
  ['private MB', 11],
  ['peak RSS MB', 12],
  ['helpers MB', 11],
  ['descriptors', 12],
  ['state files', 12],
  ['processes', 10],
  ['lines', 10],
  ['restarts', 9],
]
const row = (cells) => `${cells.map((cell, i) => cell.padStart(COLUMNS[i][1])).join('')}\n`

export class Costs {
  first
  last
  #soaked
  #samples = []

  constructor(soaked) {
    this.#soaked = soaked
    process.stdout.write(row(COLUMNS.map(([name]) => name)))
  }

  /** Takes a sample at this `share` of the time; prints it when it has a name. */
  look(share, name) {
    const { pid, session, state, heapMb } = this.#soaked
    const sample = { share, memory: privateMb(pid), heap: heapMb }
    this.#samples.push(sample)
    if (name === undefined) return
    const all = session.processes()
    const helpers = all.filter((one) => one.role === 'manager' && one.pid !== pid)
    const descriptors = readdirSync(`/proc/${pid}/fd`).length
    const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter(
      (one) => !one.isDirectory(),
    )
    this.last = { ...sample, descriptors }
    this.first ??= this.last
    process.stdout.write(
      row([
        name,
        sample.heap.toFixed(1),
        sample.memory.toFixed(1),
        peakResidentMb(pid).toFixed(1),
        helpers.reduce((sum, one) => sum + privateMb(one.pid), 0).toFixed(1),
        String(descriptors),
        String(files.length),
        String(all.length),
        String(this.#soaked.lines),
        String(this.#soaked.restarts),
      ]),
    )
  }

  /** A figure, MB, of the samples in this part of the time: 'memory' is private memory, 'heap' is V8's. */
  between(figure, from, to) {
    return this.#samples.filter(({ share }) => share >= from && share <= to).map((sample) => sample[figure])
  }
}
