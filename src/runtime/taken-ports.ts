import { TwRunError } from '../core/error.ts'
import type { ProcessPlan } from '../core/expand.ts'
import { isSurelyFree } from './bound-port.ts'
import { holderText, listenersOn } from './listeners.ts'
import type { PortHolder } from './listeners.ts'
import type { App } from './load.ts'
import { carriers } from './process-table.ts'
import type { Slots } from './slots.ts'

/**
 * Refuses what is to be started while somebody else listens on a port of it; our own processes, found after a
 * kill or on their way out, may keep theirs. Errors: TwRunError 1 naming each holder.
 */
export function refuseTakenPorts(
  { plan, settings }: Pick<App, 'plan' | 'settings'>,
  slots: Slots,
  wayOut = `or choose other ports, such as: -p ${settings.port + 1000}`,
): void {
  const strangers = strangersOn(plan, slots)
  if (strangers.length === 0) return
  const lines = strangers.map((holder) => {
    const wanted = plan.find(({ port }) => port === holder.port)
    return `port ${holder.port} of ${wanted?.id ?? '?'} is taken by ${holderText(holder)}`
  })
  throw new TwRunError(lines.join('\ntw-run: '), { exitCode: 1, hint: `end that process, ${wayOut}` })
}

function strangersOn(plan: readonly ProcessPlan[], slots: Slots): PortHolder[] {
  if (plan.every(({ port }) => isSurelyFree(port))) return []
  const holders = listenersOn(plan.map(({ port }) => port))
  if (holders.length === 0) return []
  const ours = new Set(carriers(new Set(slots.runs().map(({ token }) => token))).map(({ pid }) => pid))
  return holders.filter(({ pid }) => pid === undefined || !ours.has(pid))
}
