import { closeSync, openSync, renameSync, rmSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { decodeWork } from '../core/records.ts'
import type { WorkRecord } from '../core/records.ts'
import { makeFolder, readFolder, readIfThere, removeIfThere } from './disk.ts'
import { makeScratch } from './new-run.ts'
import { here } from './place.ts'
import { carriersNow, groupOf, isRunning, mayHold } from './process-table.ts'
import type { Carrier } from './process-table.ts'
import { randomHex } from './random.ts'
import { removeTree } from './remove-tree.ts'
import { checkStateDir, unwritable } from './state-dir.ts'
import type { StateDir } from './state-dir.ts'
import { reasonOf } from './system-error.ts'
import { sweep } from './sweep.ts'
import type { SweepOptions } from './sweep.ts'
import { mention } from './terminal.ts'
import { tempFolder } from './usual-places.ts'

/** What a command of `run` or `with` has for itself. */
export interface Own {
  /** Everything that it starts carries it. */
  readonly token: string
  readonly scratch: string
}

export interface WorkResult {
  readonly code: number
  /** What it left behind and could not be ended. */
  readonly survivors: readonly Carrier[]
}

/**
 * Runs a command to its end, and ends what it left behind. It is on record from before it begins until nothing of it
 * is left: who comes after a kill -9 knows by that what there was.
 */
export async function workOnRecord(
  state: StateDir,
  options: SweepOptions,
  begin: (own: Own) => Promise<number>,
): Promise<WorkResult> {
  const token = randomHex(8)
  const scratch = join(tempFolder(), `tw-run-${token}`)
  const forget = note(state, { token, scratch })
  makeTemporary(scratch, forget)
  let result: WorkResult
  try {
    const code = await begin({ token, scratch })
    result = { code, survivors: await sweep(token, options) }
  } finally {
    await removeScratch(scratch)
  }
  if (result.survivors.length === 0) forget()
  return result
}

/** Nearly always it is empty, and a thread that removes it takes longer to begin. Errors: those of rm. */
async function removeScratch(path: string): Promise<void> {
  try {
    rmdirSync(path)
  } catch {
    await removeTree(path)
  }
}

/** Errors: TwRunError 1; nothing is on record then. */
function makeTemporary(scratch: string, forget: () => void): void {
  try {
    makeScratch(scratch)
  } catch (error) {
    forget()
    throw new TwRunError(`cannot make ${scratch}, for temporary files: ${reasonOf(error)}`, {
      exitCode: 1,
      hint: 'TMPDIR has to be a folder that you may write to',
    })
  }
}

/** Where there is no place for a record the command runs all the same, and that is said. */
function note(state: StateDir, own: Own): () => void {
  try {
    checkStateDir(state)
    return record(state, own)
  } catch (error) {
    const { message } = error instanceof TwRunError ? error : unwritable(state.path, error)
    mention(`tw-run: ${message}: if this tw-run is killed, nobody ends what it runs\n`)
    return () => {}
  }
}

function record({ oneOffs }: StateDir, { token, scratch }: Own): () => void {
  makeFolder(oneOffs, 0o700)
  const path = join(oneOffs, token)
  const { pidNamespace } = here()
  const text: WorkRecord = { pid: process.pid, pidNamespace, scratch: resolve(scratch) }
  // It stays open: whoever has our pid after us has not.
  const fd = openSync(`${path}.new`, 'wx', 0o600)
  const forget = (name: string): void => {
    try {
      removeIfThere(name)
    } catch {
      // Nothing of it is left: who finds it removes it.
    }
    closeSync(fd)
  }
  try {
    writeFileSync(fd, `${JSON.stringify(text)}\n`)
    renameSync(`${path}.new`, path)
  } catch (error) {
    forget(`${path}.new`)
    throw error
  }
  return () => forget(path)
}

/**
 * Ends the commands whose tw-run was killed; what is there all the same. `graceMs`: from SIGTERM to SIGKILL; `tell` hears
 * of what was found of one.
 */
export async function endLeftWork(
  { oneOffs }: StateDir,
  graceMs: number,
  tell: (found: readonly Carrier[]) => void = () => {},
): Promise<Carrier[]> {
  const all: Carrier[] = []
  for (const token of readFolder(oneOffs)) {
    const path = join(oneOffs, token)
    const left = decodeWork(readIfThere(path) ?? '', token)
    if (left === undefined || isAttended(left, path)) continue
    const found = carriersNow(new Set([token]))
    if (found.some(isAboveUs)) continue
    const survivors = await sweep(token, { graceMs, hurry: new AbortController().signal })
    tell(found.filter(({ pid }) => survivors.every((one) => one.pid !== pid)))
    all.push(...survivors)
    if (survivors.length > 0) continue
    rmSync(left.scratch, { recursive: true, force: true })
    removeIfThere(path)
  }
  return all
}

/** Whether its tw-run lives. Of another pid namespace nobody here can know. */
function isAttended({ pid, pidNamespace }: WorkRecord, path: string): boolean {
  return pidNamespace !== here().pidNamespace || (isRunning(pid) && mayHold(pid, path))
}

/** A shell whose tw-run was killed may go on, and somebody may type in it: that is no reason to end the two. */
function isAboveUs({ pid }: Carrier): boolean {
  return pid === process.pid || pid === groupOf(process.pid)
}
