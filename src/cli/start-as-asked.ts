import { TwRunError } from '../core/error.ts'
import type { Flags } from '../core/settings.ts'
import { reachEngine, rememberLocal } from './engine.ts'
import { endLeft } from './left-work.ts'

/** What only `start` is asked. */
export interface StartOptions {
  readonly detach?: true | undefined
  readonly wait?: true | undefined
  readonly publish?: string | undefined
  readonly readOnly?: true | undefined
}

/** Starts the formation here, in the foreground or not, or on an engine; the exit code. Errors: TwRunError. */
export async function startAsAsked(
  types: readonly string[],
  flags: Flags,
  { detach, wait, publish, readOnly }: StartOptions,
): Promise<number> {
  const { here, reached } = await reachEngine(flags)
  if (reached !== undefined) {
    const { startOn, portOf } = await import('./engine-start-action.ts')
    const options = { wait: wait === true, publish: portOf(publish), readOnly: readOnly === true }
    return startOn(reached, { ...flags, types }, options)
  }
  if (publish !== undefined || readOnly === true)
    throw new TwRunError("'--publish' and '--read-only' are for an engine", { exitCode: 2 })
  if (wait === true && detach !== true)
    throw new TwRunError("option '--wait' goes with '--detach'", { exitCode: 2 })
  const begins = (): void => rememberLocal(here)
  await endLeft(here.state, here.settings.graceMs)
  if (detach === true) {
    const { startDetached } = await import('./detach-action.ts')
    return startDetached({ ...flags, types }, wait === true ? 'ready' : 'up', begins)
  }
  const { start } = await import('./start-action.ts')
  return start(types, flags, begins)
}
