import { TwRunError } from '../core/error.ts'
import type { Page } from '../core/shown-cookies.ts'

const WITHIN_MS = 10_000

/** Gets a page of a process on this machine, with these cookies. Errors: TwRunError 1 if it does not answer. */
export async function askPage(port: number, path: string, cookie: string): Promise<Page> {
  try {
    const response = await fetch(new URL(path, `http://127.0.0.1:${port}`), {
      redirect: 'manual',
      headers: { accept: 'text/html,*/*', ...(cookie === '' ? {} : { cookie }) },
      signal: AbortSignal.timeout(WITHIN_MS),
    })
    await response.arrayBuffer()
    const cookies = response.headers.getSetCookie().flatMap((header) => {
      const pair = header.split(';', 1)[0]?.trim() ?? ''
      const end = pair.indexOf('=')
      return end > 0 ? [{ name: pair.slice(0, end), pair }] : []
    })
    return { status: response.status, location: response.headers.get('location') ?? undefined, cookies }
  } catch (error) {
    throw new TwRunError(`GET ${path} on port ${port}: ${(error as Error).message}`, {
      exitCode: 1,
      hint: 'see what the app says with: tw-run start',
    })
  }
}
