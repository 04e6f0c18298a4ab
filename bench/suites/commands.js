// What a command of tw-run costs that only says or asks something, beside a Node that does nothing.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ControlledSession } from '../lib/controlled.js'
import { nowMs } from '../lib/output.js'
import { interleaved } from '../lib/rounds.js'
import { twRunCli } from '../tools/tw-run.js'

const SIZE = 6
const ROUNDS = 15
const FIGURES = ['wall', 'used']
const OURS = 'tw-run'
const BASH = '/bin/bash'
/** bash's own `time` says what a command and all that it waited for used of the CPU, in ms. */
const TIMED = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >said 2>&1'

const EMPTY = { name: 'node -e 0', argv: () => [process.execPath, '-e', '0'] }
const LOOKER = join(import.meta.dirname, '..', 'programs', 'looker.cjs')
const looking = (name, ...words) => ({
  name,
  argv: (dir) => [process.execPath, LOOKER, join(dir, 'state'), ...words],
})
const RUNNER = "require('node:child_process').spawn('true', { stdio: 'inherit' })"
const asking = (name, ...args) => ({ name, argv: (dir) => twRunCli(...args, '-d', dir) })
const COMMANDS = [
  EMPTY,
  looking('node that looks'),
  looking('node that asks', `p=${SIZE}`),
  { name: 'tw-run --version', argv: () => twRunCli('--version') },
  { name: 'tw-run --help', argv: () => twRunCli('--help') },
  asking('tw-run ps', 'ps'),
  asking('tw-run scale', 'scale'),
  asking(`tw-run scale p=${SIZE}`, 'scale', `p=${SIZE}`),
  { name: 'node that runs true', argv: () => [process.execPath, '-e', RUNNER] },
  { name: 'tw-run run true', argv: (dir) => twRunCli('run', '-d', dir, 'true') },
]

/** Wall and CPU time of one command, ms. */
async function timed({ session, options: { dir } }, { name, argv }) {
  const { code, error } = await session.command([BASH, '-c', TIMED, 'bash', ...argv(dir)]).exited
  if (error !== undefined) throw error
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${session.lastWords('said')}`)
  const [wall, user, system] = readFileSync(join(dir, 'command'), 'utf8').trim().split(' ').map(Number)
  return { wall: wall * 1e3, used: (user + system) * 1e3 }
}

async function takeAll(controlled, rounds, { samples, until }) {
  for (const { round, tool } of interleaved({ sizes: [SIZE], rounds, tools: COMMANDS })) {
    if (round > 0 && nowMs() > until) return
    const took = await timed(controlled, tool)
    for (const figure of FIGURES) samples.add(figure, SIZE, tool.name, took[figure])
  }
}

async function run(context) {
  const tool = context.tools.find(({ name }) => name === OURS)
  if (tool === undefined) return
  const rounds = context.rounds ?? ROUNDS
  const began = nowMs()
  try {
    if (!existsSync(BASH)) throw new Error(`there is no ${BASH}, whose time is needed`)
    const controlled = await ControlledSession.start({ tool, size: SIZE, context })
    try {
      await takeAll(controlled, rounds, context)
    } finally {
      await controlled.end()
    }
    context.progress(`commands, ${rounds} rounds: ${((nowMs() - began) / 1e3).toFixed(1)} s`)
  } catch (error) {
    for (const name of [OURS, ...COMMANDS.map((command) => command.name)])
      for (const figure of FIGURES) context.samples.fail(figure, SIZE, name, error.message)
    context.progress(`commands: ${error.message}`)
  }
}

export const commands = {
  figures: ['commands'],
  seconds: 15,
  run,
  tables: [
    {
      figure: 'commands',
      title: `Commands: of a formation of ${SIZE} idle processes, from exec to exit`,
      rows: COMMANDS.map(({ name }) => ({ name })),
      base: EMPTY.name,
      columns: [
        { figure: 'wall', size: SIZE, title: 'wall, ms', digits: 0, ratio: true },
        { figure: 'used', size: SIZE, title: 'CPU, user and system, ms', digits: 0, ratio: true },
      ],
      rounds: ROUNDS,
    },
  ],
  notes: () => [
    'node that looks, node that asks: floors, a Node program without libraries that reads the same files as ps, or sends the supervisor the same line as scale.',
    'CPU is that of the command and of all that it waited for; that of the supervisor it asks is not in it.',
  ],
}
