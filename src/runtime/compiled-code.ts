import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Script } from 'node:vm'
import { readPack } from './code-pack.ts'
import type { Pack } from './code-pack.ts'

/** When the bundle is made, what tells it from every other one stands in this place. */
const BUILD = '__TW_RUN_BUILD__'

/** What V8 made of the chunks that were loaded, and what was kept of that by an earlier command of the same name. */
export interface CompiledCode {
  readonly folder: string
  readonly file: string
  readonly scripts: Map<string, Script>
  /** Undefined until it is needed, and when nothing is loaded any more. */
  kept: Pack | undefined
  /** Something was loaded of which nothing was kept. */
  isNew: boolean
  /** Called when what was kept has been read. */
  onRead: () => void
}

/** `command`: the first word of the command line. Undefined where there is no bundle, or no home. */
export function codeOf(command: string): CompiledCode | undefined {
  const { XDG_CACHE_HOME: xdg = '', HOME: home = '' } = process.env
  const base = xdg.startsWith('/') ? xdg : join(home, '.cache')
  if (!base.startsWith('/') || BUILD.startsWith('__')) return undefined
  const folder = `${base}/tw-run/${BUILD}-${process.version}-${process.arch}`
  const [, name = 'other'] = /^-{0,2}([a-z]{1,16})$/.exec(command) ?? []
  const file = `${folder}/${name}`
  return { folder, file, scripts: new Map(), kept: undefined, isNew: false, onRead: () => {} }
}

/** What was kept; read again for what is loaded later. */
export function keptOf(code: CompiledCode): Pack {
  if (code.kept === undefined) {
    code.kept = isOurs(code.folder) ? readPack(code.file) : new Map<string, Buffer>()
    code.onRead()
  }
  return code.kept
}

/** Whether nobody else can have put there what we would run; sudo may leave us another user's home. */
export function isOurs(folder: string): boolean {
  try {
    const { uid, mode } = statSync(folder)
    return uid === process.geteuid?.() && (mode & 0o022) === 0
  } catch {
    // It is not there, or in a home that is not ours to look into.
    return false
  }
}
