// Bundles src into dist: a hundred small files and their imports cost more than half of what a short command takes.
// The type check is tsc's, before this. Read what is in dist with this in mind: one idea a region, no name changed.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'rolldown'

const PROGRAM = 'cli/tw-run.cjs'

/**
 * Modules of Node that take one to three milliseconds each, of the sixty that Node takes for nothing. Each is loaded
 * by the first line that uses it: what prints a table needs neither sockets nor children.
 */
const HEAVY =
  /^let (node_\w+) = require\("(node:(?:child_process|crypto|fs\/promises|module|net|os|timers\/promises|tty|util|v8))"\);$/gm

/** What every command that looks at processes needs, and what a start needs before it holds the lock. */
const KERNEL =
  /src\/(core\/(quote-sh|rules|survivors)|runtime\/(crash-points|descriptors|lifeline|own-program|pid-laps|place|process-table[a-z-]*|remove-tree))\.ts$/

/** What a start needs before it holds the lock: while a helper takes that, it loads the rest. */
const GROUND = new RegExp(
  `src/(${[
    'cli/(formation|taken-ports)',
    'runtime/(app-json|listeners|load|lock|router-plan|spare-fifos)',
    'core/(app-json|app-json-checks|environment|expand|json-problem|procfile|procfile-faults)',
    'core/(rules-of|schema-problems|starting-counts)',
  ].join('|')})\\.ts$`,
)

/** What `ps`, `stop` and whoever waits need beside that; half of what commands share, which takes 1 ms to read. */
const CONTROL = new RegExp(
  `src/(${[
    'runtime/(adoption|launcher|lock-holder|lookout|new-run|observer|own-variables|process-room|run-(?:directory|history|log)|shim|slots)',
    'core/(command|observe|process|restart|status)',
    'cli/(control|journal-text|messages|waiting)',
  ].join('|')})\\.ts$`,
)

const lazyBuiltins = {
  name: 'lazy-builtins',
  transform(code, id) {
    // Commander starts the programs of commands that are programs of their own, which ours are not.
    if (!id.endsWith('/commander/lib/command.js')) return undefined
    return code
      .replace("const childProcess = require('node:child_process')", '')
      .replaceAll('childProcess.', "require('node:child_process').")
  },
  renderChunk(code) {
    let lazy = code
    for (const [line, name, module] of code.matchAll(HEAVY)) {
      const rest = lazy.replace(line, '')
      // Only where nothing but members of it are used; a default import is a copy of it that is made at once.
      if (new RegExp(`\\b${name}\\b(?!\\.\\w)`).test(rest)) continue
      const uses = rest.replaceAll(new RegExp(`\\b${name}\\.(?=\\w)`, 'g'), `(${name}()).`)
      lazy = `const ${name} = () => require("${module}");\n${uses}`
    }
    return lazy
  },
}

/** As rolldown writes what a chunk gives to others, and the whole of a module that is imported when it is needed. */
const GETTER =
  /Object\.defineProperty\(exports, "([\w$]+)", \{\n\tenumerable: true,\n\tget: function\(\) \{\n\t\treturn ([\w$]+);\n\t\}\n\}\);/g
const NAMESPACE = /^var (\w+_exports) = require_rolldown_runtime\.__exportAll\(\{([^{}]*)\}\);\n/gm
/** A library that is CommonJS. */
const LIBRARY = /^var (import_\w+) = (require_\w+\(\));\n/gm

/**
 * What a chunk gives to others are properties and no getters, and a library is evaluated by the first line that uses
 * it: to make 300 functions and to call them takes a short command 2 ms. What is given stands at the end of a chunk
 * either way, and is never assigned again, but perhaps a `let`.
 */
const plainExports = {
  name: 'plain-exports',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = withLateLibraries(withPlainExports(chunk.code))
    }
  },
}

function withPlainExports(code) {
  const namespaces = new Map()
  const rest = code.replaceAll(NAMESPACE, (made, name, getters) => {
    // Named where it is made, and twice where it is given away; what the chunk itself uses of it, it may use at once.
    if (code.split(new RegExp(`\\b${name}\\b`)).length !== 4) return made
    namespaces.set(name, `{${getters.replaceAll(': () => ', ': ')}}`)
    return ''
  })
  return rest.replaceAll(GETTER, (getter, name, local) =>
    rest.includes(`\nlet ${local}`) ? getter : `exports.${name} = ${namespaces.get(local) ?? local};`,
  )
}

function withLateLibraries(code) {
  let late = code
  for (const [line, name, call] of code.matchAll(LIBRARY)) {
    late = late.replace(line, '').replaceAll(new RegExp(`\\b${name}\\b`, 'g'), call)
  }
  return late
}

/** One character beyond ASCII makes V8 hold and read the whole file as two bytes a character: 2 ms more. */
const ascii = {
  name: 'ascii',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      if (chunk.type === 'chunk') chunk.code = chunk.code.replaceAll(/[^\0-\x7f]/g, escapeOf)
    }
  },
}

