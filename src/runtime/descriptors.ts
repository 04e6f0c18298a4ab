import { closeSync, openSync, readFileSync, readdirSync } from 'node:fs'

/**
 * Closes what whoever started us left open and no child should inherit: a pipe of a CI runner held by a
 * long-lived process keeps the runner waiting. Call it before anything is started.
 */
export function closeInheritedDescriptors(): void {
  if (process.platform !== 'linux') return
  for (const fd of inheritableDescriptors()) closeSync(fd)
}

/** Node marks those below it close-on-exec when it starts, and whatever it opens: libuv's uv_disable_stdio_inheritance. */
const FIRST_UNMARKED = 16

/** Our own descriptors that a child would inherit: those that are not marked close-on-exec. */
function inheritableDescriptors(): number[] {
  const O_CLOEXEC = 0o2000000
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter((fd) => {
      if (fd < FIRST_UNMARKED) return false
      try {
        const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
        return flags !== undefined && (Number.parseInt(flags, 8) & O_CLOEXEC) === 0
      } catch {
        // The descriptor by which the folder itself was read is closed by now.
        return false
      }
    })
}

/**
 * Descriptors that everything but lifelines may need at once: logs, the state directory, /proc, helpers, a shim that
 * waits.
 */
const HEADROOM = 26

/** The number from which on a descriptor is one too many for another process; Infinity where nobody says. */
export function descriptorCeiling(): number {
  if (process.platform !== 'linux') return Infinity
  const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]
  return soft === undefined ? Infinity : Number(soft) - HEADROOM
}

/** With fewer than this none is spent on comfort, and above it one of so many. */
const PLENTY = 4_096
const SHARE = 16

/** What may be open at once: of logs that are quiet, and by all else as of `descriptorCeiling`. */
export interface DescriptorPlan {
  readonly quietLogs: number
  readonly ceiling: number
}

/** A log can be looked at without a descriptor too: no process is refused for one of those. */
export function planDescriptors(ceiling = descriptorCeiling()): DescriptorPlan {
  const quietLogs = ceiling < PLENTY || ceiling === Infinity ? 0 : Math.floor(ceiling / SHARE)
  return { quietLogs, ceiling: ceiling - quietLogs }
}

/** How much of that is for logs, where each run that is shown has its own besides. */
const OF_LOGS = 12
/** Its log, and the note of how far that was shown. */
const TO_SHOW = 2

/**
 * Whether so many runs can be alive and shown, some of which may not be shown yet; `others` are the descriptors that
 * are no run's.
 */
export function canShow(runs: number, others: number, ceiling: number): boolean {
  return others + runs * (1 + TO_SHOW) <= ceiling + OF_LOGS
}

/** The number that the next descriptor gets: about how many there are. Infinity where none is left. */
export function nextDescriptor(): number {
  try {
    const fd = openSync('/dev/null', 'r')
    closeSync(fd)
    return fd
  } catch {
    // No room for anything.
    return Infinity
  }
}

/** How many descriptors the recording of a failed start may need at once. */
const RESERVED = 6

/** Descriptors held in reserve, so that "too many open files" can still be written down. */
export class Ballast {
  #reserve: number[] = []

  constructor() {
    this.#refill()
  }

  /** Runs it, and if it fails for lack of descriptors once more with the reserve given up. */
  during<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EMFILE')) throw error
    }
    for (const fd of this.#reserve.splice(0)) closeSync(fd)
    try {
      return work()
    } finally {
      this.#refill()
    }
  }

  #refill(): void {
    try {
      while (this.#reserve.length < RESERVED) this.#reserve.push(openSync('/dev/null', 'r'))
    } catch {
      // None left at the moment: the next refill comes after the next use.
    }
  }
}
