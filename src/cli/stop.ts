import { Command } from 'commander'
import { TwRunError } from '../core/error.ts'
import { say } from '../runtime/terminal.ts'
import { flagsOf, withOptions } from './options.ts'

/** How much longer than the grace period a stop may take, ms, before it is said who is left. */
const BEYOND_GRACE_MS = 15_000
/** The longest grace period is a day; a stop that is waited for knows no better bound. */
const WAIT_MS = 86_400_000 + BEYOND_GRACE_MS
const ASK_AGAIN = 10

export function stopCommand(): Command {
  const command = new Command('stop')
    .description('stop processes; without targets, the whole formation and its supervisor')
    .argument('[targets...]', 'process types and processes: web worker.2 (default: everything)')
  withOptions(command, 'place', 'state', 'engine')
  return command.action(async (targets: string[]) => {
    const { reachEngine } = await import('./engine.ts')
    const { here, reached } = await reachEngine(flagsOf(command))
    if (reached !== undefined) {
      const { stopOn } = await import('./engine-control-action.ts')
      await stopOn(reached, targets)
      return
    }
    const { endLeft } = await import('./left-work.ts')
    const hasEndedLeft = await endLeft(here.state, here.settings.graceMs)
    const { view } = await import('../runtime/observer.ts')
    const { command: send } = await import('./ask.ts')
    const { carriers } = await import('../runtime/process-table.ts')
    const { waitForEnd } = await import('./waiting.ts')
    const { state } = here
    const isOver = (): boolean => view(state).session?.over !== false
    const wasOver = isOver()
    const lines = await send(state, { do: 'stop', targets }).catch((error: unknown) => {
      // Somebody else has just stopped all of it, or it was a command that was left: that is what was asked for.
      if ((wasOver && !hasEndedLeft) || targets.length > 0 || !isOver()) throw error
      return [wasOver ? 'nothing else runs here' : 'already stopped']
    })
    say(1, `${lines.join('\n')}\n`)
    if (targets.length > 0) return
    let alive = await waitForEnd(state, WAIT_MS)
    // Its supervisor was killed over it: asked again, another one goes on.
    for (let again = 0; !isOver() && again < ASK_AGAIN; again += 1) {
      await send(state, { do: 'stop', targets }).catch((error: unknown) => {
        // It had come to the end after all.
        if (!(error instanceof TwRunError) || !isOver()) throw error
      })
      alive = await waitForEnd(state, WAIT_MS)
    }
    if (alive.length > 0) {
      throw new TwRunError(`still running: ${alive.join(', ')}`, {
        exitCode: 3,
        hint: 'tw-run ps shows their pids',
      })
    }
    const survivors = carriers(
      new Set(
        view(state)
          .slots.runs()
          .map(({ token }) => token),
      ),
    )
    if (survivors.length > 0) {
      const list = survivors.map(({ pid, command: words }) => `${words} (pid ${pid})`).join(', ')
      throw new TwRunError(`still running, and could not be stopped: ${list}`, { exitCode: 3 })
    }
    say(1, 'all stopped, nothing left running\n')
  })
}