function escapeOf(character) {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** What is kept of compiled code is kept for this build and no other. */
const buildName = {
  name: 'build-name',
  generateBundle(_options, bundle) {
    const chunks = Object.values(bundle).filter(({ type }) => type === 'chunk')
    const hash = createHash('sha256')
    for (const { fileName, code } of chunks.toSorted((a, b) => (a.fileName < b.fileName ? -1 : 1)))
      hash.update(`${fileName}\0${code}\0`)
    const name = hash.digest('hex').slice(0, 16)
    for (const chunk of chunks) chunk.code = chunk.code.replaceAll('__TW_RUN_BUILD__', name)
  },
}

/** Chunks whose texts are read together: what most commands load, and what a start and the supervisor load too. */
const TOGETHER = {
  asking:
    'rolldown-runtime command-line asked-first kernel control ask left-work ps-action scale-action restart-action',
  starting: 'ground supervising render start-as-asked lasting-files start-action supervise-action',
}

/**
 * The texts of those chunks once more, in two files, each read in one go. A text of over 128 KB V8 never copies: those of
 * single chunks are a third of what its young generation holds, and it copied them twice at each start.
 * Who changes a chunk by hand changes its text as well.
 */
const together = {
  name: 'together',
  generateBundle(_options, bundle) {
    const places = {}
    for (const [title, list] of Object.entries(TOGETHER)) {
      const fileName = `${title}.txt`
      let source = ''
      for (const name of list.split(' ')) {
        const start = source.length
        source += wrapped(bundle[`cli/${name}.cjs`].code)
        places[`${name}.cjs`] = [fileName, start, source.length]
      }
      if (source.length <= 128 * 1024) throw new Error(`${fileName} is so short that V8 copies its text`)
      this.emitFile({ type: 'asset', fileName: `cli/${fileName}`, source })
    }
    const entry = bundle[PROGRAM]
    entry.code = entry.code.replace('"__TW_RUN_TOGETHER__"', () => `'${JSON.stringify(places)}'`)
  },
}

/** As the function that Node would make of it, on the first line, so that lines in a stack are those of the file. */
function wrapped(code) {
  return `(function (exports, require, module, __filename, __dirname) { ${code}\n})`
}

/** What a shell runs as it stands, also before it was installed. */
const executable = {
  name: 'executable',
  generateBundle(_options, bundle) {
    const entry = bundle[PROGRAM]
    entry.code = `#!/usr/bin/env node\n${entry.code}`
  },
  writeBundle({ dir }) {
    chmodSync(join(dir, PROGRAM), 0o755)
  },
}

/** The licences of what is bundled from node_modules go where its code goes. */
const licences = {
  name: 'licences',
  generateBundle(_options, bundle) {
    const folders = new Set(
      Object.values(bundle)
        .flatMap(({ moduleIds = [] }) => moduleIds)
        .flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []),
    )
    const texts = [...folders].toSorted().map(licenceOf)
    this.emitFile({ type: 'asset', fileName: 'LICENSES', source: texts.join(`\n${'-'.repeat(80)}\n\n`) })
  },
}

function licenceOf(folder) {
  const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one))
  if (file === undefined || !existsSync(join(folder, file))) throw new Error(`${name} has no licence file`)
  return `${name} ${version}\n\n${readFileSync(join(folder, file), 'utf8').trim()}\n`
}

export default defineConfig({
  input: { 'tw-run': 'src/cli/entry.ts' },
  // The other chunks take what they share with it from there, too.
  preserveEntrySignatures: 'allow-extension',
  platform: 'node',
  external: /^node:/,
  // Which of two modules a chunk holds is none of the sources' business.
  checks: { ineffectiveDynamicImport: false },
  plugins: [lazyBuiltins, plainExports, ascii, licences, buildName, together, executable],
  output: {
    // As deep as the sources are, so that what they name beside the package is found from either.
    dir: 'dist',
    cleanDir: true,
    // Node starts a CommonJS program 3 to 6 ms sooner than the same as ECMAScript modules.
    format: 'cjs',
    entryFileNames: 'cli/[name].cjs',
    chunkFileNames: 'cli/[name].cjs',
    comments: { legal: true, annotation: false, jsdoc: false },
    codeSplitting: {
      groups: [
        // What loads the rest.
        {
          name: 'tw-run',
          test: /src\/(cli\/entry|runtime\/(chunk-text|chunks|code-pack|compiled-code|passing-memory|read-to-end))\.ts$/,
          priority: 2,
        },
        // What `version` needs, and everything else too.
        {
          name: 'command-line',
          test: /src\/(cli\/(command-line|plain-line|report|version-text)|runtime\/(clock|keep-code|terminal|system-error|write-pack|small-heap)|core\/(error|duration))\.ts$/,
          priority: 2,
        },
        // What every command asks first: on which engine the app runs, what was asked for here, and how a process is shown.
        {
          name: 'asked-first',
          test: /src\/(cli\/(engine|same-app|status-table)|runtime\/(engine-place|kept-session|proc-files|usual-places)|core\/(engine|engine-name|json|records|session|session-record))\.ts$/,
          priority: 2,
        },
        // What tells a supervisor something.
        {
          name: 'ask',
          test: /src\/(cli\/ask|core\/protocol|runtime\/(control-client|fifo|random|spare-fifo))\.ts$/,
          priority: 2,
        },
        { name: 'kernel', test: KERNEL, priority: 2 },
        { name: 'ground', test: GROUND, priority: 2 },
        // What looks at the processes of the state directory.
        { name: 'control', test: CONTROL, priority: 2 },
        // What shows lines, whoever they are of.
        {
          name: 'render',
          test: /src\/(core\/(color|lines)|runtime\/(outbox|reader-watch|render|render-json|signal))\.ts$/,
          priority: 2,
        },
        // What supervises, and what a start needs beside it: as one file, since to open, read and evaluate one takes 0.2 ms.
        {
          name: 'supervising',
          test: /src\/(cli\/(supervising|foreground|held-ground|start-view)|runtime\/supervisor)\.ts$/,
          priority: 2,
        },
        // A chunk for each pair of commands that share something would be thirty files.
        { name: 'shared', test: /\/src\/|\/(dotenv|leven)\//, minShareCount: 6, priority: 1 },
      ],
    },
  },
})
