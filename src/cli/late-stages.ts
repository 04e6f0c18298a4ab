import { TwRunError } from '../core/error.ts'
import { isPast } from '../core/session.ts'
import type { Stage } from '../core/session.ts'
import type { Flags } from '../core/settings.ts'
import { keptSession } from '../runtime/kept-session.ts'
import { here } from '../runtime/place.ts'
import type { Slots } from '../runtime/slots.ts'
import type { StateDir } from '../runtime/state-dir.ts'

export interface Late {
  readonly stages: readonly Stage[]
  readonly state: StateDir
  readonly slots: Slots
}

/**
 * Refuses stages where what a killed tw-run had started lives and would be carried on past them: to run them first
 * would be to stop it, which nobody asked for. Errors: TwRunError 1.
 */
export function refuseLateStages({ stages, state, slots }: Late, flags: Flags): void {
  if (!isPast(stages, keptSession(state), here())) return
  if (slots.runs().every(({ life }) => life === 'dead')) return
  const names = stages.filter((stage) => stage !== 'formation').join(' and ')
  // Where .env asks for it, an option less does not call it off.
  const carryOn = flags.release === true ? 'tw-run start' : 'TW_RUN_RELEASE=0 tw-run start'
  const again = flags.release === true ? 'tw-run start --release' : 'tw-run start'
  throw new TwRunError(
    `what a killed tw-run had started runs here, and ${names} would have to come before it`,
    {
      exitCode: 1,
      hint: `carry on without: ${carryOn}; or begin anew: tw-run stop, then ${again}`,
    },
  )
}
