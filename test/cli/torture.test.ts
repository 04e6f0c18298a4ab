import { expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { torture } from '../torture/kills.js'

// `npm run torture -- --kills 1000 --seed N` does more of the same.
test(
  '100 random kill -9 of tw-run at full output: no gap, no torn line, the same pids, every exit code',
  { timeout: 120_000 },
  async () => {
    const { wrong, seen } = await torture({ kills: 100, seed: 4181, port: portAt(0) })
    expect(wrong).toEqual([])
    expect(seen.kills).toBe(100)
  },
)
