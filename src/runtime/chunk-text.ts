import { basename, dirname, join } from 'node:path'
import { passingMemory } from './passing-memory.ts'
import { readFile } from './read-to-end.ts'

/** When the bundle is made, this place gets, by the name of a chunk, the file that has its text, and from where to where. */
const TOGETHER = '__TW_RUN_TOGETHER__'
const BEFORE = Buffer.from('(function (exports, require, module, __filename, __dirname) { ')
const AFTER = Buffer.from('\n})')

let places: Readonly<Record<string, readonly [file: string, start: number, end: number]>> | undefined
const texts = new Map<string, string>()

/**
 * The code of a chunk as the function that Node would make of it, on the first line, so that lines in a stack are those
 * of its file. Errors: those of open(2) and read(2).
 */
export function chunkText(filename: string): string {
  places ??= JSON.parse(TOGETHER) as NonNullable<typeof places>
  const place = places[basename(filename)]
  // As bytes: a string that is made of strings is copied once more.
  if (place === undefined) return Buffer.concat([BEFORE, bytesOf(filename), AFTER]).toString('latin1')
  const [file, start, end] = place
  const all = texts.get(file) ?? bytesOf(join(dirname(filename), file)).toString('latin1')
  texts.set(file, all)
  return all.slice(start, end)
}

/** Of a file that is ASCII. */
function bytesOf(path: string): Buffer {
  const { bytes, length } = readFile(path, passingMemory())
  return bytes.subarray(0, length)
}
