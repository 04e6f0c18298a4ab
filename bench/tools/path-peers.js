// Peers in Go and Python that neither npm nor Debian brings: measured where they are on PATH.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachProcess, formation, procfile } from '../lib/app.js'

/** Of the servers that take commands; sessions come one after the other. */
const COMPOSE_PORT = '24690'
const GOREMAN_PORT = '24691'

/** A Procfile with an entry for each process, for tools that know no copies. */
const flat = (app) => procfile({ entries: eachProcess(app) })

const put = (dir, text) => writeFileSync(join(dir, 'Procfile'), text)
const grace = ({ graceSeconds }) => (graceSeconds === undefined ? [] : ['-t', String(graceSeconds)])

const hivemind = {
  name: 'hivemind',
  peer: 'hivemind',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  takesGrace: true,
  slowness: 2,
  launch({ app, dir, peer }) {
    put(dir, flat(app))
    return { argv: [peer.path, '-T', ...grace(app), 'Procfile'] }
  },
}

/** overmind allows as many copies as fit between the ports of two types. */
const PORTS = ['-P', '1000', '--formation-port-step', '1']
function launchOvermind({ app, dir, peer }, options = []) {
  put(dir, procfile(app))
  const all = ['start', '-T', '-f', 'Procfile', '-m', formation(app), ...PORTS, ...grace(app), ...options]
  // The terminals that it needs are tmux' own, whose socket goes with the folder.
  return { argv: [peer.path, ...all], env: { TMUX_TMPDIR: dir, TERM: 'xterm-256color' } }
}

const overmind = {
  name: 'overmind',
  peer: 'overmind',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  takesGrace: true,
  slowness: 16,
  launch: (options) => launchOvermind(options),
  control: {
    launch: (options) => launchOvermind(options, ['-r', 'p']),
    restart: ({ peer, index }) => [peer.path, 'restart', `p#${index + 1}`],
    crash: true,
  },
}

function launchGoreman({ app, dir, peer }, { server = 'false' } = {}) {
  put(dir, flat(app))
  const argv = [peer.path, `-rpc-server=${server}`, '-set-ports=false', '-p', GOREMAN_PORT, 'start']
  // By itself it would listen on every interface.
  return { argv, env: { GOREMAN_RPC_ADDR: '127.0.0.1', GOREMAN_RPC_SERVER: `127.0.0.1:${GOREMAN_PORT}` } }
}

const goreman = {
  name: 'goreman',
  peer: 'goreman',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: true,
  slowness: 4,
  launch: (options) => launchGoreman(options),
  control: {
    launch: (options) => launchGoreman(options, { server: 'true' }),
    restart: ({ peer, index }) => [peer.path, '-p', GOREMAN_PORT, 'run', 'restart', `p${index + 1}`],
  },
}

/** It puts `exec` before a command, which then has to be one program. */
function launchForego({ app, dir, peer }, options = []) {
  const quoted = (text) => `'${text.replaceAll("'", String.raw`'\''`)}'`
  const entries = app.entries.map((entry) => ({ ...entry, command: `/bin/sh -c ${quoted(entry.command)}` }))
  put(dir, procfile({ entries }))
  return { argv: [peer.path, 'start', '-f', 'Procfile', '-c', formation(app), ...grace(app), ...options] }
}

const forego = {
  name: 'forego',
  peer: 'forego',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  takesGrace: true,
  slowness: 4,
  launch: (options) => launchForego(options),
  control: { launch: (options) => launchForego(options, ['-r']), crash: true },
}

const honcho = {
  name: 'honcho',
  peer: 'honcho',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  slowness: 20,
  launch({ app, dir, peer }) {
    put(dir, procfile(app))
    return { argv: [peer.path, 'start', '-f', 'Procfile', '-c', formation(app)] }
  },
}

function launchCompose({ app, dir, peer }, { shell, restart = 'no' } = {}) {
  const processes = app.entries.map(({ name, command, count }) => [
    name,
    {
      command,
      replicas: count,
      availability: { restart },
    },
  ])
  const config = { version: '0.5', ...shell, processes: Object.fromEntries(processes) }
  // JSON is YAML.
  writeFileSync(join(dir, 'process-compose.yaml'), JSON.stringify(config))
  const log = join(dir, 'compose.log')
  return { argv: [peer.path, 'up', '-t=false', '-p', COMPOSE_PORT, '-f', 'process-compose.yaml', '-L', log] }
}

/** It replaces $$ in its file: the command is in a script, which the shell reads in place of its argument. */
function launchComposeControl(options) {
  const [{ command }] = options.app.entries
  const script = join(options.dir, 'command.sh')
  writeFileSync(script, `${command}\n`)
  const entries = options.app.entries.map((entry) => ({ ...entry, command: 'in the script' }))
  const shell = { shell: { shell_command: '/bin/sh', shell_argument: script } }
  return launchCompose({ ...options, app: { ...options.app, entries } }, { shell, restart: 'always' })
}

function composeCli({ peer, dir }, ...args) {
  return [peer.path, 'process', ...args, '-p', COMPOSE_PORT, '-L', join(dir, 'client.log')]
}

const processCompose = {
  name: 'process-compose',
  peer: 'process-compose',
  kind: 'peer',
  stopSignal: 'SIGTERM',
  goesOn: true,
  slowness: 2,
  launch: (options) => launchCompose(options),
  control: {
    launch: launchComposeControl,
    // Counted from what it was started with: each take adds one.
    scale: (options) =>
      composeCli(options, 'scale', 'p-0', String(eachProcess(options.app).length + options.index + 1)),
    restart: (options) => composeCli(options, 'restart', `p-${options.index}`),
    crash: true,
  },
}

export const pathPeers = [hivemind, forego, goreman, overmind, processCompose, honcho]
