/** So long (ms) nothing may change before a burst of writes counts as over: an editor or a checkout is not done at once. */
export const QUIET_MS = 150
/** So long (ms) a burst may last: what is written without end would otherwise restart nothing, in silence. */
export const LONGEST_BURST_MS = 10_000
/** Files that are named; the others are counted. */
const NAMED = 1

/** Changes to the files of one type that belong together. */
export interface Burst {
  readonly type: string
  readonly files: ReadonlySet<string>
  /** When the first and the last of them were seen, ms since boot. */
  readonly firstAt: number
  readonly lastAt: number
}

/** The bursts with one more change. */
export function noted(
  bursts: ReadonlyMap<string, Burst>,
  type: string,
  file: string,
  now: number,
): ReadonlyMap<string, Burst> {
  const { files, firstAt = now } = bursts.get(type) ?? {}
  return new Map(bursts).set(type, { type, files: new Set(files).add(file), firstAt, lastAt: now })
}

export interface Settled {
  readonly over: readonly Burst[]
  readonly open: ReadonlyMap<string, Burst>
  /** When the next one may be over, ms since boot. */
  readonly nextAt: number
}

/** Which bursts are over at a time (ms since boot). */
export function settled(bursts: ReadonlyMap<string, Burst>, now: number): Settled {
  const all = [...bursts.values()]
  const open = all.filter((burst) => now < overAt(burst))
  return {
    over: all.filter((burst) => now >= overAt(burst)),
    open: new Map(open.map((burst) => [burst.type, burst])),
    nextAt: Math.min(Infinity, ...open.map(overAt)),
  }
}

function overAt({ firstAt, lastAt }: Burst): number {
  return Math.min(lastAt + QUIET_MS, firstAt + LONGEST_BURST_MS)
}

/** What changed, for a person. */
export function describeFiles(files: Iterable<string>): string {
  const all = [...files]
  const more = all.length - NAMED
  return `${all.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

/** Folders that are nobody's source, and too large to look into. */
const NO_SOURCE = new Set(['node_modules', '.git'])

/** Where the files of a glob lie: below a folder, and no deeper than so many steps below the root. */
export interface Reach {
  /** Without glob characters; '' for the root. */
  readonly base: string
  readonly depth: number
}

/** Whether a folder, by its path from the root, has to be looked into for globs that reach so far. */
export function mayHold(folder: string, reaches: readonly Reach[]): boolean {
  if (folder === '') return true
  const steps = folder.split('/')
  return reaches.some(({ base, depth }) => {
    const isOnTheWay = base.startsWith(`${folder}/`) || base === folder
    if (isOnTheWay) return true
    const isBelow = base === '' || folder.startsWith(`${base}/`)
    const within = base === '' ? steps : steps.slice(base.split('/').length)
    return isBelow && steps.length < depth && !within.some((step) => NO_SOURCE.has(step))
  })
}

/** How far a glob reaches that begins with these folders. */
export function reachOf(glob: string, base: string): Reach {
  return { base, depth: glob.includes('**') ? Infinity : glob.split('/').length }
}
