import { dirname } from 'node:path'
import { Script } from 'node:vm'
import { chunkText } from './chunk-text.ts'
import { codeOf, keptOf } from './compiled-code.ts'
import type { CompiledCode } from './compiled-code.ts'

interface Loaded {
  exports: unknown
}
type Require = (id: string) => unknown
/** Called with exports, require, module, __filename and __dirname. */
type Body = (...given: readonly unknown[]) => void

let code: CompiledCode | undefined

/** What V8 made of the chunks; undefined where it is kept nowhere. */
export function compiledCode(): CompiledCode | undefined {
  return code
}

/**
 * From here on the program loads its chunks itself, with what was kept of V8's work on them in the user's cache folder: to
 * compile them takes 8 of the 17 ms that a short command takes beside Node itself. What Node keeps of that itself, from 22
 * on, costs it half as long again: it reads a file for each chunk, and looks for each four times. `program`: the module that
 * Node began with; the chunks are beside it. `command`: the first word of the command line. V8 compiles what is called, so
 * each command has code of its own.
 */
export function loadChunks(program: NodeJS.Module, command: string): void {
  const found = codeOf(command)
  if (found === undefined) return
  code = found
  const here = dirname(program.filename)
  const loaded = new Map<string, Loaded>([[program.filename, program]])
  const others = program.require.bind(program)
  // Of chunks, which are beside the program, all is known: Node would look at the disk four times for each.
  const require: Require = (id) => {
    if (!id.startsWith('./')) return others(id)
    const filename = `${here}${id.slice(1)}`
    const known = loaded.get(filename)
    if (known !== undefined) return known.exports
    const module = { exports: {} }
    loaded.set(filename, module)
    const body = compile(found, filename).runInThisContext() as Body
    body.call(module.exports, module.exports, require, module, filename, here)
    return module.exports
  }
  // What `require` in the program itself calls.
  program.require = require
}

function compile(into: CompiledCode, filename: string): Script {
  const name = filename.slice(filename.lastIndexOf('/') + 1)
  const cachedData = keptOf(into).get(name)
  const script = new Script(chunkText(filename), {
    filename,
    ...(cachedData === undefined ? {} : { cachedData }),
  })
  into.scripts.set(name, script)
  into.isNew ||= cachedData === undefined || script.cachedDataRejected === true
  return script
}
