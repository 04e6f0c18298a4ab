import type { Rules } from '../../src/core/rules.ts'
import type { ExportInput, ExportType } from '../../src/exporters/input.ts'

/** What holds for a type where nobody said anything. */
export const RULES: Rules = {
  restart: { when: 'always' },
  stop: { signal: 'SIGTERM', graceMs: 5_000, drainMs: 0 },
  dependsOn: [],
  max: undefined,
  mayExit: false,
  watch: [],
  checks: [],
}

/** Every character that means something to a shell, a unit, an INI file, YAML or XML. */
export const AWKWARD = `printf '%s\\n' "it's" '"$HOME"' 100% %i %% $$ \\\\ \`date\` <a&b> ';' '#' ~ é 日本 😀`

/** An app that uses what can be said of one. */
export const SAMPLE: ExportInput = {
  app: 'shop',
  root: '/srv/shop 100%',
  types: [
    type('web', 'node web.js --port $PORT', 5000, {
      count: 2,
      rules: {
        ...RULES,
        stop: { signal: 'SIGINT', graceMs: 2_500, drainMs: 0 },
        dependsOn: [
          { type: 'db', until: 'ready' },
          { type: 'release', until: 'completed' },
        ],
        checks: [
          {
            kind: 'readiness',
            name: 'health',
            probe: { by: 'http', path: '/health', headers: {}, content: undefined, port: undefined },
            attempts: 3,
            timeoutMs: 2_000,
            waitMs: 1_000,
            initialDelayMs: 0,
          },
        ],
      },
    }),
    type('awkward', AWKWARD, 5100, { rules: { ...RULES, restart: { when: 'on-failure', limit: 3 } } }),
    type('db', 'exec db --socket "$TMPDIR/db"', 5200, {
      rules: {
        ...RULES,
        restart: { when: 'on-failure' },
        checks: [
          {
            kind: 'liveness',
            name: 'ping',
            probe: { by: 'command', command: ['db', 'ping', '--for=$USER'] },
            attempts: 5,
            timeoutMs: 1_000,
            waitMs: 10_000,
            initialDelayMs: 500,
          },
        ],
      },
    }),
    type('once', 'true', 5300, { rules: { ...RULES, restart: { when: 'no' }, mayExit: true } }),
    type('idle', 'node idle.js', 5400, { count: 0 }),
  ],
  stages: [{ name: 'release', command: 'node migrate.js && echo "done: $?"' }],
  environment: {
    PYTHONUNBUFFERED: '1',
    GREETING: 'hello world',
    SECRET: `s3cr'et "$PATH" 100% \\ #;`,
    KEY: '-----BEGIN-----\nabc\n-----END-----\n',
    NAME: 'Zoë 😀',
    EMPTY: '',
  },
  user: undefined,
  localUser: 'deploy',
  image: 'registry.example/shop:42',
}

/** One of a type, with the usual rules. */
export function type(
  name: string,
  command: string,
  firstPort: number,
  more: Partial<ExportType> = {},
): ExportType {
  return { name, command, count: 1, firstPort, rules: RULES, ...more }
}
