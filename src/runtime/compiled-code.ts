import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { Module } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'
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

const {
  _cache: cache,
  _extensions: extensions,
  enableCompileCache,
} = Module as unknown as {
  readonly _cache: Readonly<Record<string, Loaded>>
  readonly _extensions: Record<string, Loader>
  readonly enableCompileCache?: () => unknown
}

/**
 * Keeps what V8 compiles of the chunks that are loaded from here on: to compile them takes 8 of the 17 ms that a short
 * command takes beside Node itself. Node does that from 22 on; before, it is done here, in the user's cache folder.
 * `command`: the first word of the command line. V8 compiles what is called, so each command has code of its own.
 */
export function keepCompiledCode(command: string): void {
  if (enableCompileCache !== undefined) {
    enableCompileCache()
    return
  }
  const folder = cacheFolder(/^[a-z]{1,16}$/.test(command) ? command : 'other')
  if (folder === undefined) return
  const isKept = isOurs(dirname(folder)) && isOurs(folder)
  const scripts = new Map<string, Script>()
  let isNew = false
  const keepAll = (): void => {
    keep(folder, scripts)
    scripts.clear()
    isNew = false
  }
  const run = (module: Loaded, filename: string, require: (id: string) => unknown): void => {
    const kept = isKept ? keptIn(join(folder, basename(filename))) : undefined
    const script = new Script(wrapped(readFileSync(filename, 'latin1')), {
      filename,
      ...(kept === undefined ? {} : { cachedData: kept }),
    })
    scripts.set(basename(filename), script)
    if (!isNew && (kept === undefined || script.cachedDataRejected === true)) {
      isNew = true
      setTimeout(keepAll, KEEP_AFTER_MS).unref()
    }
    const body = script.runInThisContext() as Body
    body.call(module.exports, module.exports, require, module, filename, dirname(filename))
  }
  const loaded = new Map<string, Loaded>()
  extensions['.cjs'] = (first, filename) => {
    // Of the other chunks, which are beside it, all is known: Node would look at the disk four times for each.
    const require = (id: string): unknown => {
      if (!id.startsWith('./')) return first.require(id)
      const path = join(dirname(filename), id)
      const known = cache[path] ?? loaded.get(path)
      if (known !== undefined) return known.exports
      const module = { exports: {} }
      loaded.set(path, module)
      run(module, path, require)
      return module.exports
    }
    run(first, filename, require)
  }
  // At the end, since what was called by then is compiled.
  process.once('exit', () => {
    if (isNew || mayAdd(folder)) keepAll()
  })
}

function mayAdd(folder: string): boolean {
  if (process.uptime() * 1_000 > KEEP_AFTER_MS) return false
  const { mtimeMs } = statSync(join(folder, 'main.cjs'), { throwIfNoEntry: false }) ?? {}
  return mtimeMs !== undefined && Date.now() - mtimeMs > ADD_EVERY_MS
}

/** Undefined where there is no bundle, or no home. */
function cacheFolder(command: string): string | undefined {
  const { XDG_CACHE_HOME: xdg = '', HOME: home = '' } = process.env
  const base = xdg.startsWith('/') ? xdg : join(home, '.cache')
  if (!base.startsWith('/') || BUILD.startsWith('__')) return undefined
  return join(base, 'tw-run', `${BUILD}-${process.version}`, command)
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

/** It stands there twice: V8 takes what is damaged and crashes, and nothing is cheaper than to compare two halves. */
function keptIn(path: string): Buffer | undefined {
  try {
    const bytes = readFileSync(path)
    const half = bytes.subarray(0, bytes.length / 2)
    return half.length > 0 && half.equals(bytes.subarray(half.length)) ? half : undefined
  } catch {
    // Nobody has loaded this chunk before, or it cannot be read: it is compiled again.
    return undefined
  }
}

/** As Node does it, on the first line, so that lines in a stack are those of the file. */
function wrapped(code: string): string {
  return `(function (exports, require, module, __filename, __dirname) { ${code}\n})`
}

function keep(folder: string, scripts: ReadonlyMap<string, Script>): void {
  // A home that is not there is nobody's to make, and a word that is no command is no folder.
  if (process.exitCode === WRONG_USAGE || !existsSync(join(folder, '../../../..'))) return
  let next = ''
  try {
    const build = dirname(folder)
    if (mkdirSync(build, { recursive: true, mode: 0o700 }) !== undefined) removeOld(dirname(build))
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if (!isOurs(build) || !isOurs(folder)) return
    const codes = underFirstFlags(() =>
      Array.from(scripts, ([name, script]) => [name, script.createCachedData()] as const),
    )
    for (const [name, code] of codes) {
      next = join(folder, `${name}.${process.pid}`)
      writeFileSync(next, Buffer.concat([code, code]), { mode: 0o600 })
      renameSync(next, join(folder, name))
    }
  } catch {
    // No room or no permission: it is compiled again each time.
    rmSync(next, { force: true })
  }
}

/** Of earlier builds, when another one comes. */
function removeOld(parent: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name)
    const { mtimeMs = Date.now() } = statSync(path, { throwIfNoEntry: false }) ?? {}
    if (Date.now() - mtimeMs > OLD_AFTER_MS) rmSync(path, { recursive: true, force: true })
  }
}
