import { isAlive } from '../core/process.ts'
import type { EngineHere } from '../runtime/engine-place.ts'
import { view } from '../runtime/observer.ts'

/** For a command that is for an engine: what it does not show. No line, where no formation runs on this machine. */
export function localToo({ state }: EngineHere): string[] {
  const { supervisor, observed } = view(state)
  if (supervisor === undefined && ![...observed.values()].some(isAlive)) return []
  return ['a formation runs on this machine, too: tw-run ps --engine local\n']
}
