// The floors in C, compiled for this run where there is a compiler.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { sessionFolder } from './session.js'

const PROGRAMS = join(import.meta.dirname, '..', 'programs')
const NAMES = ['spawner', 'prefixer']
const quiet = { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 }

/** { version, path of their folder } or { why } there are none. */
export function compiledFloors() {
  try {
    const folder = sessionFolder()
    for (const name of NAMES)
      execFileSync('cc', ['-O2', '-o', join(folder, name), join(PROGRAMS, `${name}.c`)], quiet)
    return { version: execFileSync('cc', ['-dumpversion'], quiet).trim(), path: folder }
  } catch (error) {
    if (error.code === 'ENOENT') return { why: 'there is no cc (Debian: apt-get install gcc libc6-dev)' }
    return {
      why: `cc failed: ${
        String(error.stderr ?? error.message)
          .trim()
          .split('\n')[0]
      }`,
    }
  }
}
