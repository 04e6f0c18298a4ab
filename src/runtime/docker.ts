import { TwRunError } from '../core/error.ts'
import { isObject, isText, listAt, textAt } from '../core/json.ts'
import type { Json } from '../core/json.ts'
import { callEngine, firstWords, jsonOf, parseJson } from './engine-call.ts'
import type { Called, CallOptions } from './engine-call.ts'

/** Inspected at once: an argument list has an end. */
const AT_ONCE = 500

/** Calls `docker`, with context, host and credentials as the user has them. Errors: TwRunError 1 for any failure. */
export async function docker(args: readonly string[], options: CallOptions = {}): Promise<string> {
  const called = await callEngine('docker', args, options)
  if (called.code === 0) return called.stdout
  throw refusalOf(called)
}

/** The same, for what may have gone meanwhile: undefined then. */
export async function dockerIfThere(args: readonly string[]): Promise<string | undefined> {
  const called = await callEngine('docker', args)
  if (called.code === 0) return called.stdout
  if (/no such|not found/i.test(called.stderr)) return undefined
  throw refusalOf(called)
}

/** What `docker inspect` knows of those that are still there. */
export async function inspect(kind: string, ids: readonly string[]): Promise<Json[]> {
  const found: Json[] = []
  const args = ['inspect', '--type', kind]
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const some = ids.slice(from, from + AT_ONCE)
    const called = await callEngine('docker', [...args, ...some])
    if (called.code !== 0 && !/no such|not found/i.test(called.stderr)) throw refusalOf(called)
    if (called.code !== 0 && called.stdout === '') continue
    found.push(...jsonOf('docker', [...args, ...some.slice(0, 1)], called.stdout, isList).filter(isObject))
  }
  return found
}

export function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '')
}

/** The id of the swarm that this machine's `docker` manages. Errors: TwRunError 1, each with what to type. */
export async function swarmId(): Promise<string> {
  const args = ['info', '--format', '{{json .}}']
  const { code, stdout, stderr } = await callEngine('docker', args)
  // A daemon that fails may have said why in what it printed.
  const info = code === 0 ? jsonOf('docker', args, stdout, isObject) : parseJson(stdout)
  const [trouble] = listAt(info, 'ServerErrors')
  if (code !== 0 || trouble !== undefined) {
    throw refusalOf({ code: 1, stdout, stderr: isText(trouble) ? trouble : stderr })
  }
  if (textAt(info, 'Swarm', 'LocalNodeState') !== 'active') {
    throw new TwRunError('the Docker daemon is in no swarm', {
      exitCode: 1,
      // Without an address to listen on, it listens on all of them.
      hint: 'make one: docker swarm init --listen-addr 127.0.0.1 --advertise-addr 127.0.0.1, or choose another daemon with docker context use',
    })
  }
  const cluster = textAt(info, 'Swarm', 'Cluster', 'ID')
  if (cluster !== '') return cluster
  throw new TwRunError('this Docker daemon is a worker of its swarm, and only managers take commands', {
    exitCode: 1,
    hint: 'choose a manager with: docker context use <name>, or DOCKER_HOST',
  })
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

/** One sentence for each way in which the command fails, and what to type. */
function refusalOf({ stderr }: Called): TwRunError {
  const said = firstWords(stderr)
  if (/permission denied/i.test(stderr) && /connect|docker\.sock|daemon/i.test(stderr)) {
    return new TwRunError('no permission to use the Docker daemon', {
      exitCode: 1,
      hint: 'join its group and log in again: sudo usermod -aG docker $USER',
    })
  }
  if (/context .*(not found|does not exist)|no context|unable to resolve docker endpoint/i.test(stderr)) {
    return new TwRunError(`docker has no such context: ${said}`, {
      exitCode: 1,
      hint: 'list them with docker context ls, choose one with: docker context use <name>',
    })
  }
  if (
    /cannot connect|error during connect|connection refused|no such host|dial |i\/o timeout/i.test(stderr)
  ) {
    return new TwRunError(`the Docker daemon cannot be reached: ${said}`, {
      exitCode: 1,
      hint: 'start it (systemctl start docker), or name another one with docker context use or DOCKER_HOST',
    })
  }
  if (/not a swarm manager|no leader|does not have a leader/i.test(stderr)) {
    return new TwRunError(`the swarm takes no commands here: ${said}`, {
      exitCode: 1,
      hint: 'see its managers with: docker node ls',
    })
  }
  return new TwRunError(`docker: ${said === '' ? 'it failed and did not say why' : said}`, { exitCode: 1 })
}
