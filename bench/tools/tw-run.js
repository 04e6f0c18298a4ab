// tw-run of this repository, as it was built.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formation, procfile } from '../lib/app.js'

const ROOT = join(import.meta.dirname, '..', '..')
export const TW_RUN_VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
// Away from what runs on a developer's machine: tw-run refuses to start when a port is taken.
const where = (dir) => ['-d', dir, '-p', '24000', '--port-step', '300']

export const BIN = join(ROOT, 'dist', 'cli', 'tw-run.cjs')
/** The argv of a command of tw-run. */
export const twRunCli = (...args) => [process.execPath, BIN, ...args]
const cli = twRunCli
// What is temporary goes with the folder of the session.
const stateEnv = (dir) => ({ TW_RUN_STATE_DIR: join(dir, 'state'), TMPDIR: dir })

const twRunControl = {
  detaches: true,
  launch({ app, dir }) {
    writeFileSync(join(dir, 'Procfile'), procfile(app))
    return {
      argv: cli('start', '-D', ...where(dir), '--formation', formation(app), '--restart', 'always'),
      env: stateEnv(dir),
    }
  },
  stop: ({ dir }) => cli('stop', '-d', dir),
  // Any command starts another supervisor where there is none; this one changes nothing else.
  revive: ({ dir }) => cli('ps', '-d', dir),
  isSupervisor: ({ argv }) => argv[1] === BIN && argv[2] === 'supervise',
  scale: ({ dir }) => cli('scale', 'p+1', '-d', dir),
  restart: ({ dir, index }) => cli('restart', `p.${index + 1}`, '-d', dir),
  crash: true,
}

/** tw-run in the foreground with these options more. */
export function twRunWith(name, options, unfit) {
  return {
    name,
    kind: 'tw-run',
    stopSignal: 'SIGINT',
    goesOn: true,
    takesGrace: true,
    unfit,
    launch({ app, dir }) {
      writeFileSync(join(dir, 'Procfile'), procfile(app))
      return {
        argv: [
          ...cli('start', ...where(dir)),
          '--formation',
          formation(app),
          // Without it the first writer that ends would end the others.
          ...(app.ends ? ['--restart', 'on-failure'] : []),
          ...(app.graceSeconds === undefined ? [] : ['-t', String(app.graceSeconds)]),
          ...options,
        ],
        env: stateEnv(dir),
      }
    },
    control: twRunControl,
  }
}

export const twRunTools = [
  twRunWith('tw-run', []),
  twRunWith('tw-run json', ['--log-format', 'json'], (figure) =>
    ['lines', 'sinks'].includes(figure) ? undefined : 'same as tw-run: differs in its lines only',
  ),
]
