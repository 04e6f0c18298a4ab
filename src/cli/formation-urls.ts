import { ROUTED_TYPE } from '../core/router.ts'
import type { App } from '../runtime/load.ts'

/** Where a formation is reached from this machine. */
export interface FormationUrls {
  /** Of web, or of the router in front of it; the first port of the formation where there is no web. */
  readonly port: number
  /** `TW_RUN_URL` of web, and `TW_RUN_<TYPE>_URL` of every type that runs. */
  readonly urls: Readonly<Record<string, string>>
}

/** How a command that works with the formation finds it. */
export function formationUrls({ plan, router, settings }: App): FormationUrls {
  const urls: Record<string, string> = {}
  for (const { type, instance, port } of plan) {
    if (instance === 1) urls[`TW_RUN_${type.replaceAll('-', '_').toUpperCase()}_URL`] = urlOf(port)
  }
  const front = router?.port ?? plan.find(({ type }) => type === ROUTED_TYPE)?.port
  if (front !== undefined) {
    urls['TW_RUN_URL'] = urlOf(front)
    // What test tools look for.
    urls['BASE_URL'] = urlOf(front)
  }
  return { port: front ?? settings.port, urls }
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}`
}
