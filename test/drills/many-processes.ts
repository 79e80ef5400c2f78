import { join } from 'node:path'
import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import { startThrowaway, type Throwaway } from '../postgres/throwaway.ts'
import { type Check, check, type Evidence, type Stroke } from './checks.ts'
import { Child } from './child.ts'
import { copyToSqlite } from './copied.ts'
import { Dice, passMs } from './dice.ts'
import { leftovers } from './leftovers.ts'
import { exclusiveTogether, type Incarnation, oneLeader, readAsStored, settledAgain } from './many-checks.ts'
import type { FromChild, MemberOptions, MemberRole, Submitted, TargetOptions } from './messages.ts'
import { Onlooker } from './onlooker.ts'
import { patient } from './profiles.ts'
import { readRecord } from './record.ts'
import { checkedFigures, type DrillReport } from './report.ts'
import { Signal } from './signal.ts'
import { Tail } from './tail.ts'

export interface ManyOptions {
  /** Executions in all; more where restarted workers have not settled anything yet. */
  readonly count: number
  /** Between one stroke and the next. */
  readonly everyMs: number
  readonly strokes: number
  readonly seed: string
  /** Whether the rate under strokes is judged, and not only told. */
  readonly isFull: boolean
}

/** One of the processes, over all its incarnations. */
interface Member {
  readonly role: MemberRole
  readonly identity: string
  child: Child
  isFrozen: boolean
}

const members: readonly (readonly [MemberRole, number])[] = [
  ['leader', 2],
  ['api', 2],
  ['worker', 4],
]
const lanes = 24
const lockKeys = 3
/** Of all executions, so many hold a lock. */
const oneInThree = 3
const oneInTen = 10
const calmShare = 1 / 5

