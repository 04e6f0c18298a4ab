import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { isGroupThere, killChildGroup, signalGroup } from './signal.ts'

export interface CommandContext {
  readonly cwd: string
  /** That of the process, token included: what the command leaves behind is swept with the process. */
  readonly env: Readonly<Record<string, string>>
  readonly token: string
}

/**
 * Runs a program in a group of its own: nothing if it ends with exit code 0, else how it ended. Nothing of the
 * group is left afterwards, nor when it is aborted.
 */
export async function probeCommand(
  [file = '', ...args]: readonly string[],
  { cwd, env, token }: CommandContext,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (signal.aborted) return undefined
  return new Promise((resolve) => {
    let child: ReturnType<typeof spawn>
    try {
      child = spawn(file, args, { cwd, env, detached: true, stdio: 'ignore' })
    } catch (error) {
      resolve(`cannot be run: ${(error as Error).message}`)
      return
    }
    const { pid } = child
    const kill = (): void => {
      if (pid !== undefined) killChildGroup(pid)
    }
    signal.addEventListener('abort', kill, { once: true })
    child.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ENOENT' ? 'there is no such program' : `cannot be run: ${error.message}`)
    })
    child.on('exit', (code, killedBy) => {
      signal.removeEventListener('abort', kill)
      // What it left in its group; to look who that is takes a while, and mostly it is nobody.
      if (pid !== undefined && isGroupThere(pid)) signalGroup(pid, token, 'SIGKILL')
      resolve(code === 0 ? undefined : `exit code ${code ?? 128 + constants.signals[killedBy ?? 'SIGKILL']}`)
    })
  })
}
