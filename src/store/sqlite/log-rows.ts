import type { EventData } from '../../execution/decision.ts'
import { eventCodes, eventOf, stateCodes, stateOf } from '../../execution/machine.ts'
import { canonicalize } from '../../json/canonical.ts'
import type { Event, LogRow, Update } from '../rows.ts'
import type { Prepared } from './prepared.ts'
import type { Row } from './rows-of.ts'

/**
 * Writes rows of the log. `previous` is left out where every entry follows from other rows: 0 for an event 1, the
 * request's position for an event 2, the claim's position, which is the fence, for a success straight after its claim.
 */
export function appendLog(prepared: Prepared, log: readonly LogRow[], updates: readonly Update[]): void {
  const append = prepared.get('appendLog')
  let claimedAt: Map<number, number> | undefined
  for (const row of log) {
    if (row.type === 'succeed') claimedAt ??= claimPositions(updates)
    append.run(
      row.position,
      row.tenant,
      eventCodes[row.type],
      row.from === null ? null : stateCodes[row.from],
      row.to === null ? ofTenant : stateCodes[row.to],
      row.principal,
      row.worker,
      row.at,
      integers(row.executions),
      integers(row.numbers),
      follows(row, claimedAt) ? null : integers(row.previous),
      row.data === null ? null : `[${row.data.map(entry).join(',')}]`,
    )
  }
}

/** In the place of the state that an event leads to, where it is of no execution. */
export const ofTenant = 0

export function claimPositions(updates: readonly Update[]): Map<number, number> {
  const positions = new Map<number, number>()
  for (const { is } of updates) if (is.state === 'succeeded') positions.set(is.id, is.fence)
  return positions
}

export function follows(
  { type, executions, numbers, previous }: LogRow,
  claimedAt: Map<number, number> | undefined,
): boolean {
  for (let index = 0; index < numbers.length; index += 1) {
    const n = numbers[index] ?? 0
    if (n <= 2) continue
    if (type !== 'succeed' || claimedAt?.get(executions[index] ?? 0) !== previous[index]) return false
  }
  return true
}

export const integers = (values: readonly number[]): string => `[${values.join(',')}]`

export function entry(data: EventData | null): string {
  if (data === null) return 'null'
  const text = canonicalize(data)
  if (typeof text !== 'string') throw new Error(`event data is not JSON: ${text.reason}`)
  return text
}

/** Where an execution's first event and its last claim stand: what `previous` follows from. */
export interface Whereabouts {
  readonly requested: number
  readonly fence: number
}

export function logRowOf(row: Row, whereabouts: (execution: number) => Whereabouts): LogRow {
  const { executions, numbers, previous, data } = arraysOf(row)
  return {
    ...sharedOf(row),
    executions,
    numbers,
    previous: previous ?? numbers.map((n, index) => derive(n, () => whereabouts(executions[index] ?? 0))),
    data,
  }
}

/** One execution's event out of a row, and the position of the one before; null when the row does not hold it. */
export function logEntryOf(
  row: Row,
  execution: number,
  n: number,
  whereabouts: () => Whereabouts,
): { event: Event; previous: number } | null {
  const { executions, numbers, previous, data } = arraysOf(row)
  const index = executions.indexOf(execution)
  if (index < 0 || numbers[index] !== n) return null
  return {
    event: { execution, n, ...sharedOf(row), to: stateOf(row[4] as number), data: data?.[index] ?? null },
    previous: previous?.[index] ?? derive(n, whereabouts),
  }
}

const sharedOf = (row: Row): Omit<LogRow, 'executions' | 'numbers' | 'previous' | 'data'> => ({
  position: row[0] as number,
  tenant: row[1] as string,
  type: eventOf(row[2] as number),
  from: row[3] === null ? null : stateOf(row[3] as number),
  to: row[4] === ofTenant ? null : stateOf(row[4] as number),
  principal: row[5] as string,
  worker: row[6] as number | null,
  at: row[7] as number,
})

const arraysOf = (
  row: Row,
): { executions: number[]; numbers: number[]; previous: number[] | null; data: Data | null } => ({
  executions: JSON.parse(row[8] as string) as number[],
  numbers: JSON.parse(row[9] as string) as number[],
  previous: row[10] === null ? null : (JSON.parse(row[10] as string) as number[]),
  data: row[11] === null ? null : (JSON.parse(row[11] as string) as Data),
})

type Data = (EventData | null)[]

function derive(n: number, whereabouts: () => Whereabouts): number {
  if (n === 1) return 0
  const { requested, fence } = whereabouts()
  return n === 2 ? requested : fence
}
