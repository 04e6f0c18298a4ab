import { quoteSh } from '../core/quote-sh.ts'

/** What differs between the runs of a formation, whose environments are else the same. */
export const OWN_VARIABLES: readonly string[] = ['PORT', 'PS', 'TW_RUN_PROCESS', 'TW_RUN_INSTANCE', 'TMPDIR']

type Variables = Readonly<Record<string, string>>

/** The environment that a run shares with others. */
export function withoutOwn(env: Variables): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !OWN_VARIABLES.includes(key)))
}

/** Those of these variables that are set, as a shell assigns or exports them: `A='1' B='2'`. */
export function assignments(env: Variables, keys: readonly string[]): string {
  return keys.flatMap((key) => (env[key] === undefined ? [] : `${key}=${quoteSh(env[key])}`)).join(' ')
}
