import type { DatabaseSync } from 'node:sqlite'
import { Committer } from '../../src/commit/committer.ts'
import type { Answer, OrderKind, OrderOf, Orders } from '../../src/commit/order.ts'
import { DatabaseError } from '../../src/errors/failures.ts'
import type { PublicIdKey } from '../../src/identity/public-id.ts'
import type { Changes } from '../../src/store/rows.ts'
import { Prepared } from '../../src/store/sqlite/prepared.ts'
import { SqliteSession } from '../../src/store/sqlite/session.ts'
import type { Statements } from '../../src/store/sqlite/statements.ts'
import type { StoreSession } from '../../src/store/store.ts'
import type { FaultKind, Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'
import type { Tape } from './tape.ts'

export interface WriterPorts {
  readonly db: DatabaseSync
  readonly idKey: PublicIdKey
  readonly scheduler: Scheduler
  readonly faults: Faults
  readonly statements?: Partial<Statements> | undefined
  /** With the limits that were ordered and open when its transaction began: it may have passed through each of them. */
  readonly onCommitted: (changes: Changes, limits: readonly OrderOf<'limit'>[]) => void
  /** Before each call into the store. */
  readonly onCall: (call: Call) => void
  /** Every answer the committer gives, at the moment it is given. */
  readonly onAnswer: (order: OrderOf<OrderKind>, answer: Answer) => void
  readonly log: (line: string) => void
  /** Keeps what is committed, to be played again on another store. */
  readonly tape?: Tape | undefined
}

/** Orders whose input holds this cannot be committed: the culprit that halving must find. */
export const poison = 'cannot-be-committed'

export type Call = 'begin' | 'read' | 'write' | 'commit' | 'rollback'

const crashKinds: { readonly [C in Call]: readonly [before: FaultKind, after: FaultKind | null] } = {
  begin: ['writer crashes before begin', null],
  read: ['writer crashes before a read', null],
  write: ['writer crashes before write', 'writer crashes after write'],
  commit: ['writer crashes before commit', 'writer crashes after commit'],
  rollback: ['writer crashes before rollback', null],
}

const failKinds: { readonly [C in Call]: FaultKind | null } = {
  begin: 'begin fails',
  read: 'read fails',
  write: 'write fails',
  commit: 'commit fails',
  rollback: null,
}

/**
 * The process that owns the store. Its crash at a store call is a call that never returns: whatever the committer would
 * have done next does not happen, and nobody hears an answer.
 */
export class Writer {
  readonly #ports: WriterPorts
  readonly #prepared: Prepared
  #generation = 0
  /** A start that fails is a start that is tried again: nothing to be learnt, so no fault strikes it. */
  #isOpening = false
  #orders: Orders | null = null
  #inFlight = new Set<() => void>()
  #openLimits = new Set<OrderOf<'limit'>>()

  constructor(ports: WriterPorts) {
    this.#ports = ports
    this.#prepared = new Prepared(ports.db, ports.statements)
  }

  get isUp(): boolean {
    return this.#orders !== null
  }

  get owner(): string {
    return `writer.${this.#generation}`
  }

  /** Reads the store anew, as a restarted process does. */
  async start(onStarted: () => void): Promise<void> {
    this.#generation += 1
    const { db, idKey, scheduler, onAnswer, tape } = this.#ports
    tape?.restarted()
    const owner = this.owner
    const session = new SqliteSession(db, this.#prepared, () => {})
    const openLimits = new Set<OrderOf<'limit'>>()
    this.#openLimits = openLimits
    this.#isOpening = true
    const committer = await Committer.open({
      session: this.#faulty(session),
      idKey,
      clock: scheduler.clockOf(owner, newestAt(db)),
      soon: (run) => scheduler.post(owner, 'commits', run),
      onBatch: (batch) => tape?.decided(batch),
    })
    this.#isOpening = false
    this.#orders = {
      async give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>> {
        const limit = limitOf(order)
        if (limit !== null) openLimits.add(limit)
        try {
          const answer = await committer.give<K>(order)
          onAnswer(order, answer)
          return answer
        } finally {
          if (limit !== null) openLimits.delete(limit)
        }
      },
    }
    onStarted()
  }

  orders(): Orders {
    if (this.#orders === null) throw new DatabaseError('the writer is down')
    return this.#orders
  }

  /** Runs a call on this writer; `broken` is called instead of an answer when the writer crashes under it. */
  ask<T>(call: () => Promise<T>, answered: (answer: Promise<T>) => void, broken: () => void): void {
    if (!this.isUp) {
      broken()
      return
    }
    const inFlight = this.#inFlight
    inFlight.add(broken)
    const answer = call()
    const hear = async (): Promise<void> => {
      await Promise.allSettled([answer])
      if (inFlight.delete(broken)) answered(answer)
    }
    void hear()
  }

  #crash(kind: FaultKind, isAlive: { now: boolean }): Promise<never> {
    const { db, scheduler, log } = this.#ports
    log(`${this.owner} ${kind}`)
    isAlive.now = false
    this.#orders = null
    scheduler.kill(this.owner)
    const broken = [...this.#inFlight]
    this.#inFlight.clear()
    for (const each of broken) each()
    if (db.isTransaction) db.exec('rollback')
    return never()
  }

  #faulty(real: SqliteSession): StoreSession {
    const { faults, onCommitted } = this.#ports
    const isAlive = { now: true }
    let written: Changes | null = null
    let limits: readonly OrderOf<'limit'>[] = []
    const call = <T>(kind: Call, work: () => T): T | Promise<never> => {
      if (!isAlive.now) return never()
      if (this.#isOpening) return work()
      this.#ports.onCall(kind)
      if (kind === 'begin') limits = [...this.#openLimits]
      const [before, after] = crashKinds[kind]
      if (faults.strikes(before, kind === 'rollback' ? 0.05 : 0.003)) return this.#crash(before, isAlive)
      const failure = failKinds[kind]
      if (failure !== null && faults.strikes(failure, 0.006)) throw new DatabaseError(failure)
      const answer = work()
      if (kind === 'commit' && written !== null) {
        onCommitted(written, limits)
        this.#ports.tape?.committed()
        written = null
      }
      if (after !== null && faults.strikes(after, 0.006)) return this.#crash(after, isAlive)
      return answer
    }
    const read = <T>(work: () => T): T | Promise<never> => call('read', work)
    return {
      begin: () => call('begin', () => real.begin()),
      write: (changes) =>
        call('write', () => {
          const answer = real.write(changes)
          if (changes.admitted.some(({ request }) => request.input.includes(poison))) {
            faults.note('an order that cannot be committed')
            throw new DatabaseError('this row cannot be stored')
          }
          written = changes
          return answer
        }),
      commit: () => call('commit', () => real.commit()),
      rollback: () =>
        call('rollback', () => {
          written = null
          real.rollback()
        }),
      close: () => {},
      counters: () => read(() => real.counters()),
      queues: () => real.queues(),
      quarantine: () => real.quarantine(),
      executions: (ids) => read(() => real.executions(ids)),
      requests: (ids) => read(() => real.requests(ids)),
      keyOwners: (lookups) => read(() => real.keyOwners(lookups)),
      effects: (ids) => read(() => real.effects(ids)),
      steps: (ids) => read(() => real.steps(ids)),
      votes: (ids) => read(() => real.votes(ids)),
      plans: (ids) => read(() => real.plans(ids)),
      planSteps: (ids) => read(() => real.planSteps(ids)),
      planStepsAt: (places) => read(() => real.planStepsAt(places)),
      newestLogs: (ids) => read(() => real.newestLogs(ids)),
      fingerprints: (ids) => read(() => real.fingerprints(ids)),
      ready: (queue, limit) => read(() => real.ready(queue, limit)),
      readyBehind: (place, limit) => read(() => real.readyBehind(place, limit)),
      dueTimers: (now, limit) => read(() => real.dueTimers(now, limit)),
      nextTimerAt: () => read(() => real.nextTimerAt()),
      expiredLeases: (now, after, limit) => read(() => real.expiredLeases(now, after, limit)),
      heldBy: (worker, after, limit) => read(() => real.heldBy(worker, after, limit)),
      doubtedBy: (worker, after, limit) => read(() => real.doubtedBy(worker, after, limit)),
      unreadSignals: (ids) => read(() => real.unreadSignals(ids)),
      childCounts: (ids) => read(() => real.childCounts(ids)),
      openChildren: (id, limit) => read(() => real.openChildren(id, limit)),
      signalHeads: (ids) => read(() => real.signalHeads(ids)),
      parked: (key, limit) => read(() => real.parked(key, limit)),
      parkedHeads: (key, rank, each) => read(() => real.parkedHeads(key, rank, each)),
      parkedAt: (id) => read(() => real.parkedAt(id)),
      readyHeads: (queue, rank, each) => read(() => real.readyHeads(queue, rank, each)),
      turns: (pairs) => read(() => real.turns(pairs)),
      virtualTime: (queue, rank) => read(() => real.virtualTime(queue, rank)),
      permits: (tenant, key) => read(() => real.permits(tenant, key)),
      permitsOf: (ids) => read(() => real.permitsOf(ids)),
      holders: () => real.holders(),
      waiters: (tenant, key) => read(() => real.waiters(tenant, key)),
      waitersOf: (ids) => read(() => real.waitersOf(ids)),
      limits: () => real.limits(),
      rate: (tenant, key) => read(() => real.rate(tenant, key)),
      dueRates: (now, limit) => read(() => real.dueRates(now, limit)),
      pauses: () => read(() => real.pauses()),
      timeoutPolicies: () => real.timeoutPolicies(),
      depths: () => real.depths(),
      rights: (after) => real.rights(after),
      policies: (ask) => real.policies(ask),
      pauseIntervals: (since) => read(() => real.pauseIntervals(since)),
      pausedTime: () => real.pausedTime(),
      releases: () => read(() => real.releases()),
      bulk: (key) => read(() => real.bulk(key)),
      nextBulk: () => read(() => real.nextBulk()),
      bulkItems: (key, limit) => read(() => real.bulkItems(key, limit)),
      workers: (keys) => real.workers(keys),
      leader: (epoch) => real.leader(epoch),
      archivable: (ask) => read(() => real.archivable(ask)),
      archived: (ids) => read(() => real.archived(ids)),
      waiting: () => read(() => real.waiting()),
      schedule: (tenant, name) => read(() => real.schedule(tenant, name)),
      token: (id) => read(() => real.token(id)),
      signIn: (hash) => read(() => real.signIn(hash)),
      signInsOf: (tenant, principal) => read(() => real.signInsOf(tenant, principal)),
      expiredSignIns: (now, limit) => read(() => real.expiredSignIns(now, limit)),
    }
  }
}

/** A copy for each time that it is given: the network may double it. */
const limitOf = (order: OrderOf<OrderKind>): OrderOf<'limit'> | null => (order.kind === 'limit' ? { ...order } : null)

const newestAt = (db: DatabaseSync): number =>
  (db.prepare('select ifnull(max(at), 0) as at from log').get()?.at ?? 0) as number

const never = (): Promise<never> => new Promise<never>(() => {})
