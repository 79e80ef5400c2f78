import { DatabaseError } from '../errors/failures.ts'
import { type Refusal, Refused, refuse } from '../errors/refusal.ts'
import { Passing, UnknownCommit } from '../store/failures.ts'
import { type UndecodableRow, UndecodableRows } from '../store/quarantine.ts'
import type { StoreSession } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type BatchResult, runBatch } from './batch.ts'
import type { CommitterOptions } from './committer-options.ts'
import { takesWork } from './fleet/registry.ts'
import { WorkerNews } from './fleet/worker-news.ts'
import { admitInHalves } from './halving.ts'
import { type Memory, remember } from './memory.ts'
import {
  type Admission,
  type Answer,
  type Order,
  type OrderKind,
  type OrderOf,
  type Orders,
  unknownWorker,
} from './order.ts'
import type { Join, Pending, StandingClaim } from './pending.ts'
import { converse } from './reads.ts'
import { aroundUndecodable, setAside } from './set-aside.ts'

const groupMin = 32
const askAgainMs = 1_000
/** A store that fails is not asked for timers and claims in a tight loop; orders are tried as they come. */
const restMs = 250
const groupMax = 2_000
/** Where others write too, what they leave is looked for this often; being told of it is only sooner. */
const pollMs = 1_000
/** Tries of one commit that was in somebody's way, or whose server went away: about half a minute in all. */
const triesMax = 24
const firstPauseMs = 10
const longestPauseMs = 2_000

/**
 * The one writer of a store. Whatever waits when a commit ends goes into the next one, so that a group grows with the
 * load and is a single order when idle. Nobody is answered before the commit that holds the order is durable. A group
 * that fails is halved down to the order that cannot be committed; its neighbours are committed without it.
 */
export class Committer implements Orders {
  readonly #session: StoreSession
  readonly #clock: Clock
  readonly #options: CommitterOptions
  #memory: Memory
  readonly #waitingMax: number
  #pending: Pending[] = []
  #claims: StandingClaim[] = []
  readonly #news = new WorkerNews()
  /** A claim came that no commit has looked at yet. */
  #claimsUnseen = false
  #group = 500
  #scheduled = false
  #working: Promise<void> | null = null
  #workingSince = 0
  #alarm: { cancel(): void; readonly at: number } | null = null
  #closed = false
  #restUntil = 0

  private constructor(options: CommitterOptions, memory: Memory) {
    this.#options = options
    this.#session = options.session
    this.#clock = options.clock
    this.#memory = memory
    this.#waitingMax = options.waitingMax ?? 100_000
  }

  /** Reads what the writer must remember and takes up the timers that were left. */
  static async open(options: CommitterOptions): Promise<Committer> {
    const { session, idKey } = options
    const memory = await remember(session, idKey, undefined, (quarantine) =>
      aroundUndecodable(options, quarantine, () => session.workers('live')),
    )
    const committer = new Committer(options, memory)
    committer.#setAlarm()
    return committer
  }

  give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>> {
    return new Promise<Answer<K>>((resolve, reject) => {
      this.post(order, (answer) => resolve(answer as Answer<K>), reject)
    })
  }

