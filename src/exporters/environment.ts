import { isShellName } from '../core/environment.ts'

/** What differs from process to process; each format sets what it can of it. */
const OF_ONE_PROCESS = new Set(['PORT', 'PS', 'TW_RUN_PROCESS', 'TW_RUN_INSTANCE', 'TMPDIR', 'PWD'])

/** What is suggested where the app's files do not say it, as under `tw-run start`: stdout is no terminal. */
const SUGGESTED: Readonly<Record<string, string>> = { PYTHONUNBUFFERED: '1' }

/** The environment that all processes of an app share, from layers, weakest first; and a note if some of it is lost. */
export function sharedEnvironment(layers: readonly Readonly<Record<string, string>>[]): {
  environment: Readonly<Record<string, string>>
  notes: readonly string[]
} {
  const all = Object.entries(Object.assign({}, ...layers) as Record<string, string>)
  const lost = all.filter(([key]) => !isShellName(key)).map(([key]) => key)
  const kept = all.filter(([key]) => isShellName(key) && !OF_ONE_PROCESS.has(key))
  return {
    environment: { ...SUGGESTED, ...Object.fromEntries(kept) },
    notes:
      lost.length === 0 ? [] : [`left out, since no shell has variables of such names: ${lost.join(', ')}`],
  }
}

/** Stands for a value that nobody asked to see. */
export const HIDDEN = '(hidden)'

/** The same names, without the values of the app's files. */
export function withoutValues(layer: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.keys(layer).map((key) => [key, HIDDEN]))
}
