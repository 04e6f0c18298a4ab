import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { requireLastingFiles } from '../runtime/lasting-files.ts'
import { SignalRelay } from '../runtime/one-off.ts'
import { Fixture } from './fixture.ts'
import { farewell } from './journal-text.ts'
import { Limit } from './limit.ts'
import { MemoryPeaks } from './memory-peaks.ts'
import { ownGround, removeOwnState } from './own-ground.ts'
import { requireCommand } from './require-command.ts'
import { SIGNALS } from '../runtime/last-words.ts'
import { causeOf, leakOf } from './with-cause.ts'
import type { Cause } from './with-cause.ts'
import { tellOutcome, tellRefusal } from './with-outcome.ts'
import type { Began } from './with-outcome.ts'
import { prepareReports } from './with-reports.ts'
import type { WithOptions } from './with.ts'
import { work } from './work.ts'

/** Runs a command while the formation is there and ready; the exit code of the command, or of what went wrong. */
export async function withFormation(
  words: readonly string[],
  flags: Flags,
  options: WithOptions,
): Promise<number> {
  requireLastingFiles(flags, process.env)
  closeInheritedDescriptors()
  const began = { words, options, startedAt: new Date(), begun: performance.now() }
  prepareReports(options.report, options.junit)
  try {
    requireCommand(words, 'name one: tw-run with -- <command>')
    const own = await ownGround(flags)
    const fixture = await Fixture.open(own.flags)
    const { state } = fixture
    const { code, survived } = await useFixture(fixture, began)
    // What survived is found again by it.
    if (own.isOwn && !survived) removeOwnState(state)
    return code
  } catch (error) {
    if (error instanceof TwRunError) tellRefusal(error, began)
    throw error
  }
}

/** Everything from a formation that was started to one that is over and told of. */
async function useFixture(
  fixture: Fixture,
  began: Began,
): Promise<{ readonly code: number; readonly survived: boolean }> {
  const { limit: limitMs } = began.options
  const { graceMs } = fixture.app.settings
  const peaks = new MemoryPeaks(fixture)
  const limit = new Limit(limitMs)
  const relay = new SignalRelay(graceMs)
  const hurry = (): void => {
    if (fixture.session.ending?.hurried === true) relay.kill()
  }
  for (const signal of SIGNALS) process.on(signal, hurry)
  try {
    const missing = await Promise.race([fixture.ready(), limit.over.then(() => fixture.missing())])
    // What ends is ready no more.
    const isReady = missing.missing.length === 0 && fixture.session.ending === undefined
    const readyMs = isReady ? performance.now() - began.begun : undefined
    peaks.look()
    const begins = isReady && !limit.isOver
    const done = begins ? await work(began.words, fixture, { relay, limit }) : undefined
    limit.cancel()
    const code = done?.code
    const cause = causeOf({ fixture, missing, code, isLate: limit.isOver, limitMs })
    peaks.stop()
    const { survivors } = await fixture.close(cause?.reason ?? { kind: 'done' }, farewell)
    const leak = leakOf([...(done?.survivors ?? []), ...survivors])
    const { exitCode, ...rest } = verdict(cause, leak, code)
    const told = { ...began, fixture, exitCode, code, ...rest, readyMs, peaks: peaks.peaks }
    return { code: tellOutcome(told), survived: leak !== undefined }
  } catch (error) {
    // Whatever failed here is no reason to leave a formation behind.
    await fixture.close({ kind: 'done' }, farewell)
    throw error
  } finally {
    limit.cancel()
    peaks.stop()
    for (const signal of SIGNALS) process.off(signal, hurry)
    relay.release()
  }
}

/** What survives is worse than everything else; what went wrong with the formation explains what the command says. */
function verdict(
  cause: Cause | undefined,
  leak: Cause | undefined,
  code = 1,
): { exitCode: number; cause: Cause | undefined } {
  const told = cause ?? leak
  return { exitCode: leak?.exitCode ?? told?.exitCode ?? code, cause: told }
}
