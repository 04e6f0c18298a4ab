import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { formatDiagnostic } from '../core/diagnostic.ts'
import { expandIds } from '../core/edit.ts'
import { TwRunError } from '../core/error.ts'
import type { Session } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { bootNow } from '../runtime/clock.ts'
import { closeInheritedDescriptors } from '../runtime/descriptors.ts'
import { requireLastingFiles } from '../runtime/lasting-files.ts'
import { requireVariables } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { heldBy } from '../runtime/lock-holder.ts'
import { view } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'
import { locateStateDir, makeStateDir, requireRoom } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { refuseTakenPorts } from '../runtime/taken-ports.ts'
import { mention, say } from '../runtime/terminal.ts'
import { hasEnded, startSupervisor } from './control.ts'
import { isWrittenSince, lookBefore, reportEnd, showLastLines } from './detached-end.ts'
import type { Before } from './detached-end.ts'
import { appToStart, lastingFlags, requireRouterHost, requireWork, stagesOf } from './formation.ts'
import { describeAddress, describeRuns } from './journal-text.ts'
import { refuseLateStages } from './late-stages.ts'
import { Pace } from './pace.ts'
import { notThere, waitFor } from './waiting.ts'
import type { Awaited, Missing } from './waiting.ts'

const STDOUT = 1
/** How long after a process has failed its supervisor may take to end the run by that, ms. */
const JUDGED_WITHIN_MS = 1_000

/**
 * Starts the formation under a supervisor of its own, which `begins` when nothing refuses it, and returns when all are
 * up, or with --wait ready.
 */
export async function startDetached(asked: Flags, awaited: Awaited, begins: () => void): Promise<number> {
  requireLastingFiles(asked, process.env)
  closeInheritedDescriptors()
  if (process.pid === 1) throw endsWithPid1()
  const { app, flags } = await appToStart(asked)
  requireWork(app)
  requireVariables(app)
  await requireRouterHost(app)
  for (const warning of app.warnings) mention(`${formatDiagnostic(warning)}\n`)
  const state = locateStateDir(app.root, app.stateDir)
  makeStateDir(state)
  const { supervisor, slots } = view(state)
  if (supervisor !== undefined) throw heldBy(supervisor, state.lock)
  requireRoom(state)
  refuseTakenPorts(app, slots)
  refuseLateStages({ stages: stagesOf(app), state, slots }, flags)
  begins()
  const before = lookBefore(state)
  const child = startSupervisor(state, lastingFlags(flags, app))
  const ended = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : 1))
  await Promise.race([ended, hasBegun(state, child, before)])
  const found = await Promise.race([ended, waitFor(state, awaited)])
  if (typeof found === 'number') return reportEnd(state, before, found)
  if (found.missing.length === 0) {
    const { slots: now, session } = view(state)
    // In the order of the Procfile, and not what is on its way out.
    const wanted = session === undefined ? [] : expandIds(session).flatMap((id) => now.run(id) ?? [])
    const alive = wanted.filter(({ life }) => life === 'alive')
    const texts = [
      ...(await linesTakenIn(app, before, session)),
      describeRuns(alive, () => undefined),
      describeAddress(alive, app.settings.router),
    ]
    for (const text of texts) if (text !== undefined) say(STDOUT, `${text}\n`)
    return 0
  }
  const seen = await onceJudged(state, found)
  if (seen.session?.ending !== undefined) {
    child.ref()
    return reportEnd(state, before, await ended)
  }
  for (const id of found.failed.length > 0 ? found.failed : found.missing) showLastLines(seen, id)
  throw notThere(found, awaited)
}

/** What is there when the supervisor has seen, too, what has failed: by that the run may end. */
async function onceJudged(state: StateDir, { failed }: Missing): Promise<View> {
  const pace = new Pace()
  const until = bootNow() + JUDGED_WITHIN_MS
  for (;;) {
    const seen = view(state)
    const isJudged = failed.length === 0 || seen.session?.ending !== undefined
    if (isJudged || bootNow() > until) return seen
    await pace.pause()
  }
}

/** What changes in a formation that is carried on; most begin anew, and nothing is loaded for it. */
async function linesTakenIn(app: App, before: Before, session: Session | undefined): Promise<string[]> {
  if (session === undefined || before.session?.id !== session.id) return []
  return (await import('./carried-on.ts')).linesTakenIn(app, before.runs, session)
}

/** The kernel kills a whole container when its pid 1 is done. */
function endsWithPid1(): TwRunError {
  return new TwRunError('start --detach as pid 1 would end this container, and everything in it, at once', {
    exitCode: 1,
    hint: 'here tw-run start, without --detach, is what stays',
  })
}

/**
 * The supervisor holds the lock and has written what it is for, or is gone. What it carries on is written there already,
 * as it was before.
 */
async function hasBegun(state: StateDir, child: ChildProcess, before: Before): Promise<void> {
  const pace = new Pace()
  while (!hasEnded(child)) {
    const { session, supervisor } = view(state)
    const isWritten = session?.isDetached === true && !session.over && isWrittenSince(state, before)
    if (supervisor === child.pid && isWritten) return
    await pace.pause()
  }
}
