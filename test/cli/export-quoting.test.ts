import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { shellText } from '../../src/core/command.ts'
import { FORMATS } from '../../src/exporters/index.ts'
import type { ExportInput } from '../../src/exporters/input.ts'
import { planFiles, writeFiles } from '../../src/runtime/export-files.ts'
import { awkwardLines, awkwardValues } from '../support/awkward.ts'
import { RULES, SAMPLE, type } from '../support/export-sample.ts'
import { until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { cleanEnvironment } from '../support/rig.ts'
import { MANAGERS } from '../support/service-manager.ts'
import type { ServiceManager } from '../support/service-manager.ts'

const COUNT = 200
const DEADLINE_MS = 120_000
const ONCE = { ...RULES, restart: { when: 'no' } as const }

const open: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of open.splice(0)) await close()
}, DEADLINE_MS)

/** A command that writes a text, said in one of three ways of a shell, to a file of its number. */
function commandFor(text: string, index: number): string {
  const ways = [
    () => `'${text.replaceAll("'", `'"'"'`)}'`,
    () => `"${text.replaceAll(/["\\$`]/g, String.raw`\$&`)}"`,
    () => text.replaceAll(/[^A-Za-z0-9]/gu, String.raw`\$&`),
  ]
  return `printf %s ${ways[index % ways.length]!()} >next-${index} && mv next-${index} out-${index}`
}

function inputFor(root: string, texts: readonly string[], values: readonly string[]): ExportInput {
  const dump = type('env', 'env -0 >next-env && mv next-env out-env; exec sleep 1000', portAt(0))
  return {
    app: 'quoting',
    root,
    types: [
      dump,
      ...texts.map((text, index) => type(`t${index}`, commandFor(text, index), portAt(1), { rules: ONCE })),
    ],
    stages: [],
    environment: Object.fromEntries(values.map((value, index) => [`V${index}`, value])),
    user: undefined,
    localUser: undefined,
    image: undefined,
  }
}

function folders(): { root: string; other: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'tw-run-test-')))
  open.push(async () => rmSync(folder, { recursive: true, force: true }))
  const root = join(folder, `it's 100% "my" app é`)
  const other = join(folder, 'manager')
  mkdirSync(root)
  mkdirSync(other)
  return { root, other }
}

test(
  'sh itself: what the commands of this test write is what they are made of',
  () => {
    const { root } = folders()
    for (const [index, text] of awkwardLines(COUNT).entries()) {
      const { status } = spawnSync('/bin/sh', ['-c', shellText(commandFor(text, index))], { cwd: root })
      expect(status, commandFor(text, index)).toBe(0)
      expect(readFileSync(join(root, `out-${index}`), 'utf8')).toBe(text)
    }
  },
  DEADLINE_MS,
)

describe.each(MANAGERS)('$format', (kind) => {
  requires(...kind.needs)(
    `${COUNT} commands and as many variables arrive as they are`,
    async () => {
      const texts = awkwardLines(COUNT)
      const values = awkwardValues(COUNT)
      const { root, other } = folders()
      const manager: ServiceManager = await kind.open(other)
      open.unshift(() => manager.end())
      const exporter = await FORMATS.get(kind.format)!.load()
      writeFiles(planFiles(manager.folder, exporter(inputFor(root, texts, values)).files))
      await manager.up()
      const arrived = (name: string): string | undefined =>
        existsSync(join(root, name)) ? readFileSync(join(root, name), 'utf8') : undefined
      await until(
        () =>
          `these: ${texts.flatMap((_, index) => (arrived(`out-${index}`) === undefined ? [index] : [])).join()}`,
        () =>
          arrived('out-env') !== undefined &&
          texts.every((_, index) => arrived(`out-${index}`) !== undefined),
        60_000,
      )
      expect(texts.map((_, index) => arrived(`out-${index}`))).toEqual(texts)
      const environment = new Map(
        arrived('out-env')!
          .split('\0')
          .map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
      )
      expect(values.map((_, index) => environment.get(`V${index}`))).toEqual(values)
      expect([environment.get('PORT'), environment.get('PS')]).toEqual([String(portAt(0)), 'env.1'])
    },
    DEADLINE_MS,
  )
})

/** Runs a Python program of Debian, whose modules come with its packages; its output as JSON. */
function python(program: string, input: string): unknown {
  const options = { input, encoding: 'utf8', maxBuffer: 1e8, env: cleanEnvironment() } as const
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program], options)
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout)
}

/** What docker-compose makes of a file; its command would print it in a form that not every text survives. */
const LOAD = `
import json, os, sys
from compose.config.config import ConfigDetails, ConfigFile, load
path = json.load(sys.stdin)
loaded = load(ConfigDetails(os.path.dirname(path), [ConfigFile.from_filename(path)]))
print(json.dumps([{key: service.get(key) for key in ('name', 'command', 'environment')} for service in loaded.services]))`

