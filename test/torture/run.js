// npm run torture -- [--kills 1000] [--seed N]: a longer soak of what the tests do a hundred times.
import { parseArgs } from 'node:util'
import { torture } from './kills.js'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
  },
})
const kills = Number(values.kills)
const seed = Number(values.seed)
console.log(`${kills} kills, seed ${seed}`)
const begun = performance.now()
const { wrong, seen } = await torture({
  kills,
  seed,
  progress: (done) => done % 100 === 0 && console.log(`${done} kills`),
})
console.log(`${JSON.stringify(seen)} in ${Math.round((performance.now() - begun) / 1000)} s`)
for (const sentence of wrong) console.log(`WRONG ${sentence}`)
console.log(
  wrong.length === 0
    ? 'nothing lost, torn or doubled'
    : `${wrong.length} wrong; repeat with --kills ${kills} --seed ${seed}`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
