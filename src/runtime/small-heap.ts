import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const USUAL = 2
let factor = USUAL

/** How many batches of a flood go by between two looks at the heap, which take 10 us. */
const LOOK_EVERY = 64
/** What may outlive the young generation before all is collected, bytes: that takes 5 ms. */
const ROOM = 1024 * 1024

let batches = 0
/** What the old generation had after it was collected, bytes. */
let least = Infinity
let collect: (() => void) | undefined

/**
 * A flood is many short-lived strings, for which V8 would let its young generation grow by 5 to 25 MB that it never
 * gives back; they die just as young in a small one.
 */
export function keepYoungGenerationSmall(): void {
  setFactor(1)
}

/**
 * Called for each batch of a flood. What is on its way out when the young generation is collected outlives that, 1 KB
 * a batch: V8 would let it be until it is 10 MB.
 */
export function keepHeapSmall(): void {
  keepYoungGenerationSmall()
  batches += 1
  if (batches % LOOK_EVERY !== 0) return
  const old = oldGeneration()
  least = Math.min(least, old)
  if (old - least < ROOM) return
  collect ??= collector()
  collect()
  least = oldGeneration()
}

/** Does something under the flags that a process begins with: V8 refuses code that was kept under any other. */
export function underFirstFlags<T>(work: () => T): T {
  const now = factor
  setFactor(USUAL)
  try {
    return work()
  } finally {
    setFactor(now)
  }
}

function setFactor(wanted: number): void {
  if (wanted === factor) return
  setFlagsFromString(`--semi-space-growth-factor=${wanted}`)
  factor = wanted
}

/** What the old generation has, dead or alive, bytes. */
export function oldGeneration(): number {
  return getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space')?.space_used_size ?? 0
}

/** V8 gives its collector to contexts that are made under a flag. */
function collector(): () => void {
  setFlagsFromString('--expose-gc')
  try {
    return runInNewContext('gc') as () => void
  } finally {
    setFlagsFromString('--no-expose-gc')
  }
}
