import type { Exporter } from './input.ts'

interface Format {
  /** One line for the help. */
  readonly summary: string
  /** Loaded only when it is used: some bring a library. */
  readonly load: () => Promise<Exporter>
}

/** Every format that `export` knows. */
export const FORMATS: ReadonlyMap<string, Format> = new Map<string, Format>([
  [
    'systemd',
    {
      summary: 'units for the system',
      load: async () => (await import('./systemd.ts')).systemd,
    },
  ],
  [
    'systemd-user',
    {
      summary: 'units for systemd --user',
      load: async () => (await import('./systemd.ts')).systemdUser,
    },
  ],
])
