// What cannot be undercut: the same work with as little manager as possible.
import { mkdirSync, writeFileSync } from 'node:fs'
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

/** What lets a run outlive its manager, and no more: a group of its own, and a shell that writes down how it ended. */
const SHIM = `set -m
shim() {
(echo $BASHPID >"$1/pid"; exec /bin/sh -c "$2")
echo $? >"$1/exit"
}`

function inShims(app, dir) {
  const shims = commands(app).map((command, i) => {
    const own = join(dir, `shim-${i}`)
    mkdirSync(own)
    return `shim '${own}' '${command}' &`
  })
  return [SHIM, ...shims, 'exec sleep 86412'].join('\n')
}

/** The first command of the app. */
const first = (app) => commands(app)[0]

/** One sh a process, which starts the next when one has ended. */
const keptBySh = (app) =>
  `${commands(app)
    .map((command) => `(while :; do /bin/sh -c '${command}'; done) &`)
    .join('\n')}\nwait`

const inNode = (script, ...args) => [process.execPath, '-e', script, ...args]
const SPAWN_ONE = `require('node:child_process')
  .spawn('/bin/sh', ['-c', process.argv[1]], { detached: true, stdio: 'ignore' }).unref()`

// Where nothing manages, a restart is no more than a start, and what a command brought stays when it has ended.
const shControl = {
  launch: ({ app }) => ({ argv: ['/bin/sh', '-c', keptBySh(app)] }),
  scale: ({ app }) => ['/bin/sh', '-c', `/bin/sh -c '${first(app)}' &`],
  restart: ({ app }) => ['/bin/sh', '-c', `/bin/sh -c '${first(app)}' &`],
  crash: true,
}
const nodeControl = {
  launch: ({ app, dir }) => ({
    argv: [process.execPath, join(PROGRAMS, 'respawner.js'), commandFile(app, dir)],
  }),
  endedByForce: true,
  scale: ({ app }) => inNode(SPAWN_ONE, first(app)),
  restart: ({ app }) => inNode(SPAWN_ONE, first(app)),
  crash: true,
}
const withShims = (app, dir, ...by) => [
  process.execPath,
  join(PROGRAMS, 'shims.js'),
  commandFile(app, dir),
  dir,
  ...by,
]
const emptyNodeControl = {
  ...shControl,
  untilExit: true,
  scale: () => inNode('0'),
  restart: () => inNode('0'),
  crash: undefined,
}
const CONTROL = ['control', 'scale', 'restart', 'crash']

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
  floor(
    'sh that spawns',
    ['start', 'memory', ...CONTROL],
    ({ app }) => ({ argv: ['/bin/sh', '-c', inShell(app)] }),
    {
      // It would leave its processes behind: the harness ends them all.
      stopSignal: undefined,
      control: shControl,
    },
  ),
  floor(
    'bash that forks shims',
    ['start'],
    ({ app, dir }) => ({ argv: ['/bin/bash', '-c', inShims(app, dir)] }),
    { stopSignal: undefined },
  ),
  floor('node -e 0', CONTROL, shControl.launch, {
    stopSignal: undefined,
    control: emptyNodeControl,
  }),
  floor(
    'node that spawns',
    ['start', 'memory', 'stop', ...CONTROL],
    ({ app, dir }) => ({
      argv: [process.execPath, join(PROGRAMS, 'spawner.js'), commandFile(app, dir)],
    }),
    { control: nodeControl },
  ),
  floor(
    'node that keeps shims',
    ['start', 'control', 'crash'],
    ({ app, dir }) => ({ argv: withShims(app, dir) }),
    {
      control: {
        ...nodeControl,
        launch: ({ app, dir }) => ({ argv: withShims(app, dir) }),
        scale: undefined,
        restart: undefined,
      },
    },
  ),
  floor(
    'node that has bash fork shims',
    ['start'],
    ({ app, dir }) => ({ argv: withShims(app, dir, 'bash') }),
    {
      stopSignal: undefined,
    },
  ),
  floor(
    'node that has bash fork shims on record',
    ['start'],
    ({ app, dir }) => ({ argv: withShims(app, dir, 'bash', 'record') }),
    {
      stopSignal: undefined,
    },
  ),
  floor(
    'C that spawns',
    ['start', 'memory', 'stop'],
    ({ app, dir, peer }) => ({ argv: [join(peer.path, 'spawner'), commandFile(app, dir)] }),
    { peer: 'cc' },
  ),
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
  floor(
    'node prefixer',
    ['lines', 'sinks'],
    ({ app, dir }) => ({
      argv: [process.execPath, join(PROGRAMS, 'prefixer.js'), commandFile(app, dir)],
    }),
    { merges: true },
  ),
  floor(
    'C prefixer',
    ['lines', 'sinks'],
    ({ app, dir, peer }) => ({ argv: [join(peer.path, 'prefixer'), commandFile(app, dir)] }),
    { peer: 'cc', merges: true },
  ),
]
