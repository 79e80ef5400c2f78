import { type Refusal, refuse } from '../errors/refusal.ts'

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Ten years, the furthest that anything may be put off. */
export const durationMsMax = 10 * 366 * 86_400_000

/** Reads `250ms`, `30s`, `5m`, `1h30m`, `2d`, or a number of milliseconds; gives whole milliseconds. */
export function parseDuration(duration: string | number): number | Refusal {
  const ms = typeof duration === 'number' ? Math.round(duration) : textMs(duration.trim())
  if (ms === undefined || Number.isNaN(ms))
    return refuse('invalid_delay', `${JSON.stringify(shorten(String(duration)))} is not a duration.`)
  if (ms < 0) return refuse('invalid_delay', 'A duration cannot be negative.')
  if (ms > durationMsMax) return refuse('invalid_delay', 'The duration is longer than 10 years.')
  return ms
}

function textMs(text: string): number | undefined {
  if (text.length > 100 || !/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(text)) return undefined
  let ms = 0
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g))
    ms += Number(amount) * (unitMs[unit] ?? Number.NaN)
  return Math.round(ms)
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…`.toWellFormed() : text
}
