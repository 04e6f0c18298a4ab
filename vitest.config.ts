import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    env: { NO_COLOR: '1' },
    globalSetup: './test/support/built.ts',
    reporters: ['default', './test/reporter/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'core', include: ['test/{core,exporters}/**/*.test.ts'], sequence: { groupOrder: 0 } },
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
