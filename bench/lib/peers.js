// Installs what tw-run is compared with, outside the repository. A peer that cannot be had says why.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compiledFloors } from './compiled.js'

const CACHE = process.env.BENCH_PEERS ?? join(tmpdir(), 'tw-run-bench-peers')
const INSTALL_TIMEOUT_MS = 240_000

// The newest line of each that runs on Node 20: concurrently 10 and npm-run-all2 9 need 22.
const NPM = {
  nf: { pkg: 'foreman', range: '3', bin: '.bin/nf' },
  concurrently: { pkg: 'concurrently', range: '9', bin: '.bin/concurrently' },
  'run-p': { pkg: 'npm-run-all2', range: '8', bin: '.bin/run-p' },
  mprocs: { pkg: 'mprocs', range: '0', bin: undefined },
  pm2: { pkg: 'pm2', range: '7', bin: '.bin/pm2-runtime' },
}
const DEBIAN = {
  foreman: { pkg: 'ruby-foreman', bin: 'foreman' },
  supervisord: { pkg: 'supervisor', bin: 'supervisord' },
  haproxy: { pkg: 'haproxy', bin: 'haproxy' },
  nginx: { pkg: 'nginx-light', bin: 'nginx' },
  wrk: { pkg: 'wrk', bin: 'wrk' },
}

/** In no registry that is asked here: measured where somebody has them on PATH. `needs`: another program. */
const ON_PATH = {
  hivemind: { version: ['--version'] },
  forego: { version: ['version'] },
  goreman: { version: ['version'] },
  overmind: { version: ['--version'], needs: 'tmux' },
  'process-compose': { version: ['version'] },
  honcho: { version: ['version'] },
}

const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: INSTALL_TIMEOUT_MS }

/** The line that says what went wrong, of a command that failed. */
function whyOf(error) {
  const lines = String(error.stderr || error.message)
    .trim()
    .split('\n')
  return (lines.find((line) => /error|E:/i.test(line)) ?? lines.at(-1)).slice(0, 160)
}

function npmVersion(pkg) {
  const path = join(CACHE, 'node_modules', pkg, 'package.json')
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).version : undefined
}

/** mprocs brings a binary for each platform; its Node starter would only be measured with it. */
function mprocsBinary() {
  const cpu = { x64: 'x86_64', arm64: 'aarch64' }[process.arch]
  const folder = `mprocs-${npmVersion('mprocs')}-linux-${cpu}-musl`
  return join(CACHE, 'node_modules', 'mprocs', folder, 'mprocs')
}

/** The cache has a known name in a folder that everybody may write to: somebody else's is not executed. */
function cacheFault() {
  mkdirSync(CACHE, { recursive: true, mode: 0o755 })
  const { uid, mode } = statSync(CACHE)
  const isSafe = (uid === process.getuid() || uid === 0) && (mode & 0o022) === 0
  return isSafe ? undefined : `${CACHE} can be written by others: remove it, or name another in BENCH_PEERS`
}

function installNpm(names, say) {
  if (names.length === 0 || cacheFault() !== undefined) return undefined
  const missing = names.filter((name) => npmVersion(NPM[name].pkg) === undefined)
  if (missing.length === 0) return undefined
  const wanted = missing.map((name) => `${NPM[name].pkg}@${NPM[name].range}`)
  say(`installing ${wanted.join(' ')} into ${CACHE}`)
  if (!existsSync(join(CACHE, 'package.json')))
    writeFileSync(join(CACHE, 'package.json'), '{"private":true}\n')
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...wanted], {
      ...quiet,
      cwd: CACHE,
    })
    return undefined
  } catch (error) {
    return `npm install failed: ${whyOf(error)}`
  }
}

function npmPeer(name, failure) {
  if (cacheFault() !== undefined) return { why: cacheFault() }
  const { pkg, bin } = NPM[name]
  const version = npmVersion(pkg)
  if (version === undefined) return { why: failure ?? `npm did not install ${pkg}` }
  const path = bin === undefined ? mprocsBinary() : join(CACHE, 'node_modules', bin)
  return existsSync(path) ? { version, path } : { why: `${pkg} ${version} has no ${path}` }
}

/** Some programs do not say theirs in a way that others could read. */
function debianVersion({ pkg, bin }) {
  for (const [file, ...args] of [
    [bin, '--version'],
    ['dpkg-query', '-W', '-f', '${Version}', pkg],
  ]) {
    try {
      return execFileSync(file, args, quiet).trim().split('\n')[0]
    } catch {
      // Not installed, or the other way will tell.
    }
  }
  return undefined
}

function debianPeer(name, say) {
  const { pkg, bin } = DEBIAN[name]
  const installed = debianVersion(DEBIAN[name])
  if (installed !== undefined) return { version: installed, path: bin }
  const line = `apt-get install -y --no-install-recommends ${pkg}`
  if (process.getuid() !== 0) return { why: `not installed; as root: ${line}` }
  say(line)
  try {
    execFileSync('apt-get', line.split(' ').slice(1), {
      ...quiet,
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    })
  } catch (error) {
    return { why: `${line} failed: ${whyOf(error)}` }
  }
  const version = debianVersion(DEBIAN[name])
  return version === undefined ? { why: `${line} brought no ${bin}` } : { version, path: bin }
}

/** Where a program is on PATH, or undefined. */
function onPath(name) {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', name], quiet).trim()
  } catch {
    return undefined
  }
}

/** `isAbsent`: nobody is expected to have it, and its absence is said once and not in every table. */
function pathPeer(name) {
  const { version, needs } = ON_PATH[name]
  const path = onPath(name)
  if (path === undefined) return { why: 'not on PATH', isAbsent: true }
  if (needs !== undefined && onPath(needs) === undefined) return { why: `it needs ${needs}` }
  const said = execFileSync(path, version, quiet).trim()
  return { version: /\bv?\d+(\.\d+)+\S*/.exec(said)?.[0] ?? said.split('\n')[0], path }
}

function peerOf(name, failure, say) {
  if (name in ON_PATH) return pathPeer(name)
  if (name === 'cc') return compiledFloors()
  return name in NPM ? npmPeer(name, failure) : debianPeer(name, say)
}

/** Map of peer name to { version, path } or { why }. Only the named ones are looked for or installed. */
export function findPeers(names, say) {
  const failure = installNpm(
    names.filter((name) => name in NPM),
    say,
  )
  const peers = new Map()
  for (const name of names) {
    const peer = peerOf(name, failure, say)
    if (peer.why !== undefined && !peer.isAbsent) say(`${name} is skipped: ${peer.why}`)
    peers.set(name, peer)
  }
  return peers
}
