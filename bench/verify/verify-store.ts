import { DatabaseSync } from 'node:sqlite'
import { type EventType, type State, stateOf } from '../../src/execution/machine.ts'
import { faults } from './histories.ts'

const shownMax = 5

/**
 * Reads every event of a closed store back, through the view that auditors use.
 *
 * @throws when one history is not what its row says, or when the file itself is damaged
 */
export function verifyStore(path: string): { executions: number; eventsPerExecution: number } {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const standings = db
      .prepare(
        `select id, state, n, fence, head, (select count(*) from outcomes where outcomes.id = executions.id) as outcomes
from executions`,
      )
      .all()
      .map((row) => ({
        id: row.id as number,
        state: stateOf(row.state as number),
        n: row.n as number,
        fence: row.fence as number,
        head: row.head as number,
        outcomes: row.outcomes as number,
      }))
    const events = db
      .prepare('select execution, n, position, type, from_state, to_state from execution_events')
      .all()
      .map((row) => ({
        execution: row.execution as number,
        n: row.n as number,
        position: row.position as number,
        type: row.type as EventType,
        from: row.from_state as State | null,
        to: row.to_state as State,
      }))
    const found = faults(standings, events)
    if (found.length > 0) {
      throw new Error(`The audit found ${found.length} faults, among them: ${found.slice(0, shownMax).join('; ')}.`)
    }
    const integrity = db.prepare('pragma quick_check').get()?.quick_check
    if (integrity !== 'ok') throw new Error(`The store is damaged: ${String(integrity)}`)
    const executions = standings.length
    return { executions, eventsPerExecution: executions === 0 ? 0 : events.length / executions }
  } finally {
    db.close()
  }
}
