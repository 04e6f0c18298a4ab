import { TwRunError } from '../core/error.ts'

/** What a property list is made of. */
export type PlistValue =
  | string
  | number
  | boolean
  | readonly PlistValue[]
  | { readonly [key: string]: PlistValue }

const HEAD = `<?xml version="1.0" encoding="UTF-8"?>
`
const DOCTYPE = `<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
`

/** A property list as XML, with a comment above it. Errors: TwRunError for a character that XML cannot hold. */
export function plist(comment: string, value: PlistValue): string {
  // Two hyphens would end it, or make it none.
  const inside = comment.replaceAll(/-(?=-|$)/g, '- ')
  return `${HEAD}<!-- ${inside} -->\n${DOCTYPE}${element(value, '')}</plist>\n`
}

function element(value: PlistValue, indent: string): string {
  if (typeof value === 'string') return `${indent}<string>${quoteXml(value)}</string>\n`
  if (typeof value === 'number') return `${indent}<integer>${value}</integer>\n`
  if (typeof value === 'boolean') return `${indent}<${value}/>\n`
  return container(value, indent)
}

function container(
  value: readonly PlistValue[] | { readonly [key: string]: PlistValue },
  indent: string,
): string {
  const deeper = `${indent}  `
  if (Array.isArray(value)) {
    const items = value.map((item: PlistValue) => element(item, deeper))
    return `${indent}<array>\n${items.join('')}${indent}</array>\n`
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${deeper}<key>${quoteXml(key)}</key>\n${element(item, deeper)}`,
  )
  return `${indent}<dict>\n${entries.join('')}${indent}</dict>\n`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' }

/** Text between two tags. A carriage return would be read as a line feed. */
function quoteXml(text: string): string {
  // XML 1.0 has no way to write these at all.
  if (/[^\P{Cc}\t\n\r\x7f-\x9f]|[\ufffe\uffff]/u.test(text)) {
    throw new TwRunError(
      'a property list cannot hold a control character of a command or of the environment',
      {
        exitCode: 2,
        hint: 'find it with: cat -v Procfile .env',
      },
    )
  }
  return text.replaceAll(/[&<>\r]/g, (character) => ENTITIES[character] ?? character)
}
