import { createRequire } from 'node:module'
import { join } from 'node:path'
import { soundPart } from '../core/app-json-sound.ts'
import { decodeAppJson } from '../core/app-json.ts'
import type { AppJson } from '../core/app-json.ts'
import type { Diagnostic } from '../core/diagnostic.ts'
import type { EnvironmentLayers } from '../core/environment.ts'
import type { Counts } from '../core/formation.ts'
import { jsonPathText } from '../core/json-problem.ts'
import type { JsonProblem } from '../core/json-problem.ts'
import { isStage } from '../core/names.ts'
import { NO_MANIFEST } from '../core/rules.ts'
import type { Manifest } from '../core/rules.ts'
import { schemaProblems } from '../core/schema-problems.ts'
import { readTextFile } from './text-file.ts'

/** The name of the manifest, in the root. */
export const APP_JSON = 'app.json'

/** What app.json says, and all that is wrong or doubtful in it, in the order of the file. */
export interface AppJsonFile {
  readonly manifest: Manifest
  readonly found: readonly Diagnostic[]
  /** A warning about a place in it. */
  readonly warn: (problem: Omit<JsonProblem, 'severity'>) => Diagnostic
}

/**
 * Reads app.json of the root for these process types; without the file, nothing is said. Errors: TwRunError 2 for a
 * file that cannot be read; what is wrong in it is returned.
 */
export function readAppJson(root: string, types: readonly string[]): AppJsonFile {
  const read = readTextFile(join(root, APP_JSON), APP_JSON)
  if (read === undefined) {
    return { manifest: NO_MANIFEST, found: [], warn: () => notThere() }
  }
  const text = read.replace(/^\ufeff/, '')
  const tree = parse(text)
  const { source } = tree
  if (source === undefined) {
    return { manifest: NO_MANIFEST, found: tree.errors, warn: () => notThere() }
  }
  const inSchema = validate(source.value)
  const broken = inSchema.filter(({ severity }) => severity === 'error').map(({ path }) => path)
  const { value, inWhole } = soundPart(source.value, broken)
  const { manifest, problems } = decodeAppJson(value as AppJson, types)
  const further = problems.map((problem) => ({ ...problem, path: inWhole(problem.path) }))
  const found = [...source.doubles, ...inSchema, ...further]
    .map(source.diagnose)
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
  return {
    manifest: broken.length > 0 ? NO_MANIFEST : manifest,
    found,
    warn: (problem) => source.diagnose({ ...problem, severity: 'warning' }),
  }
}

/** Warnings for each type that waits for one of which none runs: there is nothing to wait for then. */
export function idleDependencies({ manifest, warn }: AppJsonFile, counts: Counts): Diagnostic[] {
  return [...manifest.rules].flatMap(([type, { dependsOn = [] }]) =>
    dependsOn
      .filter((dependency) => (counts.get(type) ?? 0) > 0 && counts.get(dependency.type) === 0)
      .map((dependency) =>
        warn({
          path: ['tw-run', type, 'dependsOn'],
          isKey: true,
          message: `waits for nothing: no ${dependency.type} runs in this formation`,
        }),
      ),
  )
}

/** A warning where it gives each type 0, and nobody gave one more: only what is asked for at the start runs then. */
export function idleFormation({ manifest, warn }: AppJsonFile, counts: Counts): Diagnostic[] {
  const running = [...counts].filter(([type]) => !isStage(type))
  const quantity = (type: string): number | undefined =>
    Object.hasOwn(manifest.quantities, type) ? manifest.quantities[type] : undefined
  const isIdle = running.every(([type, count]) => count === 0 && quantity(type) === 0)
  if (running.length === 0 || !isIdle) return []
  return [
    warn({
      path: ['formation'],
      isKey: true,
      message: 'nothing runs but what is asked for: each type has 0',
      hint: `give it one: --formation ${running[0]?.[0]}=1`,
    }),
  ]
}

/** The environment with the default values of app.json below everything else. */
export function withDefaults(layers: EnvironmentLayers, { defaults }: Manifest): EnvironmentLayers {
  if (Object.keys(defaults).length === 0) return layers
  return { ...layers, defaults: { name: APP_JSON, entries: defaults } }
}