  /** `give` without a promise, for carriers that answer many orders at once. */
  post(order: Order, answer: (answer: Answer) => void, fail: (error: Error) => void): void {
    if (this.#closed) {
      fail(new DatabaseError('the store is closed'))
      return
    }
    if (order.kind === 'claim') {
      this.#claimsAgain(order.worker)
      this.#claims.push({ order, answer, until: this.#clock.now() + order.waitMs })
      this.#claimsUnseen = true
    } else if (order.kind === 'listen') {
      this.#listen(order, answer)
      return
    } else if (this.#pending.length < this.#waitingMax) {
      this.#pending.push({ order, answer, fail })
    } else {
      answer(busy(this.#waitingMax))
      return
    }
    this.#schedule()
  }

  /** Nothing is written: the answer is news of commits that are durable. */
  #listen(order: OrderOf<'listen'>, answer: (answer: Answer) => void): void {
    const worker = this.#memory.workers.get(order.worker)
    if (worker === undefined || !takesWork(worker)) answer(unknownWorker(order.worker))
    else {
      this.#news.listen(order, answer, this.#clock.now() + order.waitMs)
      this.#setAlarm()
    }
  }

  /** Whoever asks for work drains no longer, also when the word of it was lost or overtaken on its way. */
  #claimsAgain(worker: number): void {
    if ((this.#memory.workers.get(worker)?.drainingSince ?? null) === null) return
    this.#pending.push({ order: { kind: 'drain', worker, on: false }, answer: () => {}, fail: () => {} })
  }

  /** Resolves when everything given so far is committed or failed; then closes the store. */
  async close(): Promise<void> {
    this.#closed = true
    this.#alarm?.cancel()
    for (const { answer } of this.#claims.splice(0)) answer([])
    this.#news.close()
    while (this.#pending.length > 0 || this.#working !== null) {
      this.#work()
      await this.#working
    }
    await this.#session.close()
  }

  #schedule(): void {
    if (this.#scheduled || this.#working !== null) return
    this.#scheduled = true
    this.#options.soon(() => {
      this.#scheduled = false
      this.#work()
    })
  }

  #work(): void {
    if (this.#working !== null) return
    this.#workingSince = this.#clock.now()
    this.#working = this.#drainOne().finally(() => {
      this.#working = null
      if (this.#pending.length > 0 || this.#claimsUnseen) this.#schedule()
      else this.#setAlarm()
    })
  }

