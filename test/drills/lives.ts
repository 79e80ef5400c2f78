import type { State } from '../../src/execution/machine.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'

/** When an execution was submitted, first claimed and at its end, in epoch milliseconds, as the log says. */
export interface Life {
  readonly submittedAt: number
  claimedAt: number | null
  /** Place of its first claim among all claims. */
  claimedAs: number | null
  state: State
  at: number
}

/** What the log of a store says about every execution. */
export function readLives(path: string): ReadonlyMap<number, Life> {
  const opened = openSqlite({ path, readOnly: true })
  try {
    const views = opened.views()
    const lives = new Map<number, Life>()
    let claims = 0
    let position = 0
    for (let rows = views.log(0, 1_000); rows.length > 0; rows = views.log(position, 1_000)) {
      for (const row of rows) {
        position = row.position
        if (row.to === null) continue
        for (const id of row.executions) {
          const life = lives.get(id) ?? newLife(row.at, row.to)
          lives.set(id, life)
          life.state = row.to
          life.at = row.at
          if (row.type === 'claim' && life.claimedAt === null) {
            life.claimedAt = row.at
            life.claimedAs = claims++
          }
        }
      }
    }
    return lives
  } finally {
    opened.close()
  }
}

const newLife = (at: number, state: State): Life => ({ submittedAt: at, claimedAt: null, claimedAs: null, state, at })

/** @throws Error when the log knows nothing of one of them. */
export function livesOf(lives: ReadonlyMap<number, Life>, ids: readonly number[]): Life[] {
  return ids.map((id) => {
    const life = lives.get(id)
    if (life === undefined) throw new Error(`the log knows nothing of execution ${id}`)
    return life
  })
}

/** How many of them are not in the state they should be in, in words; nothing when all are. */
export function strangers(lives: readonly Life[], wanted: State): string[] {
  return lives.flatMap(({ state }, index) =>
    state === wanted ? [] : [`number ${index + 1} is ${state}, not ${wanted}`],
  )
}
