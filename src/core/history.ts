import type { End } from './process.ts'
import { decodeEnd } from './records.ts'

/**
 * The ends in a process's history that anything depends on still, oldest first: those of the generation that ended last,
 * and all from the run `from` on. A process that was started every day has thousands, which take a start 30 ms to understand.
 */
export function newestEnds(history: string, from: number): End[] {
  const ends: End[] = []
  for (const line of newestFirst(history)) {
    const end = decodeEnd(line)
    // A line that is none is passed over: it was cut off, or is empty.
    if (end === undefined) continue
    const [newest = end] = ends
    if (end.generation !== newest.generation && end.run < from) break
    ends.push(end)
  }
  return ends.toReversed()
}

function* newestFirst(text: string): Generator<string> {
  let stop = text.length
  while (stop > 0) {
    const start = text.lastIndexOf('\n', stop - 1) + 1
    yield text.slice(start, stop)
    stop = start - 1
  }
}