  async #drainOne(): Promise<void> {
    const group = this.#pending.splice(0, this.#group)
    this.#claimsUnseen = false
    const stopwatch = this.#options.stopwatch
    const startedAt = stopwatch?.() ?? 0
    const claims = [...this.#claims]
    await this.#commit(group, claims, () => this.#join(group, claims))
    if (stopwatch !== undefined && group.length >= groupMin / 2) {
      const each = (stopwatch() - startedAt) / group.length
      const fitting = Math.round((this.#options.groupMs ?? 3) / Math.max(each, 0.000_5))
      this.#group = Math.min(groupMax, Math.max(groupMin, Math.round((this.#group + fitting) / 2)))
    }
    this.#expireClaims(claims)
  }

  /** Whoever came while the store was another writer's goes along, instead of waiting for all of them once more. */
  #join(group: Pending[], claims: StandingClaim[]): void {
    group.push(...this.#pending.splice(0, Math.max(0, this.#group - group.length)))
    claims.splice(0, claims.length, ...this.#claims)
    this.#claimsUnseen = false
  }

  async #commit(group: readonly Pending[], claims: readonly StandingClaim[], join?: Join): Promise<void> {
    let result: BatchResult
    try {
      result = await this.#attempt(group, claims, join)
    } catch (error) {
      await this.#withoutCulprit(group, claims, error)
      return
    }
    result.committed()
    if (result.quarantineChanged) await this.#rememberQuarantine()
    if (result.timersFired) this.#memory.nextTimerAt = await this.#askNextTimerAt()
    const filled = new Set<StandingClaim>()
    for (const [index, claim] of claims.entries()) {
      const answer = result.claims[index]
      if (answer === null || answer === undefined) continue
      filled.add(claim)
      claim.answer(answer)
    }
    if (filled.size > 0) this.#claims = this.#claims.filter((claim) => !filled.has(claim))
    if (result.unfinished && this.#claims.length > 0) this.#claimsUnseen = true
    for (const [index, { answer }] of group.entries()) {
      const given = result.answers[index]
      if (given === undefined) throw new Error('a batch answered fewer orders than it was given')
      answer(given)
    }
    this.#tell(group, result)
    if (result.hasNews) this.#options.onCommit?.(result.changedIds, result.dueNews)
  }

  #tell(group: readonly Pending[], { cancelAsked, granted, drained }: BatchResult): void {
    if (cancelAsked.length > 0) this.#news.cancel(cancelAsked)
    if (granted.length > 0) this.#news.grant(granted)
    if (drained.length > 0) this.#news.drain(drained)
    for (const { order } of group)
      if (order.kind === 'sign_off' || order.kind === 'gone') this.#news.forget(order.worker)
  }

  /**
   * A refusal of the whole store (a full disk, a lost file) is nobody's fault: halving would only repeat it. What may have
   * been committed is not tried again at all.
   */
  async #withoutCulprit(group: readonly Pending[], claims: readonly StandingClaim[], error: unknown): Promise<void> {
    if (error instanceof UndecodableRows && (await this.#setAside(error.rows))) return this.#commit(group, claims)
    const failure = error instanceof Error ? error : new DatabaseError(String(error))
    this.#options.onFailure?.(failure, group.length)
    this.#restUntil = this.#clock.now() + restMs
    if (error instanceof UnknownCommit || error instanceof Passing) {
      const told = failure.cause instanceof Refused ? failure.cause : failure
      for (const { fail } of group) fail(told)
      return
    }
    if (group.length > 0 && claims.length > 0) return this.#commit(group, [])
    const [only] = group
    const isWhole = only !== undefined && group.length === 1 && only.isPart === undefined
    if (
      isWhole &&
      only.order.kind === 'admit_many' &&
      only.order.admissions.length > 1 &&
      !(error instanceof Refused)
    ) {
      return this.#admitInHalves(only, only.order.admissions, failure)
    }
    if (group.length <= 1 || error instanceof Refused) {
      for (const { fail } of group) fail(failure)
      return
    }
    const middle = Math.ceil(group.length / 2)
    await this.#commit(group.slice(0, middle), [])
    await this.#commit(group.slice(middle), [])
  }

  /** Many at once of which something cannot be written: the rest is admitted without it, and each is answered. */
  async #admitInHalves(pending: Pending, admissions: readonly Admission[], failure: Error): Promise<void> {
    const answers = await admitInHalves(
      admissions,
      (part) =>
        new Promise((resolve, reject) => {
          const order = { kind: 'admit_many', admissions: part } as const
          const answer = (given: Answer): void => resolve(given as Answer<'admit_many'>)
          this.#commit([{ order, answer, fail: resolve, isPart: true }], []).catch(reject)
        }),
    )
    if (answers === null) pending.fail(failure)
    else pending.answer(answers)
  }

  /** Rows that cannot be read are put aside in a commit of their own; false when that changes nothing. */
  async #setAside(rows: readonly UndecodableRow[]): Promise<boolean> {
    try {
      const isNews = await setAside(this.#options, this.#memory.quarantine, rows)
      // What is held back from now on must not be found beside the store.
      this.#memory.rows.clear()
      return isNews
    } catch {
      return false
    }
  }

  /** As below: durable before, and asked again with the next row that is set aside. */
  async #rememberQuarantine(): Promise<void> {
    this.#memory.rows.clear()
    try {
      this.#memory.quarantine.remember(await this.#session.quarantine())
    } catch {}
  }

  /** The commit before it is durable: a question that fails must not keep its answers back. It is asked again soon. */
  async #askNextTimerAt(): Promise<number | null> {
    try {
      return await this.#session.nextTimerAt()
    } catch {
      return this.#clock.now() + askAgainMs
    }
  }

  /** Milliseconds for which the commit under way has been so, with every try of it; 0 while there is none. */
  underWayMs(): number {
    return this.#working === null ? 0 : Math.max(0, this.#clock.now() - this.#workingSince)
  }

