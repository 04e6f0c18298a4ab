import { setFlagsFromString } from 'node:v8'

const USUAL = 2
let factor = USUAL

/**
 * A flood is many short-lived strings, for which V8 would let its young generation grow by 5 to 25 MB that it never
 * gives back; they die just as young in a small one.
 */
export function keepYoungGenerationSmall(): void {
  setFactor(1)
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
