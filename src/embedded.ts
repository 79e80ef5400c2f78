import type { SubmitRequest } from './admit/request.ts'
import type { Identity } from './commands/command.ts'
import { perform } from './commands/perform.ts'
import type { Role } from './commands/permissions.ts'
import { replacing } from './commands/submission.ts'
import { commandNamed } from './commands/table.ts'
import type { Caller } from './control/control-plane.ts'
import type { Ticket } from './control/tickets.ts'
import type { Engine } from './engine.ts'
import { isRefusal, orThrow, type Refusal } from './errors/refusal.ts'
import type { Carried, Carrier, CommandName } from './operations/carrier.ts'
import type { Download } from './operations/shapes.ts'
import type { OpenArtifact } from './projections/artifact.ts'
import type { EventView } from './projections/view.ts'
import { decideRight } from './rights/decide-right.ts'
import type { Transaction } from './store/inbox.ts'

/** Whose commands these are. */
export interface EmbeddedCaller extends Caller {
  /** What they may do, as over HTTP; everything when not said. */
  readonly role?: Role | undefined
}

/** Answers the commands of the table in this process, with the checks and answers of the server. */
export class Embedded implements Carrier {
  readonly #engine: Engine
  readonly #caller: Identity

  constructor(engine: Engine, { role = 'admin', ...caller }: EmbeddedCaller) {
    this.#engine = engine
    this.#caller = { ...caller, role, tokenId: '' }
  }

  async carry(command: CommandName, input: object, signal?: AbortSignal): Promise<Carried | Refusal> {
    const result = await this.#perform(command, input, signal)
    if (isRefusal(result)) return result
    const { respond } = commandNamed(command)
    if (respond === undefined) return { status: 200, headers: new Headers(), body: result }
    const { status, headers, body } = respond(result as never)
    return { status, headers: new Headers(headers), body }
  }

  /** The command `submit`, left in a transaction that the caller holds open. */
  async submitWithin(tx: Transaction, request: SubmitRequest): Promise<Ticket | Refusal> {
    const { plane, clock } = this.#engine
    const { tenant, principal, role } = this.#caller
    const asked = { tenant, principal, role, permission: 'execution.submit', now: clock.now() } as const
    // As for every submit: which subject it is for is known at its admission, and decided there.
    const atAll = decideRight(await plane.whoMay.current(), { ...asked, about: 'later' })
    return isRefusal(atAll) ? atAll : plane.submitWithin(tx, request, replacing(this.#caller))
  }

  async *follow(id: string, after: number, signal?: AbortSignal): AsyncGenerator<EventView, void> {
    const { events } = orThrow(await this.#perform('stream', { id, after }, signal)) as {
      readonly events: AsyncGenerator<EventView, Refusal | undefined>
    }
    const refusal = yield* events
    if (refusal !== undefined) orThrow(refusal)
  }

  async download(id: string, name: string, signal?: AbortSignal): Promise<Download | Refusal> {
    const opened = await this.#perform('artifact', { id, name }, signal)
    if (isRefusal(opened)) return opened
    const { content, ...artifact } = opened as OpenArtifact
    return { ...artifact, content: ReadableStream.from(content) as Download['content'] }
  }

  #perform(command: CommandName, input: object, signal?: AbortSignal): Promise<unknown | Refusal> {
    const { plane, bulks, clock, tokens, newTraceId } = this.#engine
    // JSON has no `undefined`, so what a caller leaves open is left out here too.
    const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined))
    return perform(commandNamed(command), given, {
      plane,
      bulks,
      clock,
      tokens,
      caller: this.#caller,
      signal: signal ?? new AbortController().signal,
      traceId: newTraceId(),
    })
  }
}
