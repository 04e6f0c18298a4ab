import type { Exporter } from './input.ts'

interface Format {
  /** One line for the help. */
  readonly summary: string
  /** Loaded only when it is used: some bring a library. */
  readonly load: () => Promise<Exporter>
}

/** Every format that `export` knows. */
export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  ['systemd', { summary: 'units for the system', load: async () => (await import('./systemd.ts')).systemd }],
  [
    'systemd-user',
    { summary: 'units for systemd --user', load: async () => (await import('./systemd.ts')).systemdUser },
  ],
  ['compose', { summary: 'a compose.yaml', load: async () => (await import('./compose.ts')).compose }],
  [
    'launchd',
    { summary: 'property lists for macOS', load: async () => (await import('./launchd.ts')).launchd },
  ],
  [
    'supervisord',
    {
      summary: 'a file for supervisord to include',
      load: async () => (await import('./supervisord.ts')).supervisord,
    },
  ],
  [
    'runit',
    { summary: 'service directories for runit', load: async () => (await import('./runit.ts')).runit },
  ],
  ['swarm', { summary: 'a stack for Docker Swarm', load: async () => (await import('./swarm.ts')).swarm }],
  [
    'kubernetes',
    { summary: 'manifests for Kubernetes', load: async () => (await import('./kubernetes.ts')).kubernetes },
  ],
  ['s6', { summary: 'service directories for s6', load: async () => (await import('./s6.ts')).s6 }],
])
