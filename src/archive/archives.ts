import type { Requester } from '../admit/request.ts'
import { archivedAtOnce, damaged } from '../commit/archives.ts'
import type { Answer, Orders } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { isTerminal, type State } from '../execution/machine.ts'
import { internalId, type PublicIdKey } from '../identity/public-id.ts'
import type { ArchiveEntry } from '../store/rows.ts'
import type { Found, Views } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { parseDuration } from '../time/duration.ts'

export interface ArchiveRequest {
  /** How long ago an execution must have ended: `30d`, or milliseconds. */
  readonly olderThan: string | number
  /** A terminal state; all of them when not given. */
  readonly state?: State | undefined
  /** Count only. */
  readonly dryRun?: boolean | undefined
  /** As many at most; 10,000 when not given. */
  readonly limit?: number | undefined
}

export interface ArchiveRun {
  readonly archived: number
  readonly dryRun: boolean
  /** There may be more: the limit was reached. */
  readonly more: boolean
}

export interface ArchivesOptions {
  readonly orders: Orders
  readonly views: Pick<Views, 'of'>
  readonly idKey: PublicIdKey
  readonly clock: Clock
}

const limitDefault = 10_000
const pageMax = 500

/** What people hold of the archive: put away, look, find. */
export class Archives {
  readonly #options: ArchivesOptions

  constructor(options: ArchivesOptions) {
    this.#options = options
  }

  /** Puts away what ended before, a part a commit, in the tenant of whoever asks. */
  async run(request: ArchiveRequest, by: Requester): Promise<ArchiveRun | Refusal> {
    const { olderThan, state, dryRun = false, limit = limitDefault } = request
    const ageMs = parseDuration(olderThan)
    if (isRefusal(ageMs)) return ageMs
    if (state !== undefined && !isTerminal(state)) {
      return refuse('invalid_input', `${state} is no end; only what has ended is archived.`)
    }
    const finishedBefore = this.#options.clock.now() - ageMs
    const { tenant, principal } = by
    const states = state === undefined ? undefined : [state]
    const what = { finishedBefore, states, tenant, principal, dryRun, limit }
    const { count, more } = await archiveAll(what, this.#options.orders)
    return { archived: count, dryRun, more }
  }

  /** Newest execution first. */
  async list(page: { readonly cursor?: string | undefined; readonly limit?: number | undefined }, by: Requester) {
    const { views, idKey } = this.#options
    const before = page.cursor === undefined ? Number.MAX_SAFE_INTEGER : internalId(page.cursor, idKey)
    if (before === null) return refuse('invalid_cursor', 'The cursor is not one that a list has given.')
    const limit = Math.min(Math.max(1, page.limit ?? 50), pageMax)
    const found = await views.of(by.tenant).archives(by.tenant, before, limit + 1)
    const shown = found.slice(0, limit)
    return { items: shown.map(archiveView), next: found.length > limit ? (shown.at(-1)?.publicId ?? null) : null }
  }

  async find(id: number, { tenant }: Pick<Requester, 'tenant'>): Promise<Found | Refusal | null> {
    const archived = await this.#options.views.of(tenant).archived(id)
    if (archived === null) return null
    const { parts, archivedAt } = archived
    if (parts === null) return damaged()
    return { execution: parts.execution, request: parts.request, archived: { ...parts, archivedAt } }
  }
}

export interface ArchiveAll {
  readonly finishedBefore: number
  readonly states?: readonly State[] | undefined
  readonly tenant: string | null
  readonly principal: string
  readonly dryRun: boolean
  readonly limit: number
}

/**
 * Walks from the oldest execution on, a part and a commit at a time; others are served in between.
 *
 * @throws DatabaseError when the store cannot commit it; the parts before stay archived
 */
export async function archiveAll(
  { limit, ...what }: ArchiveAll,
  orders: Orders,
  isStopped = (): boolean => false,
): Promise<{ readonly count: number; readonly more: boolean }> {
  let count = 0
  for (let after: number | null = 0; after !== null; ) {
    if (count >= limit || isStopped()) return { count, more: true }
    const part: number = Math.min(archivedAtOnce, limit - count)
    const answer: Answer<'archive'> = await orders.give<'archive'>({ kind: 'archive', ...what, after, limit: part })
    if (isRefusal(answer)) break
    count += answer.count
    after = answer.next
  }
  return { count, more: false }
}

export type ArchiveView = ReturnType<typeof archiveView>

const archiveView = ({ publicId, finishedAt, archivedAt, ...entry }: ArchiveEntry) => ({
  id: publicId,
  action: entry.action,
  subject: entry.subject,
  state: entry.state,
  idempotencyKey: entry.key,
  finishedAt: new Date(finishedAt).toISOString(),
  archivedAt: new Date(archivedAt).toISOString(),
  bytes: entry.bytes,
  sha256: entry.sha256,
})
