import { Document, isScalar, visit } from 'yaml'

/** A key that no version of YAML takes for anything but text. */
const PLAIN_KEY = /^(?!(?:y|yes|n|no|on|off|true|false|null)$)[a-z_][a-z0-9_./-]*$/i

/**
 * YAML that every reader takes the same way, those of version 1.1 too, to which `no`, `12:30` and `1_000` are no
 * text and U+2028 ends a line: all text is in double quotes.
 */
export function toYaml(comment: string, value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false })
  document.commentBefore = ` ${comment}`
  visit(document, {
    Pair: (_, { key }) => {
      if (isScalar(key) && !PLAIN_KEY.test(String(key.value))) key.type = 'QUOTE_DOUBLE'
    },
    Scalar: (place, node) => {
      if (place !== 'key' && typeof node.value === 'string') node.type = 'QUOTE_DOUBLE'
    },
  })
  return document.toString({ lineWidth: 0 }).replaceAll(ODD, escapeUnicode)
}

/** What readers drop, refuse or take for the end of a line. */
const ODD = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g

function escapeUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
