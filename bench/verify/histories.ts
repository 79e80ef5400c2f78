import { type EventType, isTerminal, type State, targets } from '../../src/execution/machine.ts'

/** One execution as its row says it stands. */
export interface Standing {
  readonly id: number
  readonly state: State
  readonly n: number
  readonly fence: number
  readonly head: number
  /** Rows of the outcomes: one for each time it ended. */
  readonly outcomes: number
}

export interface HistoryEvent {
  readonly execution: number
  readonly n: number
  readonly position: number
  readonly type: EventType
  readonly from: State | null
  readonly to: State
}

/**
 * Reads the history of every execution back and gives a sentence for everything that is wrong with it: numbers that do
 * not run from 1 without a gap, an illegal path, positions that do not grow, a fence that is not the position of the
 * last claim, an end that is not the state of the row.
 */
export function faults(standings: readonly Standing[], events: readonly HistoryEvent[]): string[] {
  const histories = new Map<number, HistoryEvent[]>(standings.map(({ id }) => [id, []]))
  const found: string[] = []
  for (const event of events) {
    const history = histories.get(event.execution)
    if (history === undefined)
      found.push(`event ${event.n} belongs to execution ${event.execution}, which is not there`)
    else history.push(event)
  }
  for (const standing of standings) {
    const history = (histories.get(standing.id) ?? []).sort((a, b) => a.n - b.n)
    found.push(...faultsOf(standing, history).map((fault) => `execution ${standing.id}: ${fault}`))
  }
  return found
}

function faultsOf(standing: Standing, history: readonly HistoryEvent[]): string[] {
  const found: string[] = []
  let state: State | null = null
  let position = 0
  let claimedAt = 0
  let ends = 0
  for (const [index, event] of history.entries()) {
    if (event.n !== index + 1) found.push(`event ${event.n} stands where ${index + 1} belongs`)
    if (event.from !== state) found.push(`event ${event.n} leaves ${event.from}, but the state was ${state}`)
    if (event.from !== event.to && !targets(event.from, event.type).includes(event.to)) {
      found.push(`${event.type} does not lead from ${event.from} to ${event.to}`)
    }
    if (event.position <= position) found.push(`event ${event.n} lies before the event that it follows`)
    if (event.type === 'claim') claimedAt = event.position
    if (isTerminal(event.to) && event.to !== state) ends += 1
    state = event.to
    position = event.position
  }
  if (history.length !== standing.n) found.push(`${history.length} events instead of ${standing.n}`)
  if (state !== standing.state) found.push(`the last event leads to ${state}, the row says ${standing.state}`)
  if (position !== standing.head) found.push(`the last event is at ${position}, the row says ${standing.head}`)
  if (claimedAt !== standing.fence) found.push(`the last claim is at ${claimedAt}, the fence is ${standing.fence}`)
  if (ends !== standing.outcomes) found.push(`it ended ${ends} times and has ${standing.outcomes} outcomes`)
  return found
}
