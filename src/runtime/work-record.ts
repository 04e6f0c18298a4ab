import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readIfThere, removeIfThere, replaceFile } from './disk.ts'
import type { Carrier } from './process-table.ts'
import type { StateDir } from './state-dir.ts'
import { sweep } from './sweep.ts'
import { tempFolder } from './usual-places.ts'

/** Notes what the command that a formation is there for carries, before it begins: it may outlive its tw-run. */
export function noteWork(state: StateDir, token: string): void {
  replaceFile(pathIn(state), `${token}\n`)
}

/** The command and all that it left have ended. */
export function forgetWork(state: StateDir): void {
  removeIfThere(pathIn(state))
}

/** Ends what a killed tw-run's command is still at; what is there all the same. `graceMs`: from SIGTERM to SIGKILL. */
export async function endLeftWork(state: StateDir, graceMs: number): Promise<Carrier[]> {
  const [, token] = /^([0-9a-f]{16})\n$/.exec(readIfThere(pathIn(state)) ?? '') ?? []
  if (token === undefined) return []
  const survivors = await sweep(token, { graceMs, hurry: new AbortController().signal })
  if (survivors.length > 0) return survivors
  rmSync(join(tempFolder(), `tw-run-${token}`), { recursive: true, force: true })
  forgetWork(state)
  return survivors
}

function pathIn({ path }: StateDir): string {
  return join(path, 'work')
}
