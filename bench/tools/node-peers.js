// Peers from npm that run on Node. They are started without npx, whose cost is not theirs.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eachProcess, formation, procfile } from '../lib/app.js'

const node = process.execPath

const nf = {
  name: 'nf',
  peer: 'nf',
  kind: 'peer',
  stopSignal: 'SIGINT',
  goesOn: false,
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

const pm2 = {
  name: 'pm2-runtime',
  peer: 'pm2',
  kind: 'peer',
  stopSignal: 'SIGINT',
  // It does end when all apps have, but looks only every few seconds.
  goesOn: false,
  launch({ app, dir, peer }) {
    const apps = app.entries.map(({ name, command, count }) => ({
      name,
      script: '/bin/sh',
      args: ['-c', command],
      interpreter: 'none',
      exec_mode: 'fork',
      instances: count,
      autorestart: false,
    }))
    writeFileSync(join(dir, 'app.config.json'), JSON.stringify({ apps }))
    return {
      argv: [node, peer.path, '--formatted', 'app.config.json'],
      env: { PM2_HOME: join(dir, 'pm2'), PM2_DISCRETE_MODE: 'true' },
    }
  },
}

export const nodePeers = [nf, concurrently, runP, pm2]
