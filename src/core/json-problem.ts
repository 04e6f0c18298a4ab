/** Where something stands in a JSON file: keys and indexes, from the top. */
export type JsonPath = readonly (string | number)[]

/** Something to say about a place in a JSON file. */
export interface JsonProblem {
  readonly severity: 'error' | 'warning'
  readonly path: JsonPath
  /** The key is meant, not its value. */
  readonly isKey?: boolean
  readonly message: string
  readonly hint?: string
}

/** A path as people write it: `healthchecks.web[0].path`. */
export function jsonPathText(path: JsonPath): string {
  const parts = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`
    return /^[A-Za-z_$][\w$-]*$/.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`
  })
  return parts.join('').replace(/^\./, '')
}
