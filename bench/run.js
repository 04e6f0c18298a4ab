// The benchmark: tw-run beside what people install today, on the same work in one run. See README.md.
import { existsSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArguments, USAGE } from './lib/arguments.js'
import { describeMachine, folderCosts, loadNow } from './lib/machine.js'
import { nowMs } from './lib/output.js'
import { findPeers } from './lib/peers.js'
import { Samples } from './lib/samples.js'
import { endAllSessions, sessionFolder } from './lib/session.js'
import { renderTables } from './lib/tables.js'
import { GROWTH_PICTURE, plotGrowth } from './suites/growth.js'
import { suites } from './suites/index.js'
import { allTools } from './tools/index.js'

const figures = suites.flatMap((suite) => suite.figures)

function readArguments() {
  try {
    return parseArguments(process.argv.slice(2), { figures, tools: allTools })
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${USAGE}\n`)
    process.exit(2)
  }
}

function report(context, format, facts) {
  const { troubles } = context.samples
  const bullet = format === 'markdown' ? '- ' : '  '
  const trouble = troubles.map(({ tool, text }) => `${bullet}${tool}: ${text}`)
  return [
    ...(format === 'markdown' ? ['# tw-run benchmark', ''] : []),
    ...describeMachine(facts).map((line) => (format === 'markdown' ? `${line}  ` : line)),
    '',
    renderTables(suites, context, format),
    ...(trouble.length === 0
      ? []
      : [format === 'markdown' ? '## Went wrong\n' : 'Went wrong', ...trouble, '']),
  ].join('\n')
}

/** tw-run must have every figure, lose nothing and leave nothing behind; peers may fail. */
function twRunFailed({ samples, tools }) {
  const { rows, failures, troubles } = samples.toJSON()
  const ours = tools.filter(({ kind }) => kind === 'tw-run').map(({ name }) => name)
  const isOurs = ({ tool }) => ours.includes(tool)
  const unfit = ({ tool, figure, size }) =>
    tools.find(({ name }) => name === tool).unfit?.(figure, size) !== undefined
  const damaged = ({ figure, values }) =>
    ['lost', 'lostAtEnd', 'torn', 'doubled', 'disordered'].includes(figure) &&
    values.some((value) => value > 0)
  return (
    troubles.some(isOurs) ||
    failures.some((failure) => isOurs(failure) && !unfit(failure)) ||
    rows.some((row) => isOurs(row) && damaged(row))
  )
}

/**
 * A suite that is late runs only first rounds of the rest. What one leaves is for the next, and one that comes
 * late has half of its own time in any case.
 */
async function runSuites(context) {
  let planned = nowMs()
  for (const suite of suites) {
    const wanted = [...suite.figures, ...(suite.alsoFor ?? [])]
    if (!wanted.some((figure) => context.figures.includes(figure))) continue
    planned += suite.seconds * 1_000
    await suite.run({ ...context, until: Math.max(planned, nowMs() + suite.seconds * 500) })
  }
}

async function main() {
  const options = readArguments()
  if (options.help) return void process.stdout.write(`${USAGE}\n`)
  if (options.list) {
    const rows = allTools.map(({ name, kind }) => `  ${kind.padEnd(8)}${name}`)
    return void process.stdout.write(`tables\n  ${figures.join(', ')}\ntools\n${rows.join('\n')}\n`)
  }
  const load = loadNow()
  const began = performance.now()
  const seconds = () => (performance.now() - began) / 1000
  const progress = (text) => process.stderr.write(`[${seconds().toFixed(1).padStart(6)} s] ${text}\n`)
  if (!existsSync(join(import.meta.dirname, '..', 'dist'))) progress('dist is missing: npm run build first')
  const peers = findPeers([...new Set(options.tools.flatMap(({ peer }) => peer ?? []))], progress)
  const absent = [...peers].filter(([, { isAbsent }]) => isAbsent).map(([name]) => name)
  const tools = options.tools.filter(({ peer }) => !absent.includes(peer))
  const context = { ...options, tools, peers, samples: new Samples(), progress }
  await runSuites(context)
  // Last: it removes files, which slows down whoever creates some next.
  const files = folderCosts(sessionFolder())
  const facts = { peers, seconds: seconds(), load, scale: options.scale, files, absent }
  process.stdout.write(report(context, 'text', facts))
  if (options.out !== undefined) {
    writeFileSync(options.out, report(context, 'markdown', facts))
    const plot = plotGrowth(context)
    if (plot !== undefined) writeFileSync(join(dirname(options.out), GROWTH_PICTURE), plot)
  }
  if (options.json !== undefined) {
    const all = { facts: describeMachine(facts), ...context.samples.toJSON() }
    writeFileSync(options.json, `${JSON.stringify(all, undefined, 1)}\n`)
  }
  if (twRunFailed(context)) process.exitCode = 1
}

for (const [name, code] of Object.entries({ SIGINT: 130, SIGTERM: 143, SIGHUP: 129 })) {
  process.once(name, () => process.exit(code))
}
process.on('exit', endAllSessions)

await main()
