import type { Reporter, SerializedError, TestCase, TestModule, TestSuite } from 'vitest/node'

/** In CI: a test that was skipped counts as failed. */
const MUST_RUN = process.env['TW_RUN_TEST_ALL'] === '1'

/**
 * The end of a run: the tests that were skipped, each with what it lacks, and alone on the last line how many
 * passed and failed. What failed outside of a test (a hook, a file that does not load, a rejection that
 * nobody caught) counts as one failed each.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()])
    const inState = (state: string): TestCase[] => tests.filter((one) => one.result().state === state)
    const skipped = [...inState('skipped'), ...inState('pending')]
    const brokenHooks = modules
      .flatMap((module): (TestModule | TestSuite)[] => [module, ...module.children.allSuites()])
      .filter((one) => one.errors().length > 0)
    const failed =
      inState('failed').length + brokenHooks.length + unhandled.length + (MUST_RUN ? skipped.length : 0)
    if (failed > 0) process.exitCode = 1
    const rest = skipped.length === 0 || MUST_RUN ? '' : `, ${skipped.length} skipped`
    print([...listSkipped(skipped), `${inState('passed').length} passed, ${failed} failed${rest}`])
  }
}

function listSkipped(skipped: readonly TestCase[]): string[] {
  if (skipped.length === 0) return []
  const lines = skipped.map((one) => `  ${one.module.relativeModuleId} > ${one.fullName}: ${reasonOf(one)}`)
  return [MUST_RUN ? 'skipped, which counts as failed here:' : 'skipped:', ...lines]
}

function reasonOf(skipped: TestCase): string {
  const result = skipped.result()
  return (
    (result.state === 'skipped' ? result.note : undefined) ?? 'not asked for, or what comes before it failed'
  )
}

function print(lines: readonly string[]): void {
  process.stdout.write(lines.map((line) => `${line}\n`).join(''))
}