  /** Somebody else has committed: what stands here may have become due. */
  wake(): void {
    if (this.#closed || this.#claims.length === 0) return
    this.#claimsUnseen = true
    this.#schedule()
  }

  /** The whole of it again, as long as the reason passes: nothing was kept of the try before. */
  async #attempt(group: readonly Pending[], claims: readonly StandingClaim[], join?: Join): Promise<BatchResult> {
    for (let tries = 1; ; tries += 1) {
      try {
        // Nobody joins what has failed before: each is tried as often as the others.
        return await this.#attemptOnce(group, claims, tries === 1 ? join : undefined)
      } catch (error) {
        if (!(error instanceof Passing) || tries === triesMax) throw error
        this.#memory.rows.clear()
        this.#options.onFailure?.(error, group.length)
        const pause = Math.min(firstPauseMs * 2 ** (tries - 1), longestPauseMs)
        await this.#clock.sleep(pause * (0.5 + 0.5 * (this.#options.random?.() ?? 1)))
      }
    }
  }

  async #attemptOnce(group: readonly Pending[], claims: readonly StandingClaim[], join?: Join): Promise<BatchResult> {
    const session = this.#session
    // Not awaited where the store answers at once: between two turns of the loop nobody may meet an open transaction.
    const begun = session.begin()
    if (begun instanceof Promise) {
      await begun
      join?.()
    }
    const orders = group.map(({ order }) => order)
    const standing = claims.map(({ order }) => order)
    try {
      if (session.othersWrote?.() === true) {
        this.#memory = await remember(session, this.#memory.idKey, this.#memory)
        session.caughtUp?.()
      }
      const [now, { nextTimerAt }] = [this.#clock.now(), this.#memory]
      const answer = converse(runBatch(orders, standing, this.#memory, now), session)
      const result = answer instanceof Promise ? await answer : answer
      const written = session.write(result.changes)
      const { stale } = written instanceof Promise ? await written : written
      if (stale.length > 0) this.#memory.rows.clear()
      if (stale.length > 0) throw new DatabaseError(`rows changed under the writer: ${stale.slice(0, 5).join(', ')}`)
      this.#options.onBatch?.({ orders, claims: standing, now, nextTimerAt, result })
      const committed = session.commit()
      if (committed instanceof Promise) await committed
      return result
    } catch (error) {
      await session.rollback()
      throw error
    }
  }

  /** A claim that came in during the commit has not been looked at yet: however impatient, it waits for the next one. */
  #expireClaims(offered: readonly StandingClaim[]): void {
    const now = this.#clock.now()
    this.#news.expire(now)
    const over = new Set(offered.filter((claim) => claim.until <= now && this.#claims.includes(claim)))
    if (over.size === 0) return
    this.#claims = this.#claims.filter((claim) => !over.has(claim))
    for (const { answer } of over) answer([])
  }

  /** Wakes the writer for the next timer or the end of a claim's patience, whichever is first. */
  #setAlarm(): void {
    if (this.#closed) return
    const times = this.#claims.map(({ until }) => until)
    if (this.#memory.nextTimerAt !== null) times.push(this.#memory.nextTimerAt)
    const newsUntil = this.#news.nextUntil()
    if (newsUntil !== null) times.push(newsUntil)
    if (this.#session.othersWrote !== undefined) times.push(this.#clock.now() + pollMs)
    if (times.length === 0) return
    const at = Math.max(Math.min(...times), this.#restUntil)
    const now = this.#clock.now()
    // One that is overdue was overtaken by a clock that was set forward: it would ring by the old reckoning.
    if (this.#alarm !== null && this.#alarm.at <= at && this.#alarm.at > now) return
    this.#alarm?.cancel()
    const timer = this.#clock.timer(Math.max(0, at - now), () => {
      this.#alarm = null
      this.#schedule()
    })
    this.#alarm = { at, cancel: () => timer.cancel() }
  }
}

const busy = (waiting: number): Refusal => refuse('store_busy', `${waiting} orders are waiting for the store already.`)
