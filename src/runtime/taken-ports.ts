import { TwRunError } from '../core/error.ts'
import type { ProcessPlan } from '../core/expand.ts'
import type { ProcessId } from '../core/names.ts'
import { addressText, USUAL_ADDRESS } from '../core/option-values.ts'
import { MAX_PORT } from '../core/ports.ts'
import { ROUTER } from '../core/router.ts'
import type { Settings } from '../core/settings.ts'
import { isSurelyFree } from './bound-port.ts'
import { holderText, listenersOn } from './listeners.ts'
import type { PortHolder } from './listeners.ts'
import type { App } from './load.ts'
import { carriers, groupOf } from './process-table.ts'
import type { Slots } from './slots.ts'

/** So far one looks for a free port. */
const FREE_WITHIN = 100

/**
 * Refuses what is to be started while somebody else listens on a port of it; our own processes, found after a
 * kill or on their way out, may keep theirs. Errors: TwRunError 1 naming each holder.
 */
export function refuseTakenPorts(
  { plan, settings }: Pick<App, 'plan' | 'settings'>,
  slots: Slots,
  wayOut?: string,
): void {
  const strangers = strangersOn(plan, slots)
  if (strangers.length === 0) return
  const lines = strangers.map(
    ({ wanted, holder }) => `port ${holder.port} of ${wanted.id} is taken by ${holderText(holder)}`,
  )
  const others = (): string => otherPorts(new Set(strangers.map(({ wanted }) => wanted.id)), plan, settings)
  const hint = `end that process, ${wayOut ?? `or choose other ports, such as: ${others()}`}`
  throw new TwRunError(lines.join('\ntw-run: '), { exitCode: 1, hint })
}

/** The options that give other ports to those whose ports are taken. */
function otherPorts(
  without: ReadonlySet<ProcessId>,
  plan: readonly ProcessPlan[],
  { port, router }: Settings,
): string {
  const isOnlyRouter = without.size === 1 && without.has(ROUTER)
  const options = isOnlyRouter ? [] : [`-p ${port + 1000}`]
  if (router !== undefined && without.has(ROUTER))
    options.push(`--router ${addressText({ ...router, port: freePort(router.port, plan) })}`)
  return options.join(' ')
}

/** The next port that nobody has; where that cannot be known, that no process of the plan has. */
function freePort(taken: number, plan: readonly ProcessPlan[]): number {
  const planned = new Set(plan.map(({ port }) => port))
  const others = Array.from({ length: plan.length + FREE_WITHIN }, (_, n) => taken + 1 + n)
  const candidates = others.filter((port) => port <= MAX_PORT && !planned.has(port))
  return candidates.find(isSurelyFree) ?? candidates[0] ?? USUAL_ADDRESS.port
}

interface Stranger {
  readonly wanted: ProcessPlan
  readonly holder: PortHolder
}

function strangersOn(plan: readonly ProcessPlan[], slots: Slots): Stranger[] {
  if (plan.every(({ port }) => isSurelyFree(port))) return []
  const holders = listenersOn(plan.map(({ port }) => port))
  if (holders.length === 0) return []
  const runs = slots.runs()
  const ours = new Set(carriers(new Set(runs.map(({ token }) => token))).map(({ pid }) => pid))
  // What has cleared its environment is known by its group.
  const groups = new Set(runs.flatMap(({ life, pid }) => (life === 'alive' ? (pid ?? []) : [])))
  const isOurs = (pid: number): boolean => ours.has(pid) || groups.has(groupOf(pid) ?? 0)
  const strangers = holders.filter(({ pid }) => pid === undefined || !isOurs(pid))
  return strangers.flatMap((holder) => {
    const wanted = plan.find(({ port }) => port === holder.port)
    return wanted === undefined ? [] : [{ wanted, holder }]
  })
}
