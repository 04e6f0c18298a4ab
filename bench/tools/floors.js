// What cannot be undercut: the same work with as little manager as possible.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachProcess } from '../lib/app.js'

const PROGRAMS = join(import.meta.dirname, '..', 'programs')

const commands = (app) => eachProcess(app).map(({ command }) => command)

function commandFile(app, dir) {
  const path = join(dir, 'commands')
  writeFileSync(path, `${commands(app).join('\n')}\n`)
  return path
}

/** All at once from one shell, each with `redirect`, and then waits. */
const inShell = (app, redirect = () => '') =>
  `${commands(app)
    .map((command, i) => `(${command})${redirect(i)} &`)
    .join('\n')}\nwait`

const onlyFor =
  (...figures) =>
  (figure) =>
    figures.includes(figure) ? undefined : 'not a floor of this'

function floor(name, figures, launch, more = {}) {
  return {
    name,
    kind: 'floor',
    stopSignal: 'SIGINT',
    goesOn: true,
    unfit: onlyFor(...figures),
    launch,
    ...more,
  }
}

export const floors = [
  floor('sh that spawns', ['start', 'memory'], ({ app }) => ({ argv: ['/bin/sh', '-c', inShell(app)] }), {
    // It would leave its processes behind: the harness ends them all.
    stopSignal: undefined,
  }),
  floor('node that spawns', ['start', 'memory', 'stop'], ({ app, dir }) => ({
    argv: [process.execPath, join(PROGRAMS, 'spawner.js'), commandFile(app, dir)],
  })),
  floor(
    'writer > /dev/null',
    ['lines'],
    ({ app }) => ({ argv: ['/bin/sh', '-c', inShell(app, () => ' > /dev/null')] }),
    {
      readsNothing: true,
    },
  ),
  floor(
    'writer > file',
    ['lines'],
    ({ app }) => ({ argv: ['/bin/sh', '-c', inShell(app, (i) => ` > out-${i}`)] }),
    {
      readsNothing: true,
    },
  ),
  floor('writer > reader', ['lines'], ({ app }) => ({ argv: ['/bin/sh', '-c', inShell(app)] })),
  floor('cat', ['lines'], ({ app }) => ({ argv: ['/bin/sh', '-c', `{\n${inShell(app)}\n} | cat`] })),
  floor('node prefixer', ['lines'], ({ app, dir }) => ({
    argv: [process.execPath, join(PROGRAMS, 'prefixer.js'), commandFile(app, dir)],
  })),
]
