import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import type { Check, Checked } from './checks.ts'

export interface Figures {
  readonly [name: string]: number | string | null
}

export interface DrillReport {
  readonly name: string
  readonly rounds: number
  /** One sentence for each round that went wrong. */
  readonly failedRounds: readonly string[]
  readonly checks: readonly Check[]
  readonly figures: Figures
}

export const passedOf = ({ rounds, failedRounds, checks }: DrillReport): number =>
  rounds - failedRounds.length + checks.filter(({ complaints }) => complaints.length === 0).length

export const failedOf = ({ failedRounds, checks }: DrillReport): number =>
  failedRounds.length + checks.filter(({ complaints }) => complaints.length > 0).length

/** The value below which a share of some milliseconds lies; null when there are none. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null
}

/** Median, 90th percentile, largest and number of some milliseconds. */
export function spread(prefix: string, values: readonly number[]): Figures {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (share: number): number | null => sorted[Math.ceil(share * sorted.length) - 1] ?? null
  return {
    [`${prefix} count`]: sorted.length,
    [`${prefix} p50 ms`]: at(0.5),
    [`${prefix} p90 ms`]: at(0.9),
    [`${prefix} max ms`]: at(1),
  }
}

export const checkedFigures = ({ recoveryMs, heldUpMs, fencedWrites, executions, applied }: Checked): Figures => ({
  executions,
  'effects applied': applied,
  'writes refused by fence': fencedWrites,
  ...spread('recovery after proof of death', recoveryMs.proven),
  ...spread('recovery by lease', recoveryMs.lease),
  'server held up by the machine max ms': heldUpMs,
  'leases lost by living workers': recoveryMs.starved,
})

const complaintsMax = 5

export function print(report: DrillReport): void {
  const { name, rounds, failedRounds, checks, figures } = report
  console.log(`\n${name}: ${rounds} rounds`)
  const width = Math.max(...Object.keys(figures).map((each) => each.length))
  for (const [label, value] of Object.entries(figures)) console.log(`  ${label.padEnd(width)}  ${value ?? '-'}`)
  for (const failure of failedRounds) console.log(`  FAILED ${failure}`)
  for (const { promise, complaints } of checks) {
    console.log(`  ${complaints.length === 0 ? 'ok    ' : 'FAILED'} ${promise}`)
    for (const complaint of complaints.slice(0, complaintsMax)) console.log(`           ${complaint}`)
    if (complaints.length > complaintsMax) console.log(`           and ${complaints.length - complaintsMax} more`)
  }
}

/** Keeps the figures of a full run beside the drills; shorter ones go where git does not look. */
export function save(report: DrillReport, isFull: boolean): void {
  const folder = new URL(isFull ? './results/' : './results/last/', import.meta.url)
  mkdirSync(folder, { recursive: true })
  const { name, rounds, failedRounds, checks, figures } = report
  const content = {
    drill: name,
    rounds,
    passed: passedOf(report),
    failed: failedOf(report),
    on: { node: process.versions.node, sqlite: process.versions.sqlite, cores: availableParallelism() },
    figures,
    checks: checks.map(({ promise, complaints }) => ({ promise, complaints: complaints.length })),
    failedRounds,
  }
  writeFileSync(new URL(`${name}.json`, folder), `${JSON.stringify(content, null, 2)}\n`)
}