/** The required variables that nobody has set, or has set to nothing. */
export function missingVariables({ required }: Manifest, layers: EnvironmentLayers): string[] {
  const all = [...layers.files, layers.shell]
  return required.filter((name) => all.every(({ entries }) => (entries[name] ?? '') === ''))
}

function notThere(): never {
  throw new Error('nothing can be said of an app.json that is not there')
}

// Loaded only where there is an app.json: loading them takes longer than all the rest of a start.
const load = (id: string): unknown => createRequire(import.meta.url)(id)

function validate(value: unknown): JsonProblem[] {
  const { Validator } = load('@cfworker/json-schema') as typeof import('@cfworker/json-schema')
  const schema = load('../../schema/app.schema.json') as Record<string, unknown>
  const { errors } = new Validator(schema, '7', false).validate(value)
  return schemaProblems(errors, schema)
}

interface Source {
  readonly value: unknown
  /** Keys that are there twice: JSON keeps the last one in silence. */
  readonly doubles: readonly JsonProblem[]
  readonly diagnose: (problem: JsonProblem) => Diagnostic
}

type Node = import('jsonc-parser').Node

function parse(text: string): { readonly source?: Source; readonly errors: readonly Diagnostic[] } {
  const json = load('jsonc-parser') as typeof import('jsonc-parser')
  const wrong: import('jsonc-parser').ParseError[] = []
  const tree = json.parseTree(text, wrong, { disallowComments: true, allowTrailingComma: false })
  const [first] = wrong
  if (tree === undefined || first !== undefined) {
    const code = first === undefined ? 'ValueExpected' : json.printParseErrorCode(first.error)
    const place = placeOf(text, first ?? { offset: 0, length: 1 })
    return { errors: [{ ...place, severity: 'error', message: WRONG_JSON[code] ?? 'this is no JSON' }] }
  }
  const diagnose = ({ severity, path, isKey, message, hint }: JsonProblem): Diagnostic => {
    // A type may be called 1.
    const step = (node: Node, key: string | number): Node =>
      json.findNodeAtLocation(node, [node.type === 'object' ? String(key) : key]) ?? node
    const node = path.reduce(step, tree)
    const place = isKey === true ? (node.parent?.children?.[0] ?? node) : node
    const named = path.length === 0 ? message : `${jsonPathText(path)}: ${message}`
    return { ...placeOf(text, place), severity, message: named, ...(hint !== undefined && { hint }) }
  }
  return { source: { value: json.getNodeValue(tree), doubles: doublesIn(tree, []), diagnose }, errors: [] }
}

const WRONG_JSON: Readonly<Record<string, string>> = {
  InvalidCommentToken: 'JSON has no comments',
  PropertyNameExpected: 'a key in double quotes is expected here; the last one has no comma after it',
  ValueExpected: 'a value is expected here; the last one has no comma after it',
  ColonExpected: 'a colon is expected here',
  CommaExpected: 'a comma is expected here',
  CloseBraceExpected: 'a } is missing',
  CloseBracketExpected: 'a ] is missing',
  EndOfFileExpected: 'this is one thing too many: the file is over before it',
  UnexpectedEndOfString: 'a quote is opened here and never closed',
}

/** The place of something in a text that may have several lines: only its first one is shown. */
function placeOf(text: string, { offset, length }: { offset: number; length: number }) {
  const before = text.slice(0, offset)
  const from = before.lastIndexOf('\n') + 1
  const source = (/^[^\r\n]*/.exec(text.slice(from)) ?? [''])[0]
  const column = offset - from + 1
  return {
    file: APP_JSON,
    line: before.split('\n').length,
    column,
    length: Math.max(1, Math.min(length, source.length - column + 1)),
    source,
  }
}

function doublesIn(node: Node, path: readonly (string | number)[]): JsonProblem[] {
  const children = node.children ?? []
  if (node.type === 'array') return children.flatMap((child, index) => doublesIn(child, [...path, index]))
  const seen = new Set<string>()
  return children.flatMap((property) => {
    const [key, value] = property.children ?? []
    const name = String(key?.value)
    const isDouble = seen.has(name)
    seen.add(name)
    const here = [...path, name]
    const double: JsonProblem[] = isDouble
      ? [{ severity: 'error', path: here, isKey: true, message: 'is there twice' }]
      : []
    return [...double, ...(value === undefined ? [] : doublesIn(value, here))]
  })
}
