import { defineConfig } from 'vitest/config'
import LongestFirst from './test/support/longest-first.ts'

/** A sequencer of our own would take the place of the one that was asked for. */
const isShuffled = process.argv.some((argument) => argument.startsWith('--sequence.shuffle'))

export default defineConfig({
  test: {
    env: { NO_COLOR: '1' },
    globalSetup: './test/support/built.ts',
    sequence: isShuffled ? {} : { sequencer: LongestFirst },
    reporters: ['default', './test/reporter/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'core',
          include: ['test/{core,exporters}/**/*.test.ts'],
          // Pure: there is nothing that one file could leave to the next.
          isolate: false,
          pool: 'threads',
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'process',
          include: ['test/{runtime,cli,examples,engines}/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          maxWorkers: 3,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
