import { setImmediate as nextTurn } from 'node:timers/promises'
import { TwRunError } from '../core/error.ts'
import type { JournalEvent } from '../core/journal.ts'
import { SURVIVED } from '../core/survivors.ts'
import { ControlServer } from '../runtime/control-server.ts'
import { Definition } from '../runtime/definition.ts'
import { SIGNALS } from '../runtime/last-words.ts'
import { here } from '../runtime/place.ts'
import type { RunResult } from '../runtime/run-result.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { Supervisor } from '../runtime/supervisor.ts'
import { reasonOf } from '../runtime/system-error.ts'
import type { Ground } from './formation.ts'

export interface SupervisorChoices {
  readonly journal: (event: JournalEvent) => void
  readonly isDetached: boolean
  readonly isFixture?: true
  /** Whether the formation's output goes to a terminal with colours. */
  readonly isColorTerminal: boolean
}

export function newSupervisor(ground: Ground, choices: SupervisorChoices): Supervisor {
  const { app, state, lock, slots, surroundings, stages, flags, isRevival } = ground
  const { journal, isDetached, isFixture, isColorTerminal } = choices
  const { formation, only, except } = app.settings
  const keepsCounts = formation.text === '' && only.length + except.length === 0
  return new Supervisor({
    state,
    lock,
    slots,
    place: here(),
    surroundings,
    asked: {
      types: app.types,
      counts: Object.fromEntries(app.counts),
      stages,
      isDetached,
      isFixture,
      hasRouter: app.router !== undefined,
      flags,
      isRevival,
      keepsCounts,
    },
    definition: new Definition(app, isColorTerminal),
    journal,
  })
}

/** Runs a supervisor to the end of its formation, listening to signals and commands. Errors: TwRunError 1. */
export async function serve(supervisor: Supervisor, { state }: Ground): Promise<RunResult> {
  // A terminal that is closed is not that of who runs in the background.
  const isMeant = (signal: string): boolean => signal !== 'SIGHUP' || !supervisor.session.isDetached
  for (const signal of SIGNALS)
    process.on(signal, () => {
      if (isMeant(signal)) supervisor.end({ kind: 'signal', signal })
    })
  const server = await listen(supervisor, state)
  // What is to run is begun first, since Node takes 1 ms to read a FIFO for the first time.
  const listening = nextTurn().then(() => server.listen((request) => supervisor.apply(request)))
  const result = await supervisor.run()
  await listening
  server.close()
  return result
}

async function listen(supervisor: Supervisor, state: StateDir): Promise<ControlServer> {
  try {
    const server = new ControlServer(state)
    supervisor.attend(server)
    return server
  } catch (error) {
    // What was never begun is nothing that the next one could carry on.
    if (supervisor.runs().length === 0) {
      supervisor.end({ kind: 'done' })
      await supervisor.run()
    }
    if (error instanceof TwRunError) throw error
    throw new TwRunError(`cannot listen for commands at ${state.commands}: ${reasonOf(error)}`, {
      exitCode: 1,
    })
  }
}

export function codeOf({ survivors, ending }: RunResult): number {
  return survivors.length > 0 ? SURVIVED : ending.code
}
