import type { Stats } from 'node:fs'
import { relative, resolve, sep } from 'node:path'
import type picomatch from 'picomatch'
import { mayHold, reachOf } from '../core/watch.ts'
import type { Reach } from '../core/watch.ts'

/** The globs of each type that has any. */
export type Globs = ReadonlyMap<string, readonly string[]>

/** Where the globs begin, and a folder whose changes are our own. */
export interface WatchedPlace {
  readonly root: string
  readonly except: string
}

/** Says which files types are to be restarted for. */
export class WatchedFiles {
  readonly #place: WatchedPlace
  readonly #matchers: readonly { readonly type: string; readonly isOurs: (within: string) => boolean }[]
  readonly #reaches: readonly Reach[]

  /** `matcher` is the library, which is loaded when somebody wants to watch. */
  constructor(place: WatchedPlace, globs: Globs, matcher: typeof picomatch) {
    this.#place = place
    const wanted = (all: readonly string[]): string[] => all.filter((glob) => !glob.startsWith('!'))
    this.#matchers = [...globs].map(([type, all]) => {
      const not = all.filter((glob) => glob.startsWith('!')).map((glob) => glob.slice(1))
      const isWanted = matcher(wanted(all))
      const isUnwanted = not.length === 0 ? () => false : matcher(not)
      return { type, isOurs: (within) => isWanted(within) && !isUnwanted(within) }
    })
    this.#reaches = [...globs.values()].flatMap(wanted).map((glob) => reachOf(glob, matcher.scan(glob).base))
  }

  /** The types that a file is for, and its path from the root. */
  typesOf(path: string): { readonly types: readonly string[]; readonly within: string } {
    const within = this.#within(path) ?? ''
    const ours = within === '' ? [] : this.#matchers.filter(({ isOurs }) => isOurs(within))
    return { types: ours.map(({ type }) => type), within }
  }

  /** Whether a path can be left alone; without `stats` it may be a folder as well as a file. */
  isIgnored(path: string, stats?: Stats): boolean {
    const within = this.#within(path)
    if (within === undefined) return true
    if (stats?.isFile() !== true && mayHold(within, this.#reaches)) return false
    return !this.#matchers.some(({ isOurs }) => isOurs(within))
  }

  /** The path from the root, with slashes; undefined for what is not the app's. */
  #within(path: string): string | undefined {
    const { root, except } = this.#place
    const full = resolve(root, path)
    if (full === except || full.startsWith(`${except}${sep}`)) return undefined
    return relative(root, full).split(sep).join('/')
  }
}
