import { homedir, hostname, tmpdir } from 'node:os'
import { afterEach, expect, test, vi } from 'vitest'
import { homeFolder, hostName, tempFolder } from '../../src/runtime/usual-places.ts'

afterEach(() => vi.unstubAllEnvs())

const FOLDERS = [undefined, '', '/', '/var/tmp', '/var/tmp/', '//', 'relative']

test.for(FOLDERS)('are those that Node names, with %o in the environment', (folder) => {
  for (const name of ['HOME', 'TMPDIR', 'TMP', 'TEMP']) {
    for (const other of ['HOME', 'TMPDIR', 'TMP', 'TEMP']) vi.stubEnv(other, undefined)
    vi.stubEnv(name, folder)
    expect([name, homeFolder(), tempFolder()]).toEqual([name, homedir(), tmpdir()])
  }
  expect(hostName()).toBe(hostname())
})
