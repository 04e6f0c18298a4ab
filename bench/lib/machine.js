// Where and with what was measured.
import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, renameSync, unlinkSync } from 'node:fs'
import { arch, cpus, loadavg, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { nowMs } from './output.js'
import { median } from './samples.js'
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

/**
 * What files cost where all tools have theirs, in microseconds each (medians): it differs between machines by more
 * than anything else that a start consists of.
 */
export function folderCosts(dir) {
  const names = Array.from({ length: 200 }, (_, i) => join(dir, `file-${i}`))
  const each = (act) => {
    const took = names.map((name) => {
      const began = nowMs()
      act(name)
      return (nowMs() - began) * 1e3
    })
    return median(took).toFixed(0)
  }
  const create = each((name) => closeSync(openSync(name, 'wx')))
  const rename = each((name) => renameSync(name, `${name}.new`))
  const remove = each((name) => unlinkSync(`${name}.new`))
  const folder = each((name) => mkdirSync(name))
  return `Files: in ${tmpdir()}, µs each: ${create} to create one, ${rename} to rename, ${remove} to remove, ${folder} for a folder`
}

/** Lines of text. `load` is the load average of the last minute before the run. */
export function describeMachine({ peers, seconds, load, scale, files, absent = [] }) {
  const [cpu] = cpus()
  const versions = [...peers].filter(([, { version }]) => version !== undefined)
  return [
    `Date: ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC, took ${seconds.toFixed(0)} s, load before ${load.toFixed(2)}` +
      (scale === 1 ? '' : `, lines scaled by ${scale}`),
    `Machine: ${cpu.model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(1)} GiB, Linux ${release()} ${arch()}`,
    `Versions: tw-run ${TW_RUN_VERSION}${commit()}, Node ${process.version}` +
      versions.map(([name, { version }]) => `, ${name} ${version}`).join(''),
    ...(files === undefined ? [] : [files]),
    ...(absent.length === 0 ? [] : [`Left out, since they are not on PATH: ${absent.join(', ')}`]),
  ]
}

export const loadNow = () => loadavg()[0]
