import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { makeFolder } from './disk.ts'
import { compiledCode } from './chunks.ts'
import { isOurs, keptOf } from './compiled-code.ts'
import type { CompiledCode } from './compiled-code.ts'
import { forgetPassingMemory } from './passing-memory.ts'
import { writePack } from './write-pack.ts'
import { underFirstFlags } from './small-heap.ts'

const OLD_AFTER_MS = 30 * 86_400_000
/**
 * By then most commands have ended and the others run; V8 drops the code of functions that were not called for a
 * while, and what is kept at the end of a long run lacks all that the next one begins with.
 */
const KEEP_AFTER_MS = 1_000
/**
 * What a command calls depends on what it finds: what it has called since is added, by commands that have ended by
 * KEEP_AFTER_MS, and no more often than this, since it takes 5 ms.
 */
const ADD_EVERY_MS = 60_000
const WRONG_USAGE = 2

/**
 * Keeps what V8 made of the chunks for the next command of that name, at the end, or when a lasting one runs, which lets
 * go of what it does not need any more.
 */
export function keepCompiledCode(isLasting: boolean): void {
  const code = compiledCode()
  if (code === undefined) return
  if (isLasting) {
    // When something else is loaded later, what was kept is read again.
    code.onRead = () => void setTimeout(letGo, KEEP_AFTER_MS, code).unref()
    code.onRead()
  }
  // At the end, since what was called by then is compiled.
  process.on('exit', () => {
    if (code.isNew || mayAdd(code.file)) keep(code)
  })
}

function letGo(code: CompiledCode): void {
  if (code.isNew) keep(code)
  code.scripts.clear()
  code.kept = undefined
  forgetPassingMemory()
}

function mayAdd(file: string): boolean {
  if (process.uptime() * 1_000 > KEEP_AFTER_MS) return false
  const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return mtimeMs !== undefined && Date.now() - mtimeMs > ADD_EVERY_MS
}

function keep(code: CompiledCode): void {
  const { folder, file, scripts } = code
  code.isNew = false
  // A word that is no command is not kept.
  if (process.exitCode === WRONG_USAGE) return
  try {
    if (!hasFolder(folder)) return
    const codes = underFirstFlags(() =>
      Array.from(scripts, ([name, script]) => [name, script.createCachedData()] as const),
    )
    writePack(file, new Map([...keptOf(code), ...codes]))
  } catch {
    // No room or no permission: it is compiled again each time.
  }
}

/** Whether there is a folder for it now that is ours alone. */
function hasFolder(folder: string): boolean {
  try {
    if (!mayMake(folder)) return false
    if (makeFolder(folder, 0o700) !== undefined) removeOld(dirname(folder))
    return isOurs(folder)
  } catch {
    // No room or no permission.
    return false
  }
}

/** A home that is not there is nobody's to make, and in another user's nothing is made. */
function mayMake(folder: string): boolean {
  const home = join(folder, '../../..')
  let nearest = folder
  while (nearest !== home && !existsSync(nearest)) nearest = dirname(nearest)
  return statSync(nearest, { throwIfNoEntry: false })?.uid === process.geteuid?.()
}

/** Of earlier builds, when another one comes. */
function removeOld(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name)
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {}
    if (Date.now() - mtimeMs > OLD_AFTER_MS) rmSync(path, { recursive: true, force: true })
  }
}
