import type { SwarmService } from '../core/swarm.ts'
import { parseProcessId } from '../core/names.ts'
import type { LineSink, LogRequest } from './engine.ts'
import { streamLines } from './engine-stream.ts'
import type { Stream } from './engine-stream.ts'

/** What `docker service logs --timestamps` puts in front of a line: time, service, slot, task, node. */
const HEAD = /^(\S+) (\S+)\.(\d+)\.(\w+)@(.*?) +\| ?/

/** Shows what the processes of these services write; the lines of one process in the order it wrote them. */
export async function showSwarmLogs(
  services: readonly SwarmService[],
  { targets, lines, since, follow, over }: LogRequest,
  sink: LineSink,
): Promise<void> {
  const streams: Stream[] = []
  const held: { process: string; time: number; text: Buffer }[] = []
  const options = [
    ...(follow ? ['--follow'] : []),
    '--timestamps',
    '--tail',
    String(lines),
    ...(since === undefined ? [] : ['--since', `${Math.ceil(since / 1000)}s`]),
  ]
  const endAll = async (): Promise<void> => {
    await Promise.all(streams.map((stream) => stream.end()))
  }
  const take = (type: string, line: Buffer): void => {
    const read = readLine(type, line)
    if (read === undefined || !isTarget(read.process, targets)) return
    if (!follow) held.push(read)
    else if (!sink(read)) void endAll()
  }
  const isWanted = (type: string): boolean =>
    targets.length === 0 || targets.some((word) => (parseProcessId(word)?.type ?? word) === type)
  const end = (): void => void endAll()
  try {
    for (const { name, type } of services.filter((service) => isWanted(service.type.name))) {
      const args = ['service', 'logs', ...options, name]
      streams.push(streamLines('docker', args, (line) => take(type.name, line)))
    }
    over.addEventListener('abort', end)
    // Nobody is told of a signal that came while the services were looked for.
    if (over.aborted) end()
    await Promise.all(streams.map(({ ended }) => ended))
  } finally {
    over.removeEventListener('abort', end)
    await endAll()
  }
  for (const line of held.toSorted((a, b) => a.time - b.time)) if (!sink(line)) return
}

function isTarget(process: string, targets: readonly string[]): boolean {
  return (
    targets.length === 0 || targets.includes(process) || targets.includes(parseProcessId(process)?.type ?? '')
  )
}

function readLine(type: string, line: Buffer): { process: string; time: number; text: Buffer } | undefined {
  // Latin-1 keeps every byte; what is in front of the line is ASCII but for the node's name.
  const head = HEAD.exec(line.toString('latin1'))
  if (head === null) return undefined
  const [all, time = '', , slot = ''] = head
  return { process: `${type}.${slot}`, time: Date.parse(time), text: line.subarray(all.length) }
}
