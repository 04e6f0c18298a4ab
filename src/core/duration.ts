import type { Reading } from './option-values.ts'

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `90s`, `10m`, `24h`, `1d`; a bare number is seconds. In ms, at most 30 days. */
export function duration(given: string): Reading<number> {
  const [, digits, unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(given.trim().toLowerCase()) ?? []
  const value = Math.round(Number(digits) * (UNITS[unit] ?? NaN))
  return value > 0 && value <= 30 * 86_400_000 ? { value } : { not: 'a time such as 90s, 10m or 24h' }
}

/** ms to the last digit, for a limit that somebody gave and for what is held against it: 0.001 s, 1.4 s, 10 min. */
export function describeExactly(ms: number): string {
  const whole = Math.round(ms)
  return whole >= 120_000 && whole % 60_000 === 0 ? `${whole / 60_000} min` : `${whole / 1_000} s`
}
