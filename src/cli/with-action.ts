import type { Reason } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { SignalRelay } from '../runtime/one-off.ts'
import { say } from '../runtime/terminal.ts'
import { Fixture, ownGround } from './fixture.ts'
import { Limit } from './limit.ts'
import { MemoryPeaks } from './memory-peaks.ts'
import { farewell, SURVIVED } from './start-action.ts'
import { causeOf } from './with-cause.ts'
import type { Cause } from './with-cause.ts'
import { tellOutcome } from './with-outcome.ts'
import type { WithOptions } from './with.ts'
import { work } from './work.ts'

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
