import { lapNow } from './process-table.ts'
import type { Known, Lap } from './process-table.ts'

interface Met {
  /** Of the run that it carries. */
  readonly token: string
  readonly lap: Lap
}

export interface Sought {
  readonly tokens: ReadonlySet<string>
  /** Those runs began after us, so that nobody who was there before comes from them. */
  readonly areYounger: boolean
  /** Of every run that we know. */
  readonly ours: ReadonlySet<string>
}

/**
 * Who need not be looked into again: to read the environment of every process of a machine takes 10 us each, and was
 * most of the time from a crash to the next run. A process keeps the token that it carries: what starts another run is
 * none of ours, and we see no child of our own before it has executed its shim. Make one before any run is started.
 */
export class Acquaintances {
  readonly #met = new Map<number, Met>()
  /** Who has a pid that cannot have been given since was there, and need not be listed. */
  readonly #first = lapNow()

  /** For one look for the carriers of some tokens; undefined where the kernel does not tell enough. */
  known({ tokens, areYounger, ours }: Sought): Known | undefined {
    const now = lapNow()
    const first = this.#first
    if (now === undefined || first === undefined) return undefined
    return {
      isOther: (pid) => {
        const { token, lap } = this.#met.get(pid) ?? { token: undefined, lap: first }
        if (!now.isStill(pid, lap)) return false
        return token === undefined ? areYounger : !tokens.has(token)
      },
      met: (pid, token) => {
        if (ours.has(token)) this.#met.set(pid, { token, lap: now })
      },
      thereAre: (pids) => {
        const there = new Set(pids)
        for (const pid of this.#met.keys()) if (!there.has(pid)) this.#met.delete(pid)
      },
    }
  }
}
