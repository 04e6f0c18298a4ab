import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { SURVIVED, stillRunning } from '../core/survivors.ts'
import { view } from '../runtime/observer.ts'
import { carriers } from '../runtime/process-table.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { say } from '../runtime/terminal.ts'
import { unreadSentence, unreadSupervisor } from '../runtime/unread.ts'
import { command as send } from './ask.ts'
import { reachEngine } from './engine.ts'
import { endLeft } from './left-work.ts'
import { waitForEnd } from './waiting.ts'

const STDOUT = 1
/** How much longer than the grace period a stop may take, ms, before it is said who is left. */
const BEYOND_GRACE_MS = 15_000
/** The longest grace period is a day; a stop that is waited for knows no better bound. */
const WAIT_MS = 86_400_000 + BEYOND_GRACE_MS
const ASK_AGAIN = 10

/** Stops processes, or without targets all of it, which is waited for. Errors: TwRunError, 3 where something survives. */
export async function stop(targets: readonly string[], flags: Flags): Promise<void> {
  const { here, reached } = await reachEngine(flags)
  if (reached !== undefined) {
    const { stopOn } = await import('./engine-control-action.ts')
    await stopOn(reached, targets)
    return
  }
  const { state } = here
  const hasEndedLeft = await endLeft(state, here.settings.graceMs)
  const wasOver = isOver(state)
  const lines = await send(state, { do: 'stop', targets }).catch((error: unknown) => {
    // Somebody else has just stopped all of it, or it was a command that was left: that is what was asked for.
    if ((wasOver && !hasEndedLeft) || targets.length > 0 || !isOver(state)) throw error
    return [wasOver ? 'nothing else runs here' : 'already stopped']
  })
  say(STDOUT, `${lines.join('\n')}\n`)
  if (targets.length > 0) return
  await untilAllEnded(state)
  const { session, supervisor } = view(state)
  const unread = unreadSupervisor(session, supervisor)
  const there = unread === undefined ? '' : `; ${unreadSentence(unread)}`
  say(STDOUT, `all stopped, nothing left running${there}\n`)
}

async function untilAllEnded(state: StateDir): Promise<void> {
  let alive = await waitForEnd(state, WAIT_MS)
  // Its supervisor was killed over it: asked again, another one goes on.
  for (let again = 0; !isOver(state) && again < ASK_AGAIN; again += 1) {
    await send(state, { do: 'stop', targets: [] }).catch((error: unknown) => {
      // It had come to the end after all.
      if (!(error instanceof TwRunError) || !isOver(state)) throw error
    })
    alive = await waitForEnd(state, WAIT_MS)
  }
  if (alive.length > 0) {
    throw new TwRunError(`still running: ${alive.join(', ')}`, {
      exitCode: SURVIVED,
      hint: 'tw-run ps shows their pids',
    })
  }
  const tokens = view(state)
    .slots.runs()
    .map(({ token }) => token)
  const survivors = carriers(new Set(tokens))
  if (survivors.length > 0) throw new TwRunError(stillRunning(survivors), { exitCode: SURVIVED })
}

function isOver(state: StateDir): boolean {
  return view(state).session?.over !== false
}
