import { afterAll, describe, expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { history } from '../torture/history.js'

/** What two seeds at a time do in less than two minutes on two cores; TORTURE_OPS for more or less. */
const OPERATIONS = Number(process.env['TORTURE_OPS'] ?? 300)
const SEEDS = [4181, 7052]

const runs: Promise<unknown>[] = []
// One whose time was over ends what it has started before its process does.
afterAll(() => Promise.allSettled(runs), 30_000)

// `npm run torture -- --ops 5000 --seed N` does more of the same.
describe.concurrent('random commands, edits and kill -9 of everything, judged from outside', () => {
  test.for(SEEDS)(
    'seed %i: never two of one slot, none that was not asked for, every end once, and the formation last asked for',
    { timeout: 480_000 },
    async (seed, { signal }) => {
      const port = portAt(300 * SEEDS.indexOf(seed))
      const run = history({ ops: OPERATIONS, seed, port, signal })
      runs.push(run)
      const { wrong, seen, folder } = await run
      expect(wrong, `see ${folder}`).toEqual([])
      expect(seen.ops).toBe(OPERATIONS)
    },
  )
})
