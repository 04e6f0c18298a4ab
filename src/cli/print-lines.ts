import { wantsColor } from '../core/color.ts'
import type { Settings } from '../core/settings.ts'
import { Outbox } from '../runtime/outbox.ts'
import { makeRender } from '../runtime/render.ts'
import { isTerminal, say } from '../runtime/terminal.ts'

const STDOUT = 1
const NEWLINE = 0x0a

/** Shows what a process wrote at a time (ms since 1970) on stdout; false once nobody reads. */
export type PrintLines = (process: string, bytes: Buffer, time: number) => boolean

/** The lines of each process are numbered from 1, as they are shown. */
export async function linePrinter(
  { logFormat: format, timestamps, prefix, color }: Settings,
  types: readonly string[],
  ids: readonly string[],
): Promise<PrintLines> {
  const isColored = wantsColor(color, process.env, isTerminal(STDOUT))
  const paint = isColored ? (await import('../runtime/paint.ts')).makePaint(types) : undefined
  const width = Math.max('system'.length, ...ids.map((id) => id.length))
  const render = makeRender({ format, timestamps, prefix, width: () => width, paint })
  const out = new Outbox()
  const shown = new Map<string, number>()
  return (id, bytes, time) => {
    const seq = shown.get(id) ?? 1
    out.clear()
    const isPartial = bytes.at(-1) !== NEWLINE
    shown.set(id, seq + render(bytes, { process: id, seq, time, isPartial }, out))
    return say(STDOUT, out.bytes)
  }
}
