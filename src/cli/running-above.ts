import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isUnfinished } from '../core/session.ts'
import { keptSession } from '../runtime/kept-session.ts'
import { here } from '../runtime/place.ts'
import { locateStateDir } from '../runtime/state-dir.ts'
import type { StateDir } from '../runtime/state-dir.ts'
import { homeFolder } from '../runtime/usual-places.ts'

/**
 * The nearest folder above the current one in which a formation runs, as it can be typed; no further up than the
 * repository or the home that we are in. Undefined if there is none, or these are the places of another folder.
 */
export function runningAbove({ path }: StateDir): string | undefined {
  const base = dirname(path)
  let folder = currentFolder()
  if (folder === undefined || locateStateDir(folder, base).path !== path) return undefined
  for (let typed = '..'; !isOutermost(folder); typed += '/..') {
    folder = dirname(folder)
    if (isRunning(locateStateDir(folder, base))) return typed
  }
  return undefined
}

function currentFolder(): string | undefined {
  try {
    return process.cwd()
  } catch {
    // It was removed, and there is nothing above it.
    return undefined
  }
}

function isOutermost(folder: string): boolean {
  return folder === dirname(folder) || folder === homeFolder() || existsSync(join(folder, '.git'))
}

function isRunning(state: StateDir): boolean {
  const session = keptSession(state)
  return session !== undefined && isUnfinished(session, here())
}