interface ComposeService {
  readonly name: string
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

describe('compose', () => {
  const texts = awkwardLines(COUNT)
  const values = awkwardValues(COUNT)
  const render = async (): Promise<string> => {
    const exporter = await FORMATS.get('compose')!.load()
    const input = { ...inputFor('/srv/app', texts, values), image: 'img' }
    return exporter(input)
      .files.map(({ text }) => text)
      .join('')
  }
  const commands = texts.map((text, index) => shellText(commandFor(text, index)))
  const undollar = (text: string): string => text.replaceAll('$$', '$')

  requires('docker-compose')('two readers of YAML take the same from it', async () => {
    const text = await render()
    const read = [
      parse(text),
      python('import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin)))', text),
    ]
    for (const file of read as { services: Record<string, { command: string[]; environment: string[] }> }[]) {
      expect(commands.map((_, index) => undollar(file.services[`t${index}`]!.command[0]!))).toEqual(commands)
      const variables = file.services['env']!.environment.map(undollar)
      for (const [index, value] of values.entries()) expect(variables).toContain(`V${index}=${value}`)
    }
  })

  requires('docker-compose')(
    'docker-compose takes it, and puts no variable in the place of a dollar sign',
    async () => {
      const { root } = folders()
      const path = join(root, 'compose.yaml')
      // Its first version knows no name of a project.
      writeFileSync(path, (await render()).replace(/^name: .*\n/m, ''))
      const services = python(LOAD, JSON.stringify(path)) as readonly ComposeService[]
      const named = new Map(services.map((service) => [service.name, service]))
      expect(commands.map((_, index) => named.get(`t${index}`)?.command[0])).toEqual(commands)
      expect(values.map((_, index) => named.get('env')?.environment[`V${index}`])).toEqual(values)
    },
    DEADLINE_MS,
  )
})

interface Job {
  readonly ProgramArguments: readonly string[]
  readonly EnvironmentVariables: Readonly<Record<string, string>>
}

describe('launchd', () => {
  const READ = `
import json, plistlib, sys
print(json.dumps([plistlib.loads(text.encode()) for text in json.load(sys.stdin)]))`

  requires('python3')('a reader of property lists takes the same from it', async () => {
    // XML has no way to write these, and the exporter says so.
    const inXml = (text: string): boolean => !['\u0001', '\u001b'].some((one) => text.includes(one))
    const texts = awkwardLines(2 * COUNT)
      .filter(inXml)
      .slice(0, COUNT)
    const values = awkwardValues(2 * COUNT)
      .filter(inXml)
      .slice(0, COUNT)
    expect([texts.length, values.length]).toEqual([COUNT, COUNT])
    const exporter = await FORMATS.get('launchd')!.load()
    const { files } = exporter(inputFor('/srv/app', texts, values))
    const [env, ...jobs] = python(READ, JSON.stringify(files.map(({ text }) => text))) as Job[]
    expect(jobs.map(({ ProgramArguments }) => ProgramArguments)).toEqual(
      texts.map((text, index) => ['/bin/sh', '-c', shellText(commandFor(text, index))]),
    )
    expect(values.map((_, index) => env?.EnvironmentVariables[`V${index}`])).toEqual(values)
  })

  requires('python3')('what its comment names is no end of the comment', async () => {
    const exporter = await FORMATS.get('launchd')!.load()
    const apps = ['a--b', 'a--', '--->']
    const files = apps.flatMap((app) => exporter({ ...inputFor('/srv/app', ['x'], []), app }).files)
    const jobs = python(READ, JSON.stringify(files.map(({ text }) => text))) as { Label: string }[]
    expect(jobs.map(({ Label }) => Label)).toEqual(apps.flatMap((app) => [`${app}.env.1`, `${app}.t0.1`]))
  })

  test('what XML cannot hold is refused', async () => {
    const exporter = await FORMATS.get('launchd')!.load()
    expect(() => exporter(inputFor('/srv/app', ['a\u0001b'], []))).toThrow('control character')
  })
})

test.each(['systemd', 'systemd-user'])('%s: a folder that a unit cannot name is refused', async (format) => {
  const exporter = await FORMATS.get(format)!.load()
  for (const root of ['/srv/app ', '/srv/app\\', '/srv/a\tpp']) {
    expect(() => exporter(inputFor(root, ['a'], []))).toThrow('cannot name the folder')
  }
})

describe.each([
  ['systemd', 'system'],
  ['systemd-user', 'user'],
])('%s', (format, manager) => {
  /** What it says, of an instance of each. */
  const verify = (units: readonly string[]): string => {
    const words = units.map((path) => path.replace('@.service', '@1.service'))
    const folder = dirname(units[0] ?? '')
    const { stdout, stderr } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', `--${manager}`, ...words],
      {
        encoding: 'utf8',
        env: { ...cleanEnvironment(), XDG_RUNTIME_DIR: folder, SYSTEMD_UNIT_PATH: `${folder}:` },
      },
    )
    return stdout + stderr
  }

  requires('systemd-analyze')(
    'systemd-analyze finds nothing wrong with the units',
    async () => {
      const { root, other } = folders()
      const exporter = await FORMATS.get(format)!.load()
      // What Unicode has no character for, systemd takes for no text at all.
      const noCharacter = inputFor(root, ['a\ufffeb', '\u{1ffff}'], [])
      for (const sample of [SAMPLE, inputFor(root, awkwardLines(20), []), noCharacter]) {
        const { files } = exporter({ ...sample, root, localUser: 'root' })
        writeFiles(planFiles(other, files))
        const units = files.map(({ path }) => join(other, path)).filter((path) => !path.endsWith('.env'))
        expect(verify(units)).toEqual('')
        const [, unit = ''] = units
        writeFileSync(unit, readFileSync(unit, 'utf8').replace('Restart=', 'Restart=so'))
        expect(verify([unit])).toContain('restart specifier')
      }
    },
    DEADLINE_MS,
  )
})
