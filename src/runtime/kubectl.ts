import { TwRunError } from '../core/error.ts'
import type { EnginePlace } from '../core/engine.ts'
import { isObject, listAt, textAt } from '../core/json.ts'
import type { Json } from '../core/json.ts'
import { callEngine, firstWords, jsonOf } from './engine-call.ts'
import type { Called, CallOptions } from './engine-call.ts'

/** What the server is given for one answer; kubectl asks several times, so there is a limit of ours around it. */
const REQUEST_TIMEOUT = '--request-timeout=10s'

/** Where kubectl works: a context and a namespace, both empty for what the pod it runs in may do. */
export type Where = Pick<EnginePlace, 'cluster' | 'namespace'>

/** The options that keep a call to one context and one namespace, whatever the user chooses meanwhile. */
export function placeOptions({ cluster, namespace }: Where): string[] {
  return [
    ...(cluster === '' ? [] : [`--context=${cluster}`]),
    ...(namespace === '' ? [] : [`--namespace=${namespace}`]),
  ]
}

/** Calls `kubectl` and returns what it printed. Errors: TwRunError 1 for any failure, with what to type. */
export async function kubectl(
  where: Where,
  args: readonly string[],
  options: CallOptions = {},
): Promise<string> {
  const called = await tryKubectl(where, args, options)
  if (called.code === 0) return called.stdout
  throw refusalOf(called, where)
}

/** The same for what may fail: whoever calls looks at the code. */
export async function tryKubectl(
  where: Where,
  args: readonly string[],
  options: CallOptions = {},
): Promise<Called> {
  return callEngine('kubectl', [...placeOptions(where), REQUEST_TIMEOUT, ...args], options)
}

/** What `kubectl` printed, as an object. Errors: as those of `kubectl`, and TwRunError 1 if it printed something else. */
export async function kubectlJson(where: Where, args: readonly string[]): Promise<Json> {
  return printedJson(where, args, await kubectl(where, args))
}

/** The same of what it has printed already. */
export function printedJson(where: Where, args: readonly string[], stdout: string): Json {
  return jsonOf('kubectl', [...placeOptions(where), ...args], stdout, isObject)
}

/** The current context and its namespace. Errors: TwRunError 1 if none is chosen, or there is none of that name. */
export async function currentPlace(): Promise<Where> {
  const args = ['config', 'view', '--minify', '--output=json']
  const called = await callEngine('kubectl', args)
  if (called.code !== 0) {
    // Inside a pod kubectl needs no file, and knows no context.
    if ((process.env['KUBERNETES_SERVICE_HOST'] ?? '') !== '' && /current-context/.test(called.stderr)) {
      return { cluster: '', namespace: '' }
    }
    throw refusalOf(called, { cluster: '', namespace: '' })
  }
  const config = jsonOf('kubectl', args, called.stdout, isObject)
  const [context] = listAt(config, 'contexts')
  const cluster = textAt(context, 'name') || textAt(config, 'current-context')
  if (cluster === '') throw noContext('none is chosen')
  return { cluster, namespace: textAt(context, 'context', 'namespace') || 'default' }
}

function noContext(said: string): TwRunError {
  return new TwRunError(`kubectl has no context to work in: ${said}`, {
    exitCode: 1,
    hint: 'list them with kubectl config get-contexts, choose one with: kubectl config use-context <name>',
  })
}

const UNREACHABLE =
  /unable to connect|connection refused|was refused|no such host|i\/o timeout|timeout|timed out|deadline exceeded|connection reset|\bEOF\b|no route to host|network is unreachable|x509|tls/i

/** One sentence for each way in which the command fails, in the server's own words, and what to type. */
export function refusalOf({ stderr }: Called, { cluster, namespace }: Where): TwRunError {
  const said = firstWords(stderr)
  const context = cluster === '' ? 'the cluster' : `the cluster of context "${cluster}"`
  if (
    /context .*(does not exist|not found|was not found)|no context exists|current-context|no configuration has been provided/i.test(
      stderr,
    )
  ) {
    return noContext(said)
  }
  if (/forbidden/i.test(stderr) && !/exceeded quota/i.test(stderr)) {
    return new TwRunError(`no permission: ${said}`, {
      exitCode: 1,
      hint: `see what you may do: kubectl auth can-i --list${namespace === '' ? '' : ` --namespace ${namespace}`}`,
    })
  }
  if (/unauthorized|must be logged in|provide credentials|getting credentials/i.test(stderr)) {
    return new TwRunError(`${context} does not know you: ${said}`, {
      exitCode: 1,
      hint: 'log in again, then try: kubectl auth whoami',
    })
  }
  if (/namespaces? "[^"]*" not found/i.test(stderr)) {
    return new TwRunError(`there is no namespace "${namespace}" in ${context}`, {
      exitCode: 1,
      hint: `make it: kubectl create namespace ${namespace}`,
    })
  }
  if (UNREACHABLE.test(stderr) && !/error from server \((?!timeout)/i.test(stderr)) {
    return new TwRunError(`${context} cannot be reached: ${said}`, {
      exitCode: 1,
      hint: 'see whether it answers you: kubectl version; choose another one with: kubectl config use-context <name>',
    })
  }
  return new TwRunError(`kubectl: ${said === '' ? 'it failed and did not say why' : said}`, { exitCode: 1 })
}
