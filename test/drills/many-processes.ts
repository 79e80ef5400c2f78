import { join } from 'node:path'
import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import { startThrowaway, type Throwaway } from '../postgres/throwaway.ts'
import { startRedis, type ThrowawayRedis } from '../redis/throwaway.ts'
import { type Check, check, type Evidence, type Stroke } from './checks.ts'
import { Child } from './child.ts'
import { copyToSqlite } from './copied.ts'
import { Dice, passMs } from './dice.ts'
import { leftovers } from './leftovers.ts'
import { exclusiveTogether, oneLeader, readAsStored, settledAgain } from './many-checks.ts'
import { type Member, Members } from './members.ts'
import type { Submitted, TargetOptions } from './messages.ts'
import { Onlooker } from './onlooker.ts'
import { hinted } from './profiles.ts'
import { readRecord } from './record.ts'
import { checkedFigures, type DrillReport } from './report.ts'
import { endSession, RedisStrokes, restartServer } from './server-strokes.ts'
import { Signal } from './signal.ts'
import { Tail } from './tail.ts'

export interface ManyOptions {
  /** Executions in all; more where restarted workers have not settled anything yet. */
  readonly count: number
  /** Between one stroke at a process and the next. */
  readonly everyMs: number
  /** At processes, at least; in the end they go on until all executions were submitted. */
  readonly strokes: number
  /** Sessions are ended, and Redis is struck, with every so-manieth of these strokes. */
  readonly sessionEvery: number
  readonly redisEvery: number
  readonly seed: string
  /** Whether the rate under strokes is judged, and not only told. */
  readonly isFull: boolean
}

/** Executions under way, and slots of each of four workers: what is due finds a slot while two of them are away. */
const lanes = 96
const slots = 48
const lockKeys = 16
/** A third holds a lock and has one effect, a third has all of them, a third has none. */
const kinds = ['locked', 'run', 'quick'] as const
const oneInTen = 10
/** Of all executions, those submitted in calm; and of these, the ones that come before anything is measured. */
const calmShare = 1 / 8
const warmShare = 1 / 4
/** Who is not answered by then asks again, maybe somebody else: a process may be frozen with the question in it. */
const answerMs = 5_000
/** Single submits, each of which a poll may find before its hint does. */
const carriedTries = 60

/**
 * Eight processes on one PostgreSQL, which hear of due work through one Redis: four workers, two that admit, two that take
 * turns at the duties. Every so often a random one is killed and started anew, or frozen for a while; sessions are ended
 * on the server; Redis is stopped, flushed and started anew; and once, in the middle, the server itself goes down without
 * a word and comes back. Then everything is read from outside.
 */
export async function manyProcesses(options: ManyOptions): Promise<DrillReport> {
  const drill = new ManyProcesses(options)
  try {
    return await drill.run()
  } finally {
    await drill.discard()
  }
}

class ManyProcesses {
  readonly #options: ManyOptions
  readonly #dice: Dice
  readonly #signal = new Signal()
  readonly #onlooker = new Onlooker()
  readonly #folder = leftovers.folder()
  readonly #acknowledged = new Map<string, Submitted>()
  /** Acknowledged, and not seen at rest. */
  readonly #open = new Set<number>()
  readonly #counts = { session: 0, server: 0, askedAgain: 0 }
  readonly #deaf: string[] = []
  #server!: Throwaway
  #redis!: ThrowawayRedis
  #redisStrokes!: RedisStrokes
  #members!: Members
  #host!: StoreHost
  #tail!: Tail
  #target!: Child
  #next = 0
  #probes = 0
  #finished = 0
  #isOver = false

  constructor(options: ManyOptions) {
    this.#options = options
    this.#dice = new Dice(`${options.seed} cluster`)
  }

