import { injected } from '../core/environment.ts'
import type { Run } from '../core/process.ts'
import { LAUNCH_SCRIPT } from './launcher.ts'
import { environmentOfProcess } from './process-table.ts'
import { findShim, isShim } from './shim.ts'

/**
 * The environment that a run was started with, in an app in `root`; undefined where the kernel does not tell it. It
 * tells what its shim was executed with, which may have been before it knew what is the run's own.
 */
export function environmentOfRun(run: Run, root: string): Readonly<Record<string, string>> | undefined {
  const { token } = run
  // One that has just been started has not been heard of yet.
  const pid = run.pid ?? findShim(token)
  if (pid === undefined) return undefined
  const executed = environmentOfProcess(pid)
  // Asked after it: what is its shim now was it then.
  if (executed === undefined || !isShim(pid, token)) return undefined
  const { [LAUNCH_SCRIPT]: _, ...shared } = Object.fromEntries(executed)
  return { ...shared, ...injected({ ...run, root }, {}) }
}
