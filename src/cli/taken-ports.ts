import { TwRunError } from '../core/error.ts'
import { isSurelyFree } from '../runtime/bound-port.ts'
import { listenersOn } from '../runtime/listeners.ts'
import type { App } from '../runtime/load.ts'
import { carriers } from '../runtime/process-table.ts'
import { holderText } from './messages.ts'
import type { Slots } from '../runtime/slots.ts'

/**
 * Refuses to start while somebody else listens on a port of the formation; our own processes, found after a
 * kill, may keep theirs. Errors: TwRunError 1 naming each holder.
 */
export function refuseTakenPorts({ plan, settings }: App, slots: Slots): void {
  if (plan.every(({ port }) => isSurelyFree(port))) return
  const holders = listenersOn(plan.map(({ port }) => port))
  if (holders.length === 0) return
  const ours = new Set(carriers(new Set(slots.runs().map(({ token }) => token))).map(({ pid }) => pid))
  const strangers = holders.filter(({ pid }) => pid === undefined || !ours.has(pid))
  if (strangers.length === 0) return
  const lines = strangers.map((holder) => {
    const wanted = plan.find(({ port }) => port === holder.port)
    return `port ${holder.port} of ${wanted?.id ?? '?'} is taken by ${holderText(holder)}`
  })
  throw new TwRunError(lines.join('\ntw-run: '), {
    exitCode: 1,
    hint: `end that process, or choose other ports, such as: -p ${settings.port + 1000}`,
  })
}
