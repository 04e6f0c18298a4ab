import { execFileSync } from 'node:child_process'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
const SOURCES = ['src', 'rolldown.config.js', 'package-lock.json']

/** Bundles the sources if they are newer than what was bundled last: no test may judge what was built before. */
export default function bundleIfStale(): void {
  const built = statSync(join(REPOSITORY, 'dist/cli/tw-run.cjs'), { throwIfNoEntry: false })?.mtimeMs ?? 0
  const newest = Math.max(...SOURCES.map((name) => newestIn(join(REPOSITORY, name))))
  if (newest > built) execFileSync('node_modules/.bin/rolldown', ['-c'], { cwd: REPOSITORY })
}

/** When a file, or the newest one of a folder, was last changed, ms since 1970. */
function newestIn(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestIn(join(path, name))))
}
