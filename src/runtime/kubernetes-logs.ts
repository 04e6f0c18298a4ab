import { setTimeout as sleep } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import { CONTAINER } from '../exporters/kubernetes-objects.ts'
import type { LineSink, LogRequest } from './engine.ts'
import { streamLines } from './engine-stream.ts'
import type { Stream } from './engine-stream.ts'
import { placeOptions } from './kubectl.ts'
import type { Where } from './kubectl.ts'

/** A pod whose lines are wanted, by the name of its process. */
export interface LogSource {
  readonly process: string
  readonly pod: string
  readonly restarts: number
  /** Whether it has ever begun: before that there is nothing to read. */
  readonly hasBegun: boolean
  readonly isRunning: boolean
}

/** How many `kubectl logs` may run at once. */
const AT_ONCE = 16
const LOOK_AGAIN_MS = 1_000
/** A pod that has just gone is no error: what it wrote has gone with it. */
const GONE = /not found|waiting to start|previous terminated/

type Line = Parameters<LineSink>[0]

/** Shows what these pods have written, the lines of all in the order of their time. */
export async function showPodLogs(
  where: Where,
  sources: readonly LogSource[],
  request: LogRequest,
  sink: LineSink,
): Promise<void> {
  const held: Line[] = []
  const waiting = sources.filter(({ hasBegun }) => hasBegun)
  const worker = async (): Promise<void> => {
    for (let source = waiting.shift(); source !== undefined; source = waiting.shift()) {
      await open(where, source, { ...request, follow: false }, (line) => held.push(line)).ended
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  for (const line of held.toSorted((a, b) => a.time - b.time)) if (!sink(line)) return
}

type Look = () => Promise<readonly LogSource[]>

/**
 * Goes on with what they write, also of pods that come later: a selector of kubectl's takes only those that are
 * there at its beginning, and ends with the first restart. Errors: none of the cluster's, which come and go.
 */
export async function followPodLogs(
  where: Where,
  look: Look,
  request: LogRequest,
  sink: LineSink,
): Promise<void> {
  const streams = new Map<string, Stream>()
  /** When the last line of each life was written, as the server said it. */
  const shown = new Map<string, string>()
  let isFirst = true
  let hasEnded = false
  const take: LineSink = (line) => {
    if (!hasEnded && !sink(line)) hasEnded = true
    return !hasEnded
  }
  const follow = (source: LogSource): void => {
    const key = `${source.pod} ${source.restarts}`
    // A stream may break while its process lives: it goes on after the last line.
    const last = shown.get(key)
    if (!source.hasBegun || streams.has(key) || (last !== undefined && !source.isRunning)) return
    shown.set(key, last ?? '')
    const lines = isFirst ? request.lines : -1
    const after = last === undefined || last === '' ? {} : { after: last }
    const stream = open(where, { ...source, ...after }, { ...request, lines, follow: true }, (line) => {
      shown.set(key, line.stamp)
      take(line)
    })
    streams.set(key, stream)
    const forget = (): void => void streams.delete(key)
    // Where kubectl itself has gone, the next look says so.
    void stream.ended.then(forget, forget)
  }
  const lookAgain = patient(look, request, take)
  try {
    while (!request.over.aborted && !hasEnded) {
      const sources = await lookAgain()
      for (const source of sources ?? []) follow(source)
      if (sources !== undefined) isFirst = false
      await sleep(LOOK_AGAIN_MS, undefined, { signal: request.over }).catch(() => undefined)
    }
  } finally {
    await Promise.all([...streams.values()].map((stream) => stream.end()))
  }
}

/** The same look, undefined where it failed: that is said when it begins, and the next one may succeed. */
function patient(
  look: Look,
  { over }: LogRequest,
  take: LineSink,
): () => Promise<readonly LogSource[] | undefined> {
  let isFailing = false
  return async () => {
    try {
      const sources = await look()
      isFailing = false
      return sources
    } catch (error) {
      if (!(error instanceof TwRunError)) throw error
      // Ctrl-C ends the command that looks, too.
      if (!isFailing && !over.aborted) take(fromSystem(`${error.message}; trying again`))
      isFailing = true
      return undefined
    }
  }
}

function fromSystem(text: string): Line {
  return { process: 'system', time: Date.now(), text: Buffer.from(text) }
}

function open(
  where: Where,
  { process, pod, after }: LogSource & { readonly after?: string },
  { lines, since, follow }: LogRequest,
  take: (line: Line & { readonly stamp: string }) => void,
): Stream {
  const args = [
    ...placeOptions(where),
    'logs',
    pod,
    '--container',
    CONTAINER,
    '--timestamps',
    `--tail=${lines}`,
    ...(after === undefined ? [] : [`--since-time=${after}`]),
    ...(since === undefined || after !== undefined
      ? []
      : [`--since=${Math.max(1, Math.ceil(since / 1000))}s`]),
    ...(follow ? ['--follow'] : []),
  ]
  const onLine = (line: Buffer): void => {
    const blank = line.indexOf(0x20)
    const stamp = line.toString('latin1', 0, Math.max(0, blank))
    const time = Date.parse(stamp)
    // The server gives the line of that very time once more.
    if (!Number.isFinite(time) || (after !== undefined && stamp <= after)) return
    take({ process, time, text: line.subarray(blank + 1), stamp })
  }
  return streamLines('kubectl', args, onLine, (bytes) => {
    const text = bytes.toString()
    if (GONE.test(text)) return
    const line = fromSystem(`${process}: ${text}`)
    take({ ...line, stamp: after ?? new Date(line.time).toISOString() })
  })
}
