import { type Address, type Answered, type Ask, Connection } from './connection.ts'
import { refusalOf } from './errors/problem.ts'
import { isRefusal, type Refusal, Refused } from './errors/refusal.ts'
import type { Carried, Carrier, CommandName } from './operations/carrier.ts'
import { Operations } from './operations/operations.ts'
import { routes } from './operations/routes.ts'
import type { Actions, Download } from './operations/shapes.ts'
import type { EventView } from './projections/view.ts'
import { messagesOf } from './protocol/event-stream.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export type { ArchiveRequest, ArchiveRun, ArchiveView } from './archive/archives.ts'
export type { Answered, Ask } from './connection.ts'
export type { BulkPreview, BulkReport, BulkView } from './control/bulk-commands.ts'
export { isRefusal, type Refusal, Refused } from './errors/refusal.ts'
export type * from './operations/shapes.ts'
export type { Ops } from './projections/ops.ts'
export type { TimeoutPolicyRequest, TimeoutPolicyView } from './projections/timeouts.ts'
export type { EventView, ExecutionView, LogLineView } from './projections/view.ts'
export type { Backfill, BackfillRequest, ScheduleRequest } from './schedule/schedules.ts'
export type { ScheduleView } from './schedule/view.ts'

export interface ConnectOptions extends Address {
  readonly clock?: Clock | undefined
}

const reconnectMs = 1_000
const execution = (id: string): string => `/v1/executions/${encodeURIComponent(id)}`

/**
 * Connects to a server. Nothing is sent before the first call. `connect<typeof actions>(…)` gives inputs and results the
 * types of the actions.
 */
export const connect = <A extends Actions = Actions>(options: ConnectOptions): Client<A> => new Client<A>(options)

/** A server as a program holds it. Needs `fetch` only. */
export class Client<A extends Actions = Actions> extends Operations<A> {
  readonly #connection: Connection

  constructor({ clock = createSystemClock(), ...address }: ConnectOptions) {
    const connection = new Connection(address)
    super(new OverHttp(connection, clock), clock)
    this.#connection = connection
  }

  /** Sends any request, for whoever has its method and path. */
  tryAsk(ask: Ask): Promise<Answered | Refusal> {
    return this.#connection.tryAsk(ask)
  }
}

class OverHttp implements Carrier {
  readonly #connection: Connection
  readonly #clock: Clock

  constructor(connection: Connection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** What stands in the path comes from the input; the rest is the query, or the body of a POST. */
  carry(command: CommandName, input: object, signal?: AbortSignal): Promise<Carried | Refusal> {
    const rest: Record<string, unknown> = { ...input }
    const { method, path: template } = routes[command]
    const path = template.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
      const value = String(rest[field])
      delete rest[field]
      return encodeURIComponent(value)
    })
    return this.#connection.tryAsk({ method, path, [method === 'POST' ? 'body' : 'query']: rest, signal })
  }

  /** A connection that breaks is made anew and goes on behind the last event, so none is missed and none comes twice. */
  async *follow(id: string, after: number, signal?: AbortSignal): AsyncGenerator<EventView, void> {
    const isOver = (): boolean => signal?.aborted === true
    for (let seen = after; !isOver(); ) {
      const response = await this.#connection.open(`${execution(id)}/stream`, seen, signal)
      if (isRefusal(response) && seen === after) throw new Refused(response)
      if (!isRefusal(response)) {
        for await (const message of messagesOf<EventView>(response)) {
          if (message === 'end') return
          yield message
          seen = message.sequence
        }
      } else if (response.code !== 'server_unreachable') throw new Refused(response)
      if (!isOver()) await this.#clock.sleep(reconnectMs, signal).catch(() => {})
    }
  }

  async download(id: string, name: string, signal?: AbortSignal): Promise<Download | Refusal> {
    const path = `${execution(id)}/artifacts/${encodeURIComponent(name)}`
    const response = await this.#connection.send({ method: 'GET', path, signal })
    if (isRefusal(response)) return response
    if (!response.ok) return refusalOf(await response.json().catch(() => null), response.status)
    return {
      name,
      mediaType: response.headers.get('content-type') ?? 'application/octet-stream',
      bytes: Number(response.headers.get('content-length')),
      sha256: response.headers.get('etag')?.replaceAll('"', '') ?? '',
      content: response.body ?? new Blob([]).stream(),
    }
  }
}
