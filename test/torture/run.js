// npm run torture -- [--kills 1000 | --ops 5000] [--seed N]: a longer soak of what the tests do for less long.
import { parseArgs } from 'node:util'
import { history } from './history.js'
import { torture } from './kills.js'

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '1000' },
    ops: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    // Beside those of the tests, which may run meanwhile.
    port: { type: 'string', default: '32000' },
  },
})
const seed = Number(values.seed)
const port = Number(values.port)
const [what, amount] = values.ops === undefined ? ['kills', values.kills] : ['ops', values.ops]
console.log(`${amount} ${what}, seed ${seed}`)
const begun = performance.now()
const progress = (done) => done % 100 === 0 && console.log(`${done} ${what}`)
const soak =
  what === 'ops'
    ? history({ ops: Number(amount), seed, port, progress })
    : torture({ kills: Number(amount), seed, port, progress })
const { wrong, seen, folder } = await soak
console.log(`${JSON.stringify(seen)} in ${Math.round((performance.now() - begun) / 1000)} s`)
for (const sentence of wrong) console.log(`WRONG ${sentence}`)
console.log(
  wrong.length === 0
    ? 'nothing lost, torn or doubled'
    : `${wrong.length} wrong; repeat with --${what} ${amount} --seed ${seed}${folder === undefined ? '' : `; see ${folder}`}`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
