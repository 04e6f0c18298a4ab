import { wholeOf } from '../core/environment.ts'
import { healthChange } from '../core/health.ts'
import type { JournalEvent } from '../core/journal.ts'
import type { Health, Run } from '../core/process.ts'
import { typeOf } from '../core/readiness.ts'
import { bootNow } from './clock.ts'
import type { Definition } from './definition.ts'
import { environmentOfRun } from './environment-of-run.ts'
import type { Host } from './host.ts'
import type { CommandContext } from './probe-command.ts'
import { Prober } from './prober.ts'
import { logPath } from './run-log.ts'

export interface HealthWatchOptions {
  readonly host: Host
  readonly definition: () => Definition
  readonly journal: (event: JournalEvent) => void
  readonly ring: () => void
}

/** A prober that keeps what it finds on disk and says what is worth a word. */
export function watchHealth({ host, definition, journal, ring }: HealthWatchOptions): Prober {
  const found = (run: Run, health: Health): void => {
    const change = healthChange(run.health, health)
    host.recordHealth(run, health)
    const upFor = bootNow() - run.startedAt
    if (change !== undefined) journal({ type: 'health', run, change, reason: health.reason, upFor })
    ring()
  }
  return new Prober({
    checksOf: ({ id }) => definition().checksOf(typeOf(id)),
    found,
    ring,
    logOf: (run) => logPath(host.path(run)),
    commandContextOf: (run) => contextOf(run, definition()),
  })
}

/** A command sees what the process sees: the environment that it was started with, where the kernel tells it. */
function contextOf(run: Run, definition: Definition): CommandContext {
  const { root } = definition.app
  const env = environmentOfRun(run, root) ?? wholeOf(definition.readEnvironment()(run))
  return { cwd: root, env, token: run.token }
}
