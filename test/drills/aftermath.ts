import type { EventData } from '../../src/execution/decision.ts'
import type { EventType, State } from '../../src/execution/machine.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import type { Submitted } from './messages.ts'

export interface Fate {
  readonly id: number
  readonly state: State
  readonly attempt: number
  readonly errorClass: string | null
  readonly events: readonly { readonly type: EventType; readonly data: EventData | null }[]
}

/** What became of some executions, by the tables and the log alone. */
export function fatesOf(path: string, all: readonly Submitted[]): Fate[] {
  const opened = openSqlite({ path, readOnly: true })
  try {
    const views = opened.views()
    return all.map(({ id, publicId }) => {
      const execution = views.find(id)?.execution
      if (execution === undefined) throw new Error(`${publicId} was acknowledged and is not on record`)
      const { state, attempt, lastErrorClass } = execution
      return { id, state, attempt, errorClass: lastErrorClass, events: views.events(id, 0, 1_000) }
    })
  } finally {
    opened.close()
  }
}

export const countOf = ({ events }: Fate, type: EventType): number =>
  events.filter((event) => event.type === type).length

/** One sentence for each round of good executions of which some have not succeeded. */
export function failedRoundsOf(fates: readonly Fate[], perRound: number): string[] {
  const sentences: string[] = []
  for (let from = 0; from < fates.length; from += perRound) {
    const wrong = fates.slice(from, from + perRound).filter(({ state }) => state !== 'succeeded')
    if (wrong.length > 0) {
      const what = wrong.map(({ id, state, errorClass }) => `${id} is ${state} (${errorClass})`).join(', ')
      sentences.push(`round ${from / perRound + 1}: ${what}`)
    }
  }
  return sentences
}
