import fc from 'fast-check'

/** What means something to a shell, a unit, an INI file, YAML, XML or Python. */
const SPECIAL = [
  ...Array.from(`'"\`$%\\#;&|<>(){}[]*?~!^=,:@+-_/. `),
  '\t',
  '$$',
  '$HOME',
  '${PATH}',
  '$(id)',
  '%i',
  '%%',
  '%(process_num)d',
  '\\n',
  '\\x41',
  '\\\\',
  ' #',
  ' ;',
  '\u00a0#',
  '&amp;',
  ']]>',
  'é',
  '日本',
  '😀',
  '\u0085',
  '\u2028',
  '\ufeff',
  'no',
  'a',
  '0',
]

/** What a line of a Procfile may hold beside; XML may not. */
const CONTROL = ['\r', '\u0001', '\u001b', '\u007f']

const SEED = 20_261

/** So many texts, each of one line, full of what has a meaning somewhere. */
export function awkwardTexts(count: number, more: readonly string[] = []): string[] {
  const unit = fc.constantFrom(...SPECIAL, ...more)
  return fc.sample(fc.string({ unit, minLength: 1, maxLength: 24 }), { numRuns: count, seed: SEED })
}

export function awkwardLines(count: number): string[] {
  return awkwardTexts(count, CONTROL)
}

/** Of several lines too: what a variable may hold. */
export function awkwardValues(count: number): string[] {
  return awkwardTexts(count, [...CONTROL, '\n', '\n\n'])
}
