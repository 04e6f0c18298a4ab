import { Command } from 'commander'

/** The router, as a process of the formation; its port is PORT. */
export function routeCommand(): Command {
  return new Command('route')
    .requiredOption('--host <host>')
    .requiredOption('--state <folder>')
    .action(async ({ host, state }: { host: string; state: string }) => {
      const { route } = await import('./route-action.ts')
      process.exitCode = await route(host, state)
    })
}
