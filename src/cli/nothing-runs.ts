import { TwRunError } from '../core/error.ts'
import { rowsOf } from '../runtime/observer.ts'
import type { View } from '../runtime/observer.ts'

/** The error for a command to a formation that is not there; what lives of none that is known is named. */
export function nothingRuns(seen: View): TwRunError {
  const alive = rowsOf(seen).filter(({ process }) => seen.slots.run(process)?.life === 'alive')
  if (alive.length === 0)
    return new TwRunError('nothing runs here', { exitCode: 1, hint: 'start it with: tw-run start' })
  const list = alive.map(({ process, pid }) => `${process} (pid ${pid ?? '?'})`).join(', ')
  return new TwRunError(`of no formation on record, but running here: ${list}`, {
    exitCode: 1,
    hint: 'tw-run start carries on with that, and then it can be stopped',
  })
}
