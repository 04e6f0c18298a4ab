import { Command } from 'commander'
import type { Environment } from '../core/environment.ts'
import type { ProcessPlan } from '../core/expand.ts'
import type { App } from '../runtime/load.ts'
import { isTerminal, mention, say } from '../runtime/terminal.ts'
import { flagsOf, withOptions } from './options.ts'

interface Row {
  readonly name: string
  readonly origin: string
  readonly shadowed: readonly string[]
  /** Only where values were asked for. */
  readonly value?: string
}

export function envCommand(): Command {
  const command = new Command('env')
    .description('print the names of the variables that a process would get')
    .argument('[process]', 'such as web.2 (default: the first of the formation)')
    .option('--explain', 'say where each variable comes from, and what it shadows')
    .option('--show-values', 'print the values too, secrets included')
    .option('--json', 'print JSON')
  withOptions(command, 'app', 'environment', 'formation', 'color', 'state')
  return command.action(async (name?: string) => {
    const { loadApp, requireProcesses } = await import('../runtime/load.ts')
    const { environmentFor, isShellName } = await import('../core/environment.ts')
    const { wantsColor } = await import('../core/color.ts')
    const app = loadApp(flagsOf(command), process.env)
    requireProcesses(app)
    const plan = await choose(name, app)
    const environment = environmentFor(app.layers, app.settings.envPrecedence, {
      id: plan.id,
      token: NEW_EACH_TIME,
      port: plan.port,
      scratch: NEW_EACH_TIME,
      root: app.root,
      color: wantsColor(app.settings.color, process.env, isTerminal(1)),
    })
    const { explain, showValues, json } = command.opts<{ explain?: true; showValues?: true; json?: true }>()
    const all = rowsOf(environment, showValues === true)
    const rows = all.filter(({ name }) => isShellName(name))
    if (json === true) say(1, asJson(plan, rows))
    else say(1, await (explain === true ? explained(rows) : listed(rows)))
    const lost = all.filter(({ name }) => !isShellName(name)).map(({ name }) => name)
    if (lost.length > 0) mention(await lostNote(lost))
  })
}

/** dash drops them; bash hands them on, where it stands in between. */
async function lostNote(names: readonly string[]): Promise<string> {
  const { printable } = await import('../core/printable.ts')
  return `note: left out, since not every shell hands on variables of such names: ${printable(names.join(', '))}\n`
}

const NEW_EACH_TIME = '(new at each start)'

async function choose(name: string | undefined, app: App): Promise<ProcessPlan> {
  const plan = name === undefined ? app.plan[0] : app.plan.find(({ id }) => id === name)
  if (plan !== undefined) return plan
  const { noSuchProcess } = await import('./messages.ts')
  throw noSuchProcess(name ?? '', app)
}

function rowsOf(environment: Environment, withValues: boolean): Row[] {
  const names = [...environment.keys()].toSorted()
  return names.flatMap((name) => {
    const variable = environment.get(name)
    if (variable === undefined) return []
    const { value, origin, shadowed } = variable
    return [{ name, origin, shadowed, ...(withValues ? { value } : {}) }]
  })
}

function asJson({ id, type, instance, port }: ProcessPlan, variables: readonly Row[]): string {
  return `${JSON.stringify({ process: id, type, instance, port, variables })}\n`
}

async function listed(rows: readonly Row[]): Promise<string> {
  const { printable } = await import('../core/printable.ts')
  return rows
    .map(({ name, value }) => `${printable(name)}${value === undefined ? '' : `=${printable(value)}`}\n`)
    .join('')
}

async function explained(rows: readonly Row[]): Promise<string> {
  const { printable } = await import('../core/printable.ts')
  const { table } = await import('./messages.ts')
  const lines = rows.map(({ name, origin, shadowed, value }) => {
    const over = shadowed.length === 0 ? '' : `(over ${shadowed.join(', ')})`
    return [printable(name), value === undefined ? '' : printable(value), `${origin} ${over}`]
  })
  return table(lines.map(([name = '', value = '', origin = '']) => [name, origin, value]))
}
