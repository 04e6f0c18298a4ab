// Where and with what was measured.
import { execFileSync } from 'node:child_process'
import { arch, cpus, loadavg, release, totalmem } from 'node:os'
import { TW_RUN_VERSION } from '../tools/tw-run.js'

function commit() {
  try {
    const options = { encoding: 'utf8', cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'] }
    const id = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim()
    const dirty = execFileSync('git', ['status', '--porcelain', '--', '..'], options) !== ''
    return ` (${id}${dirty ? ' and changes' : ''})`
  } catch {
    return ''
  }
}

/** Lines of text. `load` is the load average of the last minute before the run. */
export function describeMachine({ peers, seconds, load, scale }) {
  const [cpu] = cpus()
  const versions = [...peers].filter(([, { version }]) => version !== undefined)
  return [
    `Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, took ${seconds.toFixed(0)} s, load before ${load.toFixed(2)}` +
      (scale === 1 ? '' : `, lines scaled by ${scale}`),
    `Machine: ${cpu.model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, Linux ${release()} ${arch()}`,
    `Versions: tw-run ${TW_RUN_VERSION}${commit()}, Node ${process.version}` +
      versions.map(([name, { version }]) => `, ${name} ${version}`).join(''),
  ]
}

export const loadNow = () => loadavg()[0]
