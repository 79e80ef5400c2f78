import type { Closing } from './contender.ts'
import type { Contestant } from './contestant.ts'
import type { FigureName } from './results.ts'
import type { Scenario } from './scenarios.ts'

export interface Rules {
  readonly scenarios: readonly Scenario[]
  /** Counted rounds; one more before them warms up. */
  readonly rounds: number
  /** Milliseconds that one counted round shall take. */
  readonly roundMs: number
  /** Jobs of a round of `idle`, one after the other. */
  readonly idleCount: number
  readonly say: (sentence: string) => void
}

export interface Record {
  readonly contestant: Contestant
  readonly figures: Partial<{ [F in FigureName]: number[] }>
  readonly counts: Partial<{ [S in Scenario]: number }>
  readonly closings: Closing[]
}

const warmUpCount = 3_000
const countMin = 500
const countMax = 100_000

/** Lets all contestants take turns, scenario by scenario and round by round. */
export async function compete(contestants: readonly Contestant[], rules: Rules): Promise<Record[]> {
  const records = contestants.map((contestant): Record => ({ contestant, figures: {}, counts: {}, closings: [] }))
  for (const scenario of rules.scenarios) {
    for (let round = 0; round <= rules.rounds; round += 1) {
      for (const record of records) await turn(record, scenario, round, rules)
    }
  }
  return records
}

async function turn(record: Record, scenario: Scenario, round: number, rules: Rules): Promise<void> {
  const warmUp = scenario === 'idle' ? rules.idleCount : scenario === 'inFlight' ? warmUpCount / 4 : warmUpCount
  const count = record.counts[scenario] ?? warmUp
  const { figures, closing } = await record.contestant.perform({ scenario, count, round })
  record.closings.push(closing)
  const shown = Object.entries(figures).map(
    ([name, value]) => `${name} ${value < 100 ? value.toFixed(2) : Math.round(value)}`,
  )
  rules.say(`${round === 0 ? 'warm-up' : `round ${round}`}  ${record.contestant.entry.title}: ${shown.join(', ')}`)
  if (round === 0) {
    const rate = Math.max(...Object.values(figures))
    const fitting = Math.round((rate * rules.roundMs) / 1_000 / 500) * 500
    record.counts[scenario] = scenario === 'idle' ? count : Math.min(countMax, Math.max(countMin, fitting))
    return
  }
  for (const [name, value] of Object.entries(figures) as [FigureName, number][]) {
    const values = record.figures[name]
    if (values === undefined) record.figures[name] = [value]
    else values.push(value)
  }
}
