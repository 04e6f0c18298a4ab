// Reverse proxies in front of the same three processes, each alone on one core, under wrk on the others.
import { execFile, execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { nowMs } from '../lib/output.js'
import { findPeers } from '../lib/peers.js'
import { cpuByThread, usedSince } from '../lib/proc.js'
import { Budget, interleaved } from '../lib/rounds.js'
import { Session, sessionFolder } from '../lib/session.js'

const CONNECTIONS = 32
const SECONDS = 3
const WARM_SECONDS = 1
const ROUNDS = 2
const BUDGET_MS = 30_000
const UP_TIMEOUT_MS = 20_000
const FIGURES = ['requests', 'p50', 'p99', 'cpuOfOne']
const WEBS = 3
/** tw-run's router, then the others in turn; the processes behind them have the ports after FIRST. */
const PORT = 24_600
const FIRST = 24_650
const ROOT = join(import.meta.dirname, '..', '..')
const HELLO = join(import.meta.dirname, '..', 'programs', 'hello.js')

const webPorts = Array.from({ length: WEBS }, (_, n) => FIRST + n)
/** The proxy has the first core to itself, where there is another one. */
const onCore = (cores, argv) => (cpus().length < 2 ? argv : ['taskset', '-c', cores, ...argv])
const others = `1-${cpus().length - 1}`
const onFirst = (argv) => onCore('0', argv)

const twRun = {
  name: 'tw-run',
  port: PORT,
  launch({ dir }) {
    writeFileSync(join(dir, 'Procfile'), `web: exec ${onCore(others, [process.execPath, HELLO]).join(' ')}\n`)
    const app = ['-d', dir, '-p', String(FIRST), '--formation', `web=${WEBS}`, '--router', String(PORT)]
    return {
      argv: [process.execPath, join(ROOT, 'dist', 'cli', 'tw-run.cjs'), 'start', ...app],
      env: { TW_RUN_STATE_DIR: join(dir, 'state'), TMPDIR: dir },
    }
  },
  isProxy: ({ argv }) => argv[2] === 'route',
}

const haproxy = {
  name: 'haproxy',
  peer: 'haproxy',
  port: PORT + 1,
  launch({ dir, peer }) {
    writeFileSync(
      join(dir, 'haproxy.cfg'),
      `global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
  option forwardfor
frontend front
  bind 127.0.0.1:${PORT + 1}
  default_backend webs
backend webs
  balance roundrobin
${webPorts.map((port, n) => `  server web${n} 127.0.0.1:${port}\n`).join('')}`,
    )
    return { argv: onFirst([peer.path, '-db', '-q', '-f', 'haproxy.cfg']) }
  },
}

const nginx = {
  name: 'nginx',
  peer: 'nginx',
  port: PORT + 2,
  launch({ dir, peer }) {
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    writeFileSync(
      join(dir, 'nginx.conf'),
      `daemon off;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/nginx.log;
${process.getuid() === 0 ? 'user root;' : ''}
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 1000000000;
${temp.map((name) => `  ${name}_temp_path ${dir}/${name};\n`).join('')}
  upstream webs { ${webPorts.map((port) => `server 127.0.0.1:${port};`).join(' ')} keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${PORT + 2};
    location / {
      proxy_pass http://webs;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
    }
  }
}
`,
    )
    // It writes its title over its environment: a shell around it carries the mark of the session.
    const argv = onFirst([peer.path, '-p', dir, '-c', join(dir, 'nginx.conf')])
    return { argv: ['/bin/sh', '-c', '"$@"; exit', 'sh', ...argv] }
  },
  stopsAsGroup: true,
  isProxy: ({ argv }) => argv[0].startsWith('nginx'),
}

const nf = {
  name: 'nf -x',
  peer: 'nf',
  port: PORT + 3,
  launch({ dir, peer }) {
    // Its own processes only sleep: their ports are those of the same three that all others have behind them.
    writeFileSync(join(dir, 'Procfile'), 'web: exec sleep 1000\n')
    const options = ['start', '-j', 'Procfile', '-p', String(FIRST), '-x', String(PORT + 3)]
    return { argv: onFirst([process.execPath, peer.path, ...options, `web=${WEBS}`]) }
  },
}

/** No proxy at all: what wrk and one process can do. */
const direct = { name: 'one web, no proxy', port: FIRST }

const proxies = [twRun, haproxy, nginx, nf]

async function isUp(port) {
  const deadline = nowMs() + UP_TIMEOUT_MS
  for (;;) {
    const accepted = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (accepted) return
    if (nowMs() > deadline) throw new Error(`nobody listens on port ${port}`)
    await sleep(50)
  }
}

/** Starts a proxy (with tw-run: and the processes); its session and the pids whose CPU is its own. */
async function start(proxy, peers) {
  const tool = { ...proxy, stopSignal: 'SIGINT', launch: (given) => proxy.launch(given) }
  const app = { isAppProcess: (argv) => argv.includes(HELLO) }
  const session = new Session({ tool, app, dir: sessionFolder(), consumer: { take() {} }, peers })
  try {
    await isUp(proxy.port)
    for (const port of proxy === twRun ? webPorts : []) await isUp(port)
    const found = session.processes().filter((one) => one.role === 'manager')
    const pids = found.filter(proxy.isProxy ?? (() => true)).map(({ pid }) => pid)
    if (proxy === twRun && cpus().length > 1)
      for (const pid of pids) execFileSync('taskset', ['-acp', '0', String(pid)], { stdio: 'ignore' })
    return { session, pids }
  } catch (error) {
    session.kill()
    throw error
  }
}

const MS = { us: 1e-3, ms: 1, s: 1e3, m: 6e4 }

/** What wrk says of one run. Throws when a request failed. */
async function load(port, seconds, wrk) {
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}`, '--latency', `http://127.0.0.1:${port}/`]
  const [file, ...args] = onCore(others, [wrk.path, ...options])
  const { stdout } = await promisify(execFile)(file, args)
  const failed = /Socket errors: .*|Non-2xx or 3xx responses: .*/.exec(stdout)
  if (failed !== null) throw new Error(failed[0])
  const latency = (share) => {
    const [, value, unit] = new RegExp(`^ +${share}% +([\\d.]+)(us|ms|s|m)`, 'm').exec(stdout)
    return Number(value) * MS[unit]
  }
  return {
    count: Number(/(\d+) requests in/.exec(stdout)[1]),
    requests: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)[1]),
    p50: latency(50),
    p99: latency(99),
  }
}

