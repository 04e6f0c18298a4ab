// The soak: one tw-run, a million lines and a thousand restarts over half an hour, and what it costs from minute
// to minute. It ends with 1 when memory grows, descriptors pile up, a line is lost or something survives.
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { describeMachine, loadNow } from './lib/machine.js'
import { nowMs } from './lib/output.js'
import { endAllSessions } from './lib/session.js'
import { median } from './lib/samples.js'
import { Costs } from './lib/soak-costs.js'
import { Soaked, WRITERS } from './lib/soaked.js'

const USAGE = `node bench/soak.js [options]

  --minutes N    how long (30)
  --seed N       of the order of kills and restarts; printed, random when left out
  --lines N      that four writers write over that time (1000000)
  --restarts N   half of them by kill -9, half by tw-run restart (1000)`

/**
 * What the private memory of tw-run may grow by, from the second fifth of the time to the last, in MB: the heap comes
 * and goes by three; ten bytes kept of a line, or ten thousand of a restart, are six.
 */
const MEMORY_BOUND_MB = 6
/** The same of the least that V8's heap holds, when it was just tidied up: 4,000 bytes of a restart, or 4 of a line. */
const HEAP_BOUND_MB = 2
const GROWTHS = [
  { name: 'memory', figure: 'memory', of: median, bound: MEMORY_BOUND_MB },
  { name: "V8's heap, at the least", figure: 'heap', of: (all) => Math.min(...all), bound: HEAP_BOUND_MB },
]
/** Descriptors that may be open more at the quiet end than at the quiet start: a client that is just leaving. */
const DESCRIPTORS_BOUND = 2
const QUIET_MS = 5_000
const SAMPLE_MS = 5_000
const MINUTE_MS = 60_000
const BACK_MS = 90_000

function readArguments() {
  const number = (text, name) => {
    const value = Number(text)
    if (value > 0) return value
    process.stderr.write(`${name} must be above 0, not ${text}\n\n${USAGE}\n`)
    process.exit(2)
  }
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1e9)) },
      lines: { type: 'string', default: '1000000' },
      restarts: { type: 'string', default: '1000' },
      help: { type: 'boolean' },
    },
  })
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    process.exit(0)
  }
  return {
    ms: number(values.minutes, '--minutes') * MINUTE_MS,
    seed: number(values.seed, '--seed'),
    perWriter: Math.ceil(number(values.lines, '--lines') / WRITERS),
    restarts: number(values.restarts, '--restarts'),
  }
}

/** Looks every few seconds, and says what it saw at each full minute, until the time is over. */
async function watch(soaked, costs, ms) {
  const began = nowMs()
  let minute = 1
  for (let look = 1; nowMs() - began < ms; look += 1) {
    await sleep(Math.max(0, Math.min(look * SAMPLE_MS, ms) - (nowMs() - began)))
    soaked.requireAlive()
    const share = (nowMs() - began) / ms
    const isMinute = nowMs() - began >= minute * MINUTE_MS
    costs.look(share, isMinute ? `${minute} min` : undefined)
    if (isMinute) minute += 1
  }
}

/** Why it is not good; empty when it is. */
function verdict({ costs, check, soaked, survivors, options }) {
  const faults = [...soaked.faults]
  for (const { name, figure, of, bound } of GROWTHS) {
    const [early, late] = [of(costs.between(figure, 0.2, 0.4)), of(costs.between(figure, 0.8, 1))]
    const grown = late - early
    process.stdout.write(
      `${name}: ${early.toFixed(1)} MB in the second fifth of the time, ${late.toFixed(1)} MB in the last: ` +
        `${grown >= 0 ? '+' : ''}${grown.toFixed(1)} MB (bound ${bound} MB)\n`,
    )
    if (grown > bound) faults.push(`${name} grew by ${grown.toFixed(1)} MB`)
  }
  const more = costs.last.descriptors - costs.first.descriptors
  process.stdout.write(`descriptors: ${more >= 0 ? '+' : ''}${more} (bound ${DESCRIPTORS_BOUND})\n`)
  if (more > DESCRIPTORS_BOUND) faults.push(`${more} more descriptors are open than at the start`)
  const { whole, lost, torn, doubled, disordered } = check
  process.stdout.write(
    `lines: ${whole} whole, ${lost} lost, ${torn} torn, ${doubled} doubled, ${disordered} out of order\n` +
      `restarts: ${soaked.restarts} of ${options.restarts} (${soaked.kills} by kill -9); began: ${soaked.begun}\n`,
  )
  if (lost + torn + doubled + disordered > 0) faults.push('lines were lost, torn, doubled or out of order')
  if (survivors.length > 0)
    faults.push(`${survivors.length} processes survived: ${survivors[0].argv.join(' ').slice(0, 80)}`)
  return faults
}

async function main() {
  const options = readArguments()
  if (!existsSync(new URL('../dist', import.meta.url)))
    throw new Error('dist is missing: npm run build first')
  const facts = { peers: [], seconds: options.ms / 1_000, load: loadNow(), scale: 1 }
  process.stdout.write(`${describeMachine(facts).join('\n')}\nSeed: ${options.seed}\n\n`)
  const soaked = await Soaked.start(options)
  const costs = new Costs(soaked)
  await sleep(QUIET_MS)
  costs.look(0, 'start')
  soaked.begin()
  const disturbed = soaked.disturb()
  await watch(soaked, costs, options.ms)
  await disturbed
  await soaked.allBack(BACK_MS)
  await sleep(QUIET_MS)
  costs.look(1, 'end')
  const { check, survivors } = await soaked.end()
  process.stdout.write('\n')
  const faults = verdict({ costs, check, soaked, survivors, options })
  for (const fault of faults) process.stdout.write(`not good: ${fault}\n`)
  if (faults.length === 0) process.stdout.write('good\n')
  else process.exitCode = 1
}

for (const [name, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(name, () => process.exit(code))
}
process.on('exit', endAllSessions)

await main()
