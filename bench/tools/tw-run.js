// tw-run of this repository, as it was built.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formation, procfile } from '../lib/app.js'

const ROOT = join(import.meta.dirname, '..', '..')
export const TW_RUN_VERSION = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version
// Away from what runs on a developer's machine: tw-run refuses to start when a port is taken.
const where = (dir) => ['-d', dir, '-p', '24000', '--port-step', '300']

function twRun(name, options, unfit) {
  return {
    name,
    kind: 'tw-run',
    stopSignal: 'SIGINT',
    goesOn: true,
    unfit,
    launch({ app, dir }) {
      writeFileSync(join(dir, 'Procfile'), procfile(app))
      return {
        argv: [
          process.execPath,
          join(ROOT, 'bin', 'tw-run.js'),
          'start',
          ...where(dir),
          '--formation',
          formation(app),
          // Without it the first writer that ends would end the others.
          ...(app.ends ? ['--restart', 'on-failure'] : []),
          ...options,
        ],
        env: { TW_RUN_STATE_DIR: join(dir, 'state') },
      }
    },
  }
}

export const twRunTools = [
  twRun('tw-run', []),
  twRun('tw-run json', ['--log-format', 'json'], (figure) =>
    figure === 'lines' ? undefined : 'same as tw-run: differs in its lines only',
  ),
]