/**
 * Eight processes on one PostgreSQL: four workers, two that admit, two that take turns at the duties. Every so often a
 * random one is killed and started anew, or frozen for a while; sessions are ended on the server; and once, in the middle,
 * the server itself goes down without a word and comes back. Then everything is read from outside.
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
  readonly #members: Member[] = []
  readonly #incarnations: Incarnation[] = []
  readonly #errors: string[] = []
  readonly #counts = { kill: 0, freeze: 0, session: 0, server: 0 }
  #server!: Throwaway
  #host!: StoreHost
  #tail!: Tail
  #target!: Child
  /** Processes that the drill itself has ended. */
  readonly #ended = new Set<Child>()
  #next = 0
  #finished = 0
  #isOver = false

  constructor(options: ManyOptions) {
    this.#options = options
    this.#dice = new Dice(`${options.seed} cluster`)
  }

  async run(): Promise<DrillReport> {
    const { count, strokes, everyMs, isFull } = this.#options
    await this.#open()
    const load = Array.from({ length: lanes }, () => this.#lane())
    const calmCount = Math.ceil(count * calmShare)
    const calmRate = await this.#rateUntil(() => this.#finished >= calmCount)
    const strokesMs = { beganAt: performance.now(), before: this.#finished }
    await this.#strike(strokes, everyMs)
    const strokesRate = rate(this.#finished - strokesMs.before, strokesMs.beganAt)
    // Whoever was started last has something to settle yet.
    await this.#signal.until('each worker to have settled something', () => this.#haveAllSettled(), 120_000)
    await this.#signal.until('all work to be given', () => this.#next >= count, 24 * 3_600_000)
    this.#isOver = true
    await Promise.all(load)
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
        times: patient,
        heldUpMs: 0,
      }
      const checked = check(evidence)
      // With leader, server and sessions struck as well, the bound is not that of one loss at a time.
      const told = checked.checks.filter(({ promise }) => !promise.includes('within the bound'))
      const share = calmRate === 0 ? 1 : strokesRate / calmRate
      return {
        name: 'cluster',
        rounds: strokes,
        failedRounds: [],
        checks: [
          ...told,
          readAsStored(this.#tail, opened.views().log(0, Number.MAX_SAFE_INTEGER)),
          exclusiveTogether(this.#tail.rows, this.#lockOf()),
          oneLeader(leaders),
          settledAgain(this.#incarnations, workers, this.#tail.rows),
          { promise: 'CP-004b no process reports an error of the engine', complaints: this.#errors },
          ...(isFull ? [floor(share)] : []),
        ],
        figures: {
          ...checkedFigures(checked),
          'asked a person': waited,
          'processes killed': this.#counts.kill,
          'processes frozen': this.#counts.freeze,
          'sessions ended': this.#counts.session,
          'server stopped at once': this.#counts.server,
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
    await Promise.all(this.#members.map(({ child }) => this.#end(child)))
    await this.#target?.end()
    await this.#host?.close().catch(() => {})
    await this.#server?.remove()
    leftovers.discard(this.#folder)
  }

  get #record(): string {
    return join(this.#folder, 'requests.jsonl')
  }

  async #open(): Promise<void> {
    this.#server = await startThrowaway()
    this.#host = await postgres({ url: this.#server.url })
    this.#tail = new Tail(this.#host, this.#onlooker, this.#signal)
    const options: TargetOptions = { record: this.#record, database: this.#server.url, forgetful: false }
    this.#target = new Child('target', options, this.#signal, () => {})
    await this.#ready(this.#target)
    for (const [role, count] of members) {
      for (let number = 1; number <= count; number += 1) {
        const identity = `${role}-${number}`
        this.#members.push({ role, identity, child: this.#start(role, identity), isFrozen: false })
      }
    }
    await Promise.all(this.#members.map(({ child }) => this.#ready(child)))
  }

  #start(role: MemberRole, identity: string): Child {
    const options: MemberOptions = {
      store: this.#server.url,
      role,
      identity,
      slots: 6,
      target: this.#target.ready?.address ?? '',
      dataDir: join(this.#folder, identity),
      times: patient,
    }
    const child = new Child('member', options, this.#signal, (message: FromChild) => {
      if ('said' in message) this.#errors.push(message.said)
    })
    void child.exited.then(() => {
      if (!this.#ended.has(child)) this.#errors.push(`${identity} ended by itself`)
    })
    if (role === 'worker') this.#incarnations.push({ identity, pid: child.pid, from: Date.now(), until: null })
    return child
  }

  async #ready(child: Child): Promise<void> {
    await this.#signal.until('a process to be ready', () => {
      if (child.hasExited) throw new Error('a process of the drill ended before it was ready')
      return child.ready
    })
  }

  /** Submits, waits for the end, and begins again; what was not acknowledged is submitted with its key until it is. */
  async #lane(): Promise<void> {
    while (!this.#isOver) {
      const number = this.#next++
      const { id } = await this.#submitUntilTaken(number)
      await this.#signal.until('work to come to rest', () => this.#isOver || this.#onlooker.isSettled(id), 300_000)
      this.#finished += 1
      this.#signal.raise()
    }
  }

  async #submitUntilTaken(number: number): Promise<Submitted> {
    const isLocked = number % oneInThree === 0
    const key = isLocked ? `locked-${number % lockKeys}-${number}` : `run-${number}`
    for (;;) {
      const api = this.#dice.of(this.#members.filter(({ role }) => role === 'api'))
      await this.#ready(api.child).catch(() => {})
      try {
        const submitted = isLocked
          ? await api.child.ask<Submitted>({
              submitOther: { key, action: 'drill.exclusive', input: { lock: lockOf(number) } },
            })
          : await api.child.ask<Submitted>({
              submit: { key, hold: null, blind: number % oneInTen === 1, deaf: false },
            })
        this.#acknowledged.set(key, submitted)
        return submitted
      } catch {
        await passMs(100)
      }
    }
  }

  async #rateUntil(isReached: () => boolean): Promise<number> {
    const [beganAt, before] = [performance.now(), this.#finished]
    await this.#signal.until('work at rest in calm', isReached, 24 * 3_600_000)
    return rate(this.#finished - before, beganAt)
  }

  async #strike(strokes: number, everyMs: number): Promise<void> {
    for (let stroke = 0; stroke < strokes; stroke += 1) {
      await passMs(everyMs)
      if (stroke === Math.floor(strokes / 2)) await this.#restartServer()
      const chance = this.#dice.below(10)
      if (chance < 5) await this.#kill()
      else if (chance < 8) this.#freeze()
      else await this.#endSession()
    }
    await this.#signal.until('the frozen to be awake', () => this.#members.every(({ isFrozen }) => !isFrozen))
  }

  async #kill(): Promise<void> {
    const victim = this.#dice.of(this.#members.filter(({ isFrozen }) => !isFrozen))
    const { child, role, identity } = victim
    this.#counts.kill += 1
    const current = this.#incarnations.find(({ pid, until }) => pid === child.pid && until === null)
    if (current !== undefined) current.until = Date.now()
    await this.#end(child)
    victim.child = this.#start(role, identity)
  }

  async #end(child: Child): Promise<void> {
    this.#ended.add(child)
    await child.end()
  }

  /** For up to two leases: some wake in time, some find that their work is somebody else's by then. */
  #freeze(): void {
    const victim = this.#dice.of(this.#members.filter(({ isFrozen, child }) => !isFrozen && child.ready !== undefined))
    this.#counts.freeze += 1
    victim.isFrozen = true
    victim.child.kill('SIGSTOP')
    void passMs(200 + this.#dice.below(2 * patient.leaseMs)).then(() => {
      victim.child.kill('SIGCONT')
      victim.isFrozen = false
      this.#signal.raise()
    })
  }

  async #endSession(): Promise<void> {
    this.#counts.session += 1
    const client = new pg.Client({ connectionString: this.#server.url, connectionTimeoutMillis: 5_000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
where pid <> pg_backend_pid() and backend_type = 'client backend'
order by random() limit 1`,
      )
    } catch {
      // The server is away just now, and with it all sessions.
    } finally {
      await client.end().catch(() => {})
    }
  }

  async #restartServer(): Promise<void> {
    this.#counts.server += 1
    await this.#server.stop('immediate')
    await this.#server.start()
  }

  /** Every incarnation of a worker that is there now. */
  #haveAllSettled(): boolean {
    const workers = this.#members.filter(({ role }) => role === 'worker')
    return workers.every(({ child }) => this.#settledPids().has(child.pid))
  }

  readonly #pidOf = new Map<number, number>()
  #isAsking = false

  #settledPids(): ReadonlySet<number> {
    if (!this.#isAsking) void this.#learnPids()
    const settled = new Set<number>()
    for (const { type, worker } of this.#tail.rows)
      if (type === 'succeed' && worker !== null) settled.add(this.#pidOf.get(worker) ?? 0)
    return settled
  }

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
    const workers = this.#members.filter(({ role }) => role === 'worker')
    for (const { child } of workers) await this.#end(child)
    const closing = this.#start('worker', 'closing')
    this.#members.push({ role: 'worker', identity: 'closing', child: closing, isFrozen: false })
    const resting = (): boolean => [...this.#acknowledged.values()].every(({ id }) => this.#onlooker.isSettled(id))
    await this.#signal.until('everything to come to rest', resting, 120_000)
    const publicIds = new Map([...this.#acknowledged.values()].map(({ id, publicId }) => [id, publicId]))
    const waited = this.#onlooker.waiting()
    for (let waiting = waited; waiting.length > 0; waiting = this.#onlooker.waiting()) {
      for (const id of waiting) await this.#decideFor(id, publicIds.get(id) ?? '')
      const isDecided = (): boolean => !waiting.some((id) => this.#onlooker.of(id)?.state === 'waiting')
      await this.#signal.until('what a person decided to go on', isDecided)
      await this.#signal.until('everything to come to rest', resting, 120_000)
    }
    return waited.length
  }

  async #decideFor(id: number, publicId: string): Promise<void> {
    const applied = new Set(readRecord(this.#record).flatMap((e) => (e.type === 'applied' ? [e.effectKey] : [])))
    const api = this.#members.find(({ role }) => role === 'api')
    for (const { effectKey } of await this.#host.views.effects({ id, open: true, limit: 10 })) {
      const verdict = applied.has(effectKey) ? 'applied' : 'not_applied'
      await api?.child.ask({ resolve: { publicId, effectKey, verdict } })
    }
  }

  #strokesOf(workers: readonly (readonly [number, number])[]): Stroke[] {
    return workers.flatMap(([worker, pid]) =>
      this.#incarnations.filter((each) => each.pid === pid).map(({ from }) => ({ worker, at: from })),
    )
  }

  /** Lock of each execution that holds one. */
  #lockOf(): ReadonlyMap<number, string> {
    return new Map(
      [...this.#acknowledged].flatMap(([key, { id }]) => {
        const lock = /^locked-(\d)-/.exec(key)?.[1]
        return lock === undefined ? [] : [[id, `lane:${lock}`] as const]
      }),
    )
  }
}

const lockOf = (number: number): number => number % lockKeys
const rate = (count: number, beganAt: number): number => (count * 1_000) / (performance.now() - beganAt)

const floor = (share: number): Check => ({
  promise: 'CP-004a at least 0.3 of the calm rate is kept up under strokes',
  complaints: share >= 0.3 ? [] : [`${share.toFixed(2)} of the calm rate`],
})