async function measure({ name, port }, pids, { samples, peers }) {
  await load(port, WARM_SECONDS, peers.get('wrk'))
  const before = cpuByThread(pids)
  const { count, ...values } = await load(port, SECONDS, peers.get('wrk'))
  const cpuOfOne = (usedSince(before, cpuByThread(pids)) / count) * 1_000
  for (const [figure, value] of Object.entries(values)) samples.add(figure, CONNECTIONS, name, value)
  if (pids.length > 0) samples.add('cpuOfOne', CONNECTIONS, name, cpuOfOne)
  return `${values.requests.toFixed(0)} requests a second`
}

function fail({ samples }, name, why) {
  for (const figure of FIGURES) samples.fail(figure, CONNECTIONS, name, why)
}

/** Everything that can be started; the rest says why not. */
async function startAll(context) {
  const running = new Map([[direct, { pids: [] }]])
  for (const proxy of proxies) {
    try {
      const why = context.peers.get(proxy.peer)?.why
      if (why !== undefined) throw new Error(why)
      running.set(proxy, await start(proxy, context.peers))
    } catch (error) {
      fail(context, proxy.name, error.message)
    }
  }
  return running
}

async function run(context) {
  for (const [name, peer] of findPeers(['haproxy', 'nginx', 'nf', 'wrk'], context.progress))
    context.peers.set(name, peer)
  const lack = context.peers.get('wrk').why
  if (lack !== undefined) return fail(context, twRun.name, `no wrk: ${lack}`)
  const running = await startAll(context)
  try {
    const budget = new Budget(BUDGET_MS, context.until)
    const rounds = context.rounds ?? ROUNDS
    const tools = [...running.keys()]
    for (const { round, tool } of interleaved({ sizes: [CONNECTIONS], rounds, tools })) {
      if (!budget.allows(tool.name)) continue
      const step = `router, round ${round + 1} of ${rounds}: ${tool.name}`
      const began = nowMs()
      try {
        context.progress(`${step}: ${await measure(tool, running.get(tool).pids, context)}`)
      } catch (error) {
        fail(context, tool.name, error.message)
        context.progress(`${step}: ${error.message}`)
      }
      budget.spend(tool.name, nowMs() - began)
    }
  } finally {
    for (const { session } of [...running.values()].toReversed()) await end(session, context)
  }
}

async function end(session, { samples }) {
  if (session === undefined) return
  await session.stop()
  const survivors = await session.close()
  if (survivors.length > 0 && session.tool.name === 'tw-run')
    samples.trouble('tw-run', `left ${survivors.length} processes behind`)
}

export const router = {
  figures: ['router'],
  seconds: 46,
  run,
  tables: [
    {
      figure: 'router',
      title: `Router: one core, in front of the same ${WEBS} processes, ${CONNECTIONS} connections`,
      rows: [...proxies, direct].map(({ name }) => ({ name })),
      columns: [
        { figure: 'requests', size: CONNECTIONS, title: 'requests/s', digits: 0, ratio: true },
        { figure: 'p50', size: CONNECTIONS, title: 'p50, ms', digits: 2, ratio: true },
        { figure: 'p99', size: CONNECTIONS, title: 'p99, ms', digits: 2, ratio: true },
        { figure: 'cpuOfOne', size: CONNECTIONS, title: 'CPU a request, µs', digits: 1, ratio: true },
      ],
      rounds: ROUNDS,
    },
  ],
  notes: () => [
    `wrk, one thread, ${SECONDS} s a round after ${WARM_SECONDS} s to warm up; wrk and the processes share the other cores.`,
    'Every proxy keeps its connections to the processes, but nf -x, which knows no such thing.',
  ],
}
