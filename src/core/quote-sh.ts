/** A word of a POSIX shell, which means itself and nothing else. */
export function quoteSh(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}

/** Those of these variables that are set, as a shell assigns or exports them: `A='1' B='2'`. */
export function assignments(env: Readonly<Record<string, string>>, keys = Object.keys(env)): string {
  return keys.flatMap((key) => (env[key] === undefined ? [] : `${key}=${quoteSh(env[key])}`)).join(' ')
}

/** A word of a shell, as a person would type it. */
export function wordSh(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quoteSh(text)
}