  async run(): Promise<DrillReport> {
    const { count, isFull } = this.#options
    await this.#begin()
    await this.#carried('before the load')
    const load = Array.from({ length: lanes }, () => this.#lane())
    const calmCount = Math.ceil(count * calmShare)
    await this.#signal.until('work to begin', () => this.#finished >= calmCount * warmShare)
    const calmRate = await this.#rateUntil(() => this.#finished >= calmCount)
    const calmHints = await this.#redisStrokes.carried()
    const strokesMs = { beganAt: performance.now(), before: this.#finished }
    const strokes = await this.#strike()
    const strokesRate = rate(this.#finished - strokesMs.before, strokesMs.beganAt)
    const lastHints = await this.#redisStrokes.carried()
    // Whoever was started last has something to settle yet.
    await this.#signal.until('each worker to have settled something', () => this.#haveAllSettled(), 120_000)
    this.#isOver = true
    await Promise.all(load)
    await this.#carried('behind the last stroke')
    const waited = await this.#close()
    await this.#tail.stop()
    const leaders = await this.#host.views.leaders(1_000)
    const workers = await this.#host.views.workers()
    const path = join(this.#folder, 'copy.db')
    await copyToSqlite(this.#server.url, path)
    const opened = openSqlite({ path, readOnly: true })
    try {
      const evidence: Evidence = {
        opened,
        entries: readRecord(this.#record),
        acknowledged: this.#acknowledged,
        strokes: this.#strokesOf(workers.map(({ key, pid }) => [key, pid])),
        times: hinted,
        heldUpMs: 0,
      }
      const checked = check(evidence)
      // With leader, server and sessions struck as well, the bound is not that of one loss at a time.
      const told = checked.checks.filter(({ promise }) => !promise.includes('within the bound'))
      const share = calmRate === 0 ? 1 : strokesRate / calmRate
      const { killed, frozen, redis, errors, incarnations } = this.#members
      return {
        name: 'cluster',
        rounds: strokes,
        failedRounds: [],
        checks: [
          ...told,
          readAsStored(this.#tail, opened.views().log(0, Number.MAX_SAFE_INTEGER)),
          exclusiveTogether(this.#tail.rows, this.#lockOf()),
          oneLeader(leaders),
          settledAgain(incarnations, workers, this.#tail.rows),
          {
            promise: 'SE-50 DG-01 hints are carried through Redis before the load, and again behind every stroke',
            complaints: this.#deaf,
          },
          { promise: 'CP-004b no process reports an error of the engine', complaints: errors },
          ...(isFull ? [floor(share)] : []),
        ],
        figures: {
          ...checkedFigures(checked),
          'asked a person': waited,
          'processes killed': killed,
          'processes frozen': frozen,
          'sessions ended': this.#counts.session,
          'server stopped at once': this.#counts.server,
          'Redis stopped for a while': this.#redisStrokes.counts.stopped,
          'Redis flushed': this.#redisStrokes.counts.flushed,
          'Redis started anew': this.#redisStrokes.counts.restarted,
          'processes that said Redis is away': redis.away,
          'of the newest jobs in calm, the execution ran by its job': calmHints,
          'of the newest jobs under strokes, the execution ran by its job': lastHints,
          'submits given again elsewhere': this.#counts.askedAgain,
          'epochs of leaders': leaders.length,
          'duties refused': leaders.reduce((sum, { refused }) => sum + refused, 0),
          'calm executions per second': Number(calmRate.toFixed(1)),
          'executions per second under strokes': Number(strokesRate.toFixed(1)),
          'of the calm rate': Number(share.toFixed(2)),
        },
      }
    } finally {
      opened.close()
    }
  }

  async discard(): Promise<void> {
    this.#isOver = true
    await Promise.all((this.#members?.all ?? []).map(({ child }) => this.#members.end(child)))
    await this.#target?.end()
    await this.#host?.close().catch(() => {})
    await this.#redisStrokes?.over().catch(() => {})
    await this.#redis?.remove()
    await this.#server?.remove()
    leftovers.discard(this.#folder)
  }

  get #record(): string {
    return join(this.#folder, 'requests.jsonl')
  }

  async #begin(): Promise<void> {
    this.#server = await startThrowaway()
    this.#redis = await startRedis(['--maxmemory-policy', 'noeviction'])
    this.#redisStrokes = new RedisStrokes(this.#redis)
    const { url: store } = this.#server
    this.#host = await postgres({ url: store })
    this.#tail = new Tail(this.#host, this.#onlooker, this.#signal)
    const options: TargetOptions = { record: this.#record, database: store, forgetful: false }
    this.#target = new Child('target', options, this.#signal, () => {})
    await this.#signal.until('the target to be ready', () => this.#target.ready)
    const target = this.#target.ready?.address ?? ''
    const given = { store, redisUrl: this.#redis.url, target, folder: this.#folder, slots }
    this.#members = new Members(given, this.#signal, this.#dice)
    await this.#members.startAll()
  }

  /** Submits, waits for the end, and begins again; what was not acknowledged is submitted with its key until it is. */
  async #lane(): Promise<void> {
    while (!this.#isOver) {
      const { id } = await this.#submitUntilTaken(this.#next++)
      await this.#signal.until('work to come to rest', () => this.#isOver || this.#onlooker.isSettled(id), 300_000)
      this.#finished += 1
      this.#signal.raise()
    }
  }

  async #submitUntilTaken(number: number): Promise<Submitted> {
    const { key, ask } = commandOf(number)
    for (;;) {
      const api = this.#members.anyReady('api')
      try {
        const submitted = await this.#answered(api, ask)
        this.#acknowledged.set(key, submitted)
        this.#open.add(submitted.id)
        return submitted
      } catch {
        this.#counts.askedAgain += 1
        await passMs(100)
      }
    }
  }

  /** @throws where it has ended, or takes too long: it may be frozen */
  async #answered(api: Member, command: ReturnType<typeof commandOf>['ask']): Promise<Submitted> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => late.reject(new Error('no answer')), answerMs)
    try {
      return await Promise.race([api.child.ask<Submitted>(command), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  async #rateUntil(isReached: () => boolean): Promise<number> {
    const [beganAt, before] = [performance.now(), this.#finished]
    await this.#signal.until('work at rest in calm', isReached, 24 * 3_600_000)
    return rate(this.#finished - before, beganAt)
  }

  /** @returns how many strokes there were */
  async #strike(): Promise<number> {
    const { count, strokes, everyMs, sessionEvery, redisEvery } = this.#options
    let stroke = 0
    for (; stroke < strokes || this.#next < count; stroke += 1) {
      await passMs(everyMs)
      const isMiddle = stroke >= strokes / 2 && this.#next >= (count * (1 + calmShare)) / 2
      if (isMiddle && this.#counts.server === 0) {
        this.#counts.server += 1
        await restartServer(this.#server)
      }
      if (stroke % sessionEvery === sessionEvery - 1) {
        this.#counts.session += 1
        await endSession(this.#server.url)
      }
      if (stroke % redisEvery === redisEvery - 1) this.#redisStrokes.strike()
      if (this.#dice.below(10) < 6) await this.#members.kill()
      else this.#members.freeze()
    }
    await this.#members.allAwake()
    await this.#redisStrokes.over()
    return stroke
  }

  /** One at a time, until one was run by a job and not found by a poll. */
  async #carried(when: string): Promise<void> {
    for (let tries = 0; tries < carriedTries; tries += 1) {
      const { id } = await this.#submitUntilTaken(probing + this.#probes++)
      await this.#signal.until('a probe to come to rest', () => this.#onlooker.isSettled(id), 60_000)
      if (await this.#redisStrokes.carries('drill.quick')) return
    }
    this.#deaf.push(`${when} no execution was run by a job`)
  }

  /** Every incarnation of a worker that is there now. */
  #haveAllSettled(): boolean {
    if (!this.#isAsking) void this.#learnPids()
    for (; this.#looked < this.#tail.rows.length; this.#looked += 1) {
      const row = this.#tail.rows[this.#looked]
      if (row?.type === 'succeed' && row.worker !== null) this.#settled.add(row.worker)
    }
    const pids = new Set([...this.#settled].map((worker) => this.#pidOf.get(worker)))
    return this.#members.of('worker').every(({ child }) => pids.has(child.pid))
  }

  readonly #pidOf = new Map<number, number>()
  readonly #settled = new Set<number>()
  /** Rows of the feed that were looked at. */
  #looked = 0
  #isAsking = false

  /** What the server cannot answer now is asked again with the next question. */
  async #learnPids(): Promise<void> {
    this.#isAsking = true
    try {
      for (const { key, pid } of await this.#host.views.workers()) this.#pidOf.set(key, pid)
    } catch {
      // It is being restarted.
    } finally {
      this.#isAsking = false
    }
  }

  /** The workers that were there are gone for certain, others finish, and a person decides what nobody else can. */
  async #close(): Promise<number> {
    for (const { child } of this.#members.of('worker')) await this.#members.end(child)
    this.#members.add('worker', 'closing')
    await this.#signal.until('everything to come to rest', () => this.#isAtRest(), 300_000)
    const publicIds = new Map([...this.#acknowledged.values()].map(({ id, publicId }) => [id, publicId]))
    const waited = this.#onlooker.waiting()
    for (let waiting = waited; waiting.length > 0; waiting = this.#onlooker.waiting()) {
      const applied = new Set(readRecord(this.#record).flatMap((e) => (e.type === 'applied' ? [e.effectKey] : [])))
      for (const id of waiting) {
        await this.#decideFor(id, publicIds.get(id) ?? '', applied)
        this.#open.add(id)
      }
      const isDecided = (): boolean => !waiting.some((id) => this.#onlooker.of(id)?.state === 'waiting')
      await this.#signal.until('what a person decided to go on', isDecided, 300_000)
      await this.#signal.until('everything to come to rest', () => this.#isAtRest(), 300_000)
    }
    return waited.length
  }

  #isAtRest(): boolean {
    for (const id of this.#open) if (this.#onlooker.isSettled(id)) this.#open.delete(id)
    return this.#open.size === 0
  }

  async #decideFor(id: number, publicId: string, applied: ReadonlySet<string>): Promise<void> {
    const [api] = this.#members.of('api')
    for (const { effectKey } of await this.#host.views.effects({ id, open: true, limit: 10 })) {
      const verdict = applied.has(effectKey) ? 'applied' : 'not_applied'
      await api?.child.ask({ resolve: { publicId, effectKey, verdict } })
    }
  }

  #strokesOf(workers: readonly (readonly [number, number])[]): Stroke[] {
    return workers.flatMap(([worker, pid]) =>
      this.#members.incarnations.filter((each) => each.pid === pid).map(({ from }) => ({ worker, at: from })),
    )
  }

  /** Lock of each execution that holds one. */
  #lockOf(): ReadonlyMap<number, string> {
    return new Map(
      [...this.#acknowledged].flatMap(([key, { id }]) => {
        const lock = /^locked-(\d+)-/.exec(key)?.[1]
        return lock === undefined ? [] : [[id, `lane:${lock}`] as const]
      }),
    )
  }
}

/** Behind all numbers of the load: what is submitted by itself. */
const probing = 1_000_000_000

/** What the number-th submit is, and its key. */
function commandOf(number: number) {
  const lock = Math.floor(number / kinds.length) % lockKeys
  const kind = number < probing ? (kinds[number % kinds.length] ?? 'quick') : 'quick'
  const key = kind === 'locked' ? `locked-${lock}-${number}` : `${kind}-${number}`
  const blind = Math.floor(number / kinds.length) % oneInTen === 1
  if (kind === 'run') return { key, ask: { submit: { key, hold: null, blind, deaf: false } } }
  if (kind === 'quick') return { key, ask: { submitOther: { key, action: 'drill.quick', input: {} } } }
  return { key, ask: { submitOther: { key, action: 'drill.exclusive', input: { lock } } } }
}

const rate = (count: number, beganAt: number): number => (count * 1_000) / (performance.now() - beganAt)

const floor = (share: number): Check => ({
  promise: 'CP-004a at least 0.3 of the calm rate is kept up under strokes',
  complaints: share >= 0.3 ? [] : [`${share.toFixed(2)} of the calm rate`],
})
