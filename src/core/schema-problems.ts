import type { JsonPath, JsonProblem } from './json-problem.ts'
import { didYouMean } from './names.ts'

/** What a schema checker says: where in the file, and by which word of the schema. Both are JSON pointers. */
export interface SchemaError {
  readonly instanceLocation: string
  readonly keyword: string
  readonly keywordLocation: string
}

type Json = Readonly<Record<string, unknown>>

/** They only say that something inside is wrong, which has an error of its own. */
const WRAPPERS = new Set(['properties', 'additionalProperties', 'items', 'propertyNames', '$ref'])

/** What a schema says against a file, for a person. A key that the schema does not know is a warning. */
export function schemaProblems(errors: readonly SchemaError[], schema: Json): JsonProblem[] {
  return errors
    .filter(({ keyword }) => !WRAPPERS.has(keyword))
    .map(({ instanceLocation, keyword, keywordLocation }) => {
      const path = pointerSteps(instanceLocation)
      if (keyword === 'false') return unknownKey(path, siblingsOf(instanceLocation, errors, schema))
      const rule = schemaAt(pointerSteps(keywordLocation).slice(0, -1), schema)
      const isKey = keywordLocation.includes('/propertyNames/')
      return {
        severity: 'error',
        path,
        isKey,
        message: isKey ? 'is no name of a variable' : broken(keyword, rule),
      }
    })
}

function unknownKey(path: JsonPath, known: readonly string[]): JsonProblem {
  const key = String(path.at(-1))
  return {
    severity: 'warning',
    path,
    isKey: true,
    message: 'is not known here and has no effect',
    hint: didYouMean(key, known, 'keys'),
  }
}

/** The keys that the schema knows beside one that it does not. */
function siblingsOf(location: string, errors: readonly SchemaError[], schema: Json): string[] {
  const parent = location.slice(0, location.lastIndexOf('/'))
  const refusal = errors.find(
    (one) =>
      one.instanceLocation === parent &&
      one.keyword === 'additionalProperties' &&
      isNo(one.keywordLocation, schema),
  )
  if (refusal === undefined) return []
  const { properties } = schemaAt(pointerSteps(refusal.keywordLocation).slice(0, -1), schema)
  return isJson(properties) ? Object.keys(properties) : []
}

function isNo(keywordLocation: string, schema: Json): boolean {
  return schemaAt(pointerSteps(keywordLocation).slice(0, -1), schema)['additionalProperties'] === false
}

/** How a value breaks a rule, as the end of a sentence that begins with its path. */
function broken(keyword: string, rule: Json): string {
  const value = rule[keyword]
  switch (keyword) {
    case 'type':
      return `has to be ${list(value).map(named).join(' or ')}`
    case 'enum':
      return `has to be one of ${list(value).join(', ')}`
    case 'minimum':
      return `has to be at least ${String(value)}`
    case 'maximum':
      return `has to be at most ${String(value)}`
    case 'minItems':
    case 'minLength':
      return 'may not be empty'
    case 'required':
      return `needs ${list(value)
        .map((key) => `"${key}"`)
        .join(' and ')}`
    case 'pattern':
      return `is not of the form that it has to have, such as ${list(rule['examples'])
        .map((example) => JSON.stringify(example))
        .join(', ')}`
    default:
      return 'is not what it has to be'
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text in quotes',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list: [...]',
  object: 'an object: {...}',
}

function named(kind: string): string {
  return KINDS[kind] ?? kind
}

function list(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).map(String)
}

function pointerSteps(pointer: string): (string | number)[] {
  return pointer
    .replace(/^#?\/?/, '')
    .split('/')
    .filter((step) => step !== '')
    .map((step) => decodeURIComponent(step).replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
}

/** The part of a schema that a path through it leads to, by way of its references. */
function schemaAt(steps: JsonPath, schema: Json): Json {
  let at: unknown = schema
  for (const step of steps) {
    if (!isJson(at)) return {}
    const next: unknown = at[step]
    at = step === '$ref' ? schemaAt(pointerSteps(String(next)), schema) : next
  }
  return isJson(at) ? at : {}
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null
}
