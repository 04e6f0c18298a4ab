import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs'
import { Module } from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { readPack, writePack } from './code-pack.ts'
import type { Pack } from './code-pack.ts'
import { chunkText } from './chunk-text.ts'
import { underFirstFlags } from './young-generation.ts'

/** When the bundle is made, what tells it from every other one stands in this place. */
const BUILD = '__TW_RUN_BUILD__'
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

interface Loaded {
  exports: unknown
}
interface NodeModule extends Loaded {
  require(id: string): unknown
}
type Loader = (module: NodeModule, filename: string) => void
/** Called with exports, require, module, __filename and __dirname. */
type Body = (...given: readonly unknown[]) => void

/** Node's own loader, as far as it is needed; of Node, the class of every module. */
interface Modules {
  readonly _cache: Readonly<Record<string, Loaded>>
  readonly _extensions: Record<string, Loader>
}

/** Commands that run for long let go of what they do not need any more. */
const LASTING = new Set(['start', 'supervise', 'route', 'run', 'with', 'prove', 'logs'])
/** From here on, or almost, Node keeps compiled code itself. */
const NODE_KEEPS = 22

/**
 * Keeps what V8 compiles of the chunks that are loaded from here on: to compile them takes 8 of the 17 ms that a short
 * command takes beside Node itself. Node does that from 22 on; before, it is done here, in the user's cache folder.
 * `command`: the first word of the command line. V8 compiles what is called, so each command has code of its own.
 */
export function keepCompiledCode(command: string): void {
  if (Number.parseInt(process.versions.node, 10) >= NODE_KEEPS) {
    const { enableCompileCache } = Module as { readonly enableCompileCache?: () => unknown }
    enableCompileCache?.()
    return
  }
  const folder = cacheFolder()
  // Not by its name, node:module: that brings the loader of ECMAScript modules, 1 ms.
  const modules = process.mainModule?.constructor as unknown as Modules | undefined
  if (folder === undefined || modules === undefined) return
  const file = `${folder}/${/^[a-z]{1,16}$/.test(command) ? command : 'other'}`
  const scripts = new Map<string, Script>()
  let kept: Pack | undefined
  let isNew = false
  // Read again for what is loaded later: it takes memory of who runs for long.
  const pack = (): Pack => {
    if (kept !== undefined) return kept
    if (LASTING.has(command)) setTimeout(letGo, KEEP_AFTER_MS).unref()
    kept = isOurs(folder) ? readPack(file) : new Map<string, Buffer>()
    return kept
  }
  const letGo = (): void => {
    if (isNew) keepAll()
    scripts.clear()
    kept = undefined
  }
  const keepAll = (): void => {
    keep(file, pack(), scripts)
    isNew = false
  }
  const run = (module: Loaded, filename: string, require: (id: string) => unknown): void => {
    const name = filename.slice(filename.lastIndexOf('/') + 1)
    const cachedData = pack().get(name)
    const script = new Script(chunkText(filename), {
      filename,
      ...(cachedData === undefined ? {} : { cachedData }),
    })
    scripts.set(name, script)
    isNew ||= cachedData === undefined || script.cachedDataRejected === true
    const body = script.runInThisContext() as Body
    body.call(module.exports, module.exports, require, module, filename, dirname(filename))
  }
  const loaded = new Map<string, Loaded>()
  modules._extensions['.cjs'] = (first, filename) => {
    const here = dirname(filename)
    // Of the other chunks, which are beside it, all is known: Node would look at the disk four times for each.
    const require = (id: string): unknown => {
      if (!id.startsWith('./')) return first.require(id)
      const path = `${here}${id.slice(1)}`
      const known = modules._cache[path] ?? loaded.get(path)
      if (known !== undefined) return known.exports
      const module = { exports: {} }
      loaded.set(path, module)
      run(module, path, require)
      return module.exports
    }
    run(first, filename, require)
  }
  // At the end, since what was called by then is compiled.
  process.on('exit', () => {
    if (isNew || mayAdd(file)) keepAll()
  })
}

function mayAdd(file: string): boolean {
  if (process.uptime() * 1_000 > KEEP_AFTER_MS) return false
  const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? {}
  return mtimeMs !== undefined && Date.now() - mtimeMs > ADD_EVERY_MS
}

/** Undefined where there is no bundle, or no home. */
function cacheFolder(): string | undefined {
  const { XDG_CACHE_HOME: xdg = '', HOME: home = '' } = process.env
  const base = xdg.startsWith('/') ? xdg : join(home, '.cache')
  if (!base.startsWith('/') || BUILD.startsWith('__')) return undefined
  return join(base, 'tw-run', `${BUILD}-${process.version}-${process.arch}`)
}

/** Whether nobody else can have put there what we would run; sudo may leave us another user's home. */
function isOurs(folder: string): boolean {
  try {
    const { uid, mode } = statSync(folder)
    return uid === process.geteuid?.() && (mode & 0o022) === 0
  } catch {
    // It is not there, or in a home that is not ours to look into.
    return false
  }
}

function keep(file: string, kept: Pack, scripts: ReadonlyMap<string, Script>): void {
  const folder = dirname(file)
  // A word that is no command is not kept.
  if (process.exitCode === WRONG_USAGE) return
  try {
    if (!mayMake(folder)) return
    if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) removeOld(dirname(folder))
    if (!isOurs(folder)) return
    const codes = underFirstFlags(() =>
      Array.from(scripts, ([name, script]) => [name, script.createCachedData()] as const),
    )
    writePack(file, new Map([...kept, ...codes]))
  } catch {
    // No room or no permission: it is compiled again each time.
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
