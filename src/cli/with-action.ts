import { randomBytes, randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { environmentFor, valuesOf } from '../core/environment.ts'
import { processId } from '../core/names.ts'
import type { Reason } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import type { App } from '../runtime/load.ts'
import { runOneOff, SignalRelay } from '../runtime/one-off.ts'
import { sweep } from '../runtime/sweep.ts'
import { isTerminal, say } from '../runtime/terminal.ts'
import { Fixture, ownGround } from './fixture.ts'
import { formationUrls } from './formation-urls.ts'
import { MemoryPeaks } from './memory-peaks.ts'
import { farewell, SURVIVED } from './start-action.ts'
import { causeOf } from './with-cause.ts'
import type { Cause } from './with-cause.ts'
import { tellOutcome } from './with-outcome.ts'
import type { WithOptions } from './with.ts'

const STDOUT = 1
const STDERR = 2
/** Runs a command while the formation is there and ready; the exit code of the command, or of what went wrong. */
export async function withFormation(
  words: readonly string[],
  flags: Flags,
  options: WithOptions,
): Promise<number> {
  closeInheritedDescriptors()
  const begun = performance.now()
  const startedAt = new Date()
  const own = await ownGround(flags)
  const fixture = await Fixture.open(own)
  const { app } = fixture
  if (own.port !== flags.port) say(STDERR, `tw-run: ports from ${app.settings.port}\n`)
  const peaks = new MemoryPeaks(fixture)
  const limit = new Limit(options.limit)
  const relay = new SignalRelay(app.settings.graceMs)
  try {
    const missing = await Promise.race([fixture.ready(), limit.over.then(() => undefined)])
    const readyMs = missing?.missing.length === 0 ? performance.now() - begun : undefined
    const code = readyMs === undefined ? undefined : await work(words, fixture, { relay, limit })
    const cause = causeOf({ fixture, missing, code, isLate: limit.isOver, limitMs: options.limit })
    peaks.stop()
    const result = await fixture.close(reasonOf(cause), farewell)
    const exitCode = result.survivors.length > 0 ? SURVIVED : (cause?.exitCode ?? code ?? 1)
    return tellOutcome({ fixture, words, options, exitCode, code, cause, startedAt, begun, readyMs, peaks })
  } finally {
    limit.cancel()
    relay.release()
  }
}

function reasonOf(cause: Cause | undefined): Reason {
  return cause?.reason ?? { kind: 'done' }
}

interface Work {
  readonly relay: SignalRelay
  readonly limit: Limit
}

/** Runs the command to its end, or until the formation or the time is over; its exit code. */
async function work(words: readonly string[], fixture: Fixture, { relay, limit }: Work): Promise<number> {
  const { app } = fixture
  const token = randomBytes(8).toString('hex')
  const scratch = join(tmpdir(), `tw-run-${token}`)
  mkdirSync(scratch, { mode: 0o700 })
  const stopWork = (): void => relay.stop()
  void limit.over.then(stopWork)
  const stopWatching = fixture.onEnding(stopWork)
  try {
    const [file = '', ...args] = words
    const env = environmentOf(app, token, scratch)
    const code = await runOneOff({ file, args }, { cwd: process.cwd(), env, relay })
    await sweep(token, { graceMs: app.settings.graceMs, hurry: relay.hurry })
    return code
  } finally {
    stopWatching()
    await rm(scratch, { recursive: true, force: true })
  }
}

function environmentOf(app: App, token: string, scratch: string): Record<string, string> {
  const { port, urls } = formationUrls(app)
  const injection = {
    id: processId('with', randomInt(1000, 10_000)),
    token,
    scratch,
    port,
    root: process.cwd(),
    color: isTerminal(STDOUT),
  }
  return { ...valuesOf(environmentFor(app.layers, app.settings.envPrecedence, injection)), ...urls }
}

/** The time that everything together may take. */
class Limit {
  isOver = false
  readonly over: Promise<void>
  readonly #timer: NodeJS.Timeout | undefined

  /** `ms` undefined: for ever. */
  constructor(ms: number | undefined) {
    const { promise, resolve } = withResolvers()
    this.over = promise
    if (ms === undefined) return
    this.#timer = setTimeout(() => {
      this.isOver = true
      resolve()
    }, ms)
  }

  cancel(): void {
    clearTimeout(this.#timer)
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => {}
  const promise = new Promise<void>((done) => (resolve = done))
  return { promise, resolve }
}
