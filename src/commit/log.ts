import type { EventData } from '../execution/decision.ts'
import type { EventType, State } from '../execution/machine.ts'
import { eventsMax, type LogRow } from '../store/rows.ts'

export interface NewEvent {
  readonly execution: number
  readonly tenant: string
  readonly n: number
  /** Position of the execution's event before; 0 for its first. */
  readonly previous: number
  readonly type: EventType
  readonly from: State | null
  readonly to: State
  readonly principal: string
  readonly worker: number | null
  readonly data: EventData | null
}

interface OpenRow extends LogRow {
  readonly executions: number[]
  readonly numbers: number[]
  readonly previous: number[]
  data: (EventData | null)[] | null
}

/**
 * Gathers the events of one commit into rows: one for each kind, transition, tenant, principal and worker.
 *
 * Positions are dense and given when a row is opened. An execution's events must have growing positions, so an event
 * joins an open row only if that row lies behind the execution's event before; otherwise it opens a new row.
 */
export class CommitLog {
  readonly rows: OpenRow[] = []
  readonly #open = new Map<string, OpenRow>()
  #position: number
  readonly #at: number

  constructor(firstPosition: number, at: number) {
    this.#position = firstPosition
    this.#at = at
  }

  /** Behind everything that this commit has written. */
  get next(): number {
    return this.#position
  }

  /** Tells of something that concerns a tenant and none of its executions: a row of its own. Returns its position. */
  tell({ data, ...event }: Pick<LogRow, 'tenant' | 'type' | 'principal'> & { readonly data: EventData }): number {
    const row = this.#openRow({ ...event, from: null, to: null, worker: null })
    row.data = [data]
    return row.position
  }

  /** Returns the event's position. */
  append(event: NewEvent): number {
    const kind = `${event.type} ${event.from} ${event.to} ${event.worker} ${event.tenant} ${event.principal}`
    let row = this.#open.get(kind)
    if (row === undefined || row.position <= event.previous || row.executions.length >= eventsMax) {
      row = this.#openRow(event)
      this.#open.set(kind, row)
    }
    row.executions.push(event.execution)
    row.numbers.push(event.n)
    row.previous.push(event.previous)
    if (row.data !== null) row.data.push(event.data)
    else if (event.data !== null) {
      row.data = new Array<EventData | null>(row.executions.length).fill(null)
      row.data[row.executions.length - 1] = event.data
    }
    return row.position
  }

  #openRow(event: Omit<LogRow, 'position' | 'at' | 'executions' | 'numbers' | 'previous' | 'data'>): OpenRow {
    const { tenant, type, from, to, principal, worker } = event
    const row: OpenRow = {
      position: this.#position++,
      tenant,
      type,
      from,
      to,
      principal,
      worker,
      at: this.#at,
      executions: [],
      numbers: [],
      previous: [],
      data: null,
    }
    this.rows.push(row)
    return row
  }
}
