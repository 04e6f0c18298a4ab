// Peers from npm that run on Node. They are started without npx, whose cost is not theirs.
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { eachProcess, formation, procfile } from '../lib/app.js'

const node = process.execPath

const nf = {
  name: 'nf',
  peer: 'nf',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
  slowness: 16,
  launch({ app, dir, peer }) {
    writeFileSync(join(dir, 'Procfile'), procfile(app))
    return { argv: [node, peer.path, 'start', '-j', 'Procfile', formation(app)] }
  },
}

const concurrently = {
  name: 'concurrently',
  peer: 'concurrently',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: true,
  // process.exit at its end, whatever its stdout has not yet taken.
  cutsAtEnd: true,
  launch: ({ app, peer }) => ({ argv: [node, peer.path, ...eachProcess(app).map(({ command }) => command)] }),
  control: {
    launch({ app, peer }) {
      const commands = eachProcess(app).map(({ command }) => command)
      return { argv: [node, peer.path, '--restart-tries', '-1', ...commands] }
    },
    crash: true,
  },
}

const runP = {
  name: 'run-p',
  peer: 'run-p',
  kind: 'peer',
  // Told alone it leaves its npm processes behind.
  stopSignal: 'SIGINT',
  stopsAsGroup: true,
  goesOn: true,
  unfit: (_figure, size) => (size > 50 ? `starts ${size} npm processes, one for each command` : undefined),
  launch({ app, dir, peer }) {
    const processes = eachProcess(app)
    const scripts = Object.fromEntries(processes.map(({ name, command }) => [name, command]))
    writeFileSync(join(dir, 'package.json'), JSON.stringify({ scripts }))
    return {
      // Labelled, to do the same work as the others; silent, since npm prints each command otherwise.
      argv: [node, peer.path, '--silent', '--print-label', ...processes.map(({ name }) => name)],
      env: { npm_config_update_notifier: 'false' },
    }
  },
}

function launchPm2({ app, dir, peer }, autorestart) {
  const apps = app.entries.map(({ name, command, count }) => ({
    name,
    script: '/bin/sh',
    args: ['-c', command],
    interpreter: 'none',
    exec_mode: 'fork',
    instances: count,
    autorestart,
    ...(app.graceSeconds === undefined ? {} : { kill_timeout: app.graceSeconds * 1_000 }),
  }))
  writeFileSync(join(dir, 'app.config.json'), JSON.stringify({ apps }))
  return {
    argv: [node, peer.path, '--formatted', 'app.config.json'],
    env: { PM2_HOME: join(dir, 'pm2'), PM2_DISCRETE_MODE: 'true' },
  }
}

/** pm2 finds the daemon inside pm2-runtime by PM2_HOME, as it finds its own. */
const pm2Cli = (peer, ...args) => [node, join(dirname(peer.path), 'pm2'), ...args]

const pm2 = {
  name: 'pm2-runtime',
  peer: 'pm2',
  kind: 'peer',
  stopSignal: 'SIGINT',
  // It does end when all apps have, but looks only every few seconds.
  goesOn: false,
  slowness: 8,
  takesGrace: true,
  launch: (options) => launchPm2(options, false),
  control: {
    launch: (options) => launchPm2(options, true),
    scale: ({ peer }) => pm2Cli(peer, 'scale', 'p', '+1'),
    restart: ({ peer, index }) => pm2Cli(peer, 'restart', String(index)),
    crash: true,
  },
}

export const nodePeers = [nf, concurrently, runP, pm2]
