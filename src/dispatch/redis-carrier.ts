import { type Job, Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { Refused, refuse } from '../errors/refusal.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Appetite, Carrier, Offer, PulledQueue, RecalledLetter, SentHint, SentLetter } from './carrier.ts'
import { dataOf, hintIn } from './hint-data.ts'
import { bullPriority, deadLetterName, queueName } from './names.ts'
import { patience } from './patience.ts'
import { faultInAccess, faultInServer } from './server-faults.ts'

export interface RedisCarrierOptions {
  readonly url: string
  /** All keys begin with it. */
  readonly prefix: string
  /** What tells this store from every other; null for a worker that does not hold the store. */
  readonly store: string | null
  readonly clock: Clock
  /** Names this process to BullMQ's tools. */
  readonly name: string
  /** Another for every connection: by it a hint that was handed out is held. */
  readonly token: string
  /** How long a process may be silent before BullMQ gives its jobs to another one; 30 s by default. */
  readonly lockMs?: number | undefined
}

const connectMs = 3_000
const defaultLockMs = 30_000
const eventsMax = 1_000
const deadLetterMs = 30 * 86_400_000
/** Beyond it, the oldest dead letters go once a day has passed or not: they are a view, the store has them all. */
const deadLettersMax = 10_000

const leaveMs = 500
const deleteIfMine = "return redis.call('get', KEYS[1]) == ARGV[1] and redis.call('del', KEYS[1])"

/**
 * Connects and looks whether the server can do what is needed.
 *
 * @throws Refused `redis_denied`, `redis_too_old`, `redis_evicts`, `redis_cluster`, `redis_read_only`, `redis_taken`
 */
export async function connectRedis(options: RedisCarrierOptions): Promise<RedisCarrier> {
  const { url, prefix, store, clock, name } = options
  const redis = new Redis(url, {
    lazyConnect: true,
    connectionName: name,
    // A connection that broke is given up as a whole: what was under way on it would hang on a new one (bullmq#4484).
    retryStrategy: () => null,
    maxRetriesPerRequest: null,
    connectTimeout: connectMs,
    disconnectTimeout: 500,
  })
  hearTwins(redis)
  let heard = ''
  redis.on('error', (error: Error) => {
    heard = error.message
  })
  const late = patience(clock, connectMs)
  const refused = late.over.then(() => {
    throw new Error(`no answer for ${connectMs / 1_000} s`)
  })
  try {
    await Promise.race([checkServer(redis, prefix, store), refused])
    return new RedisCarrier(redis, options)
  } catch (thrown) {
    redis.disconnect()
    if (thrown instanceof Refused) throw thrown
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    const refusal = faultInAccess(`${message} ${heard}`)
    if (refusal !== null) throw new Refused(refusal)
    throw new Error(heard === '' ? message : heard, { cause: thrown })
  } finally {
    late.cancel()
  }
}

/**
 * BullMQ waits for jobs on a connection of its own that it makes from ours, and stops listening to it when it is closed. A
 * failure of it that nobody hears is printed by the driver, in the middle of the log: what it means is known from ours.
 */
function hearTwins(redis: Redis): void {
  const duplicate = redis.duplicate.bind(redis)
  redis.duplicate = (...override) => {
    const twin = duplicate(...override)
    twin.on('error', () => {})
    return twin
  }
}

async function checkServer(redis: Redis, prefix: string, store: string | null): Promise<void> {
  await redis.connect()
  const fault = faultInServer(await redis.info())
  if (fault !== null) throw new Refused(fault)
  await claimPrefix(redis, prefix, store)
}

/** How long a prefix stays a store's after the last of its processes was heard of. */
const prefixMs = 10_000

/**
 * A write, which a server that is full or a replica refuses. Keeps the prefix for this store.
 *
 * @throws Refused `redis_taken`
 */
async function claimPrefix(redis: Redis, prefix: string, store: string | null): Promise<void> {
  const key = `${prefix}:store`
  if (store === null) {
    await redis.set(`${prefix}:probe`, '1', 'PX', prefixMs)
    return
  }
  const [, holder] = await Promise.all([redis.set(key, store, 'PX', prefixMs, 'NX'), redis.get(key)])
  if (holder !== store) {
    const reason = `Another store dispatches under the prefix ${prefix} of this Redis.`
    throw new Refused(refuse('redis_taken', reason, { prefix }))
  }
  await redis.pexpire(key, prefixMs)
}

/** Hints as jobs of BullMQ. A job names an execution and where it stands in line; what it is about stays in the store. */
export class RedisCarrier implements Carrier {
  readonly failed: Promise<string>
  readonly #redis: Redis
  readonly #options: RedisCarrierOptions
  readonly #queues = new Map<string, Queue>()
  readonly #workers = new Map<string, Worker>()
  readonly #held = new Map<Worker, Map<string, string>>()
  readonly #fail: (why: string) => void
  #renewal: Timer | undefined
  #isClosed = false

  constructor(redis: Redis, options: RedisCarrierOptions) {
    const failed = Promise.withResolvers<string>()
    this.failed = failed.promise
    this.#fail = failed.resolve
    this.#redis = redis
    this.#options = options
    let heard = 'the connection was closed'
    redis.on('error', (error: Error) => {
      heard = error.message
    })
    redis.on('end', () => this.#fail(heard))
    this.#renew()
  }

  async send(hints: readonly SentHint[]): Promise<void> {
    const byQueue = Map.groupBy(hints, ({ action, version }) => queueName(action, version))
    await Promise.all(
      [...byQueue].map(([name, sent]) =>
        this.#queue(name).addBulk(
          sent.map(({ action, execution, queue, rank, turn }) => ({
            name: action,
            data: dataOf({ execution, queue, rank, turn }),
            opts: {
              // Each time that an execution becomes due it is given another turn, so that a retry is another job.
              jobId: `${execution}-${turn}`,
              priority: bullPriority(rank),
              removeOnComplete: true,
              removeOnFail: true,
            },
          })),
        ),
      ),
    )
  }

  async bury(letters: readonly SentLetter[]): Promise<void> {
    const byQueue = Map.groupBy(letters, ({ action }) => deadLetterName(action))
    for (const [name, buried] of byQueue) {
      const queue = this.#queue(name)
      await queue.addBulk(
        buried.map(({ at, ...letter }) => ({
          name: letter.action,
          data: { ...letter, at: new Date(at).toISOString() },
          opts: { jobId: letter.execution },
        })),
      )
      await queue.clean(deadLetterMs, deadLettersMax, 'wait')
    }
  }

  async recall(letters: readonly RecalledLetter[]): Promise<void> {
    await Promise.all(letters.map(({ execution, action }) => this.#queue(deadLetterName(action)).remove(execution)))
  }

  pull(queues: readonly PulledQueue[], appetite: Appetite): void {
    for (const { action, version } of queues) {
      const worker = this.#worker(queueName(action, version))
      void worker.startStalledCheckTimer()
      this.#fetch(worker, appetite).catch((thrown: unknown) => this.#fail(messageOf(thrown)))
    }
  }

  async probe(): Promise<void> {
    await claimPrefix(this.#redis, this.#options.prefix, this.#options.store)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#renewal?.cancel()
    await this.#leavePrefix()
    const closing = [
      ...[...this.#workers.values()].map((worker) => worker.close(true)),
      ...[...this.#queues.values()].map((queue) => queue.close()),
    ]
    this.#redis.disconnect()
    await Promise.allSettled(closing)
    this.#fail('it was closed')
  }

  /** Another store may have it at once; other processes of this one take it again. A server that is away is not waited for. */
  async #leavePrefix(): Promise<void> {
    const { prefix, store, clock } = this.#options
    if (store === null || this.#redis.status !== 'ready') return
    const waited = Promise.withResolvers<void>()
    const timer = clock.timer(leaveMs, waited.resolve)
    const left = this.#redis.eval(deleteIfMine, 1, `${prefix}:store`, store).catch(() => {})
    await Promise.race([left, waited.promise])
    timer.cancel()
  }

  async #fetch(worker: Worker, appetite: Appetite): Promise<void> {
    for (let count = 0; ; count += 1) {
      await appetite.wanted()
      if (this.#isClosed) return
      const token = `${this.#options.token}-${count}`
      const job: Job<unknown> | undefined = await worker.getNextJob(token)
      if (this.#isClosed) return
      if (job !== undefined) appetite.offer(this.#offer(worker, job, token))
    }
  }

  #offer(worker: Worker, job: Job<unknown>, token: string): Offer {
    const id = job.id ?? ''
    const held = this.#held.get(worker)
    held?.set(id, token)
    const end = (way: () => Promise<unknown>): void => {
      if (held?.delete(id) !== true || this.#isClosed) return
      // What is lost here comes back as a hint of something that is over: to nobody's harm.
      way().catch(() => {})
    }
    return {
      hint: hintIn(job.data),
      done: (outcome) => end(() => job.moveToCompleted(outcome, token, false)),
      giveBack: () => end(() => job.moveToWait(token)),
    }
  }

  /** As long as this process lives and has a connection, nobody else is given what it holds. */
  #renew(): void {
    const { clock, lockMs = defaultLockMs } = this.#options
    this.#renewal = clock.timer(lockMs / 3, () => {
      for (const [worker, held] of this.#held) {
        if (held.size === 0) continue
        worker.extendJobLocks([...held.keys()], [...held.values()], lockMs).catch(() => {})
      }
      this.#renew()
    })
  }

  #queue(name: string): Queue {
    const known = this.#queues.get(name)
    if (known !== undefined) return known
    const streams = { events: { maxLen: eventsMax } }
    const queue = new Queue(name, { connection: this.#redis, prefix: this.#options.prefix, streams })
    queue.on('error', () => {})
    this.#queues.set(name, queue)
    return queue
  }

  #worker(name: string): Worker {
    const known = this.#workers.get(name)
    if (known !== undefined) return known
    const { lockMs = defaultLockMs } = this.#options
    const worker = new Worker(name, null, {
      connection: this.#redis,
      prefix: this.#options.prefix,
      name: this.#options.name,
      autorun: false,
      lockDuration: lockMs,
      stalledInterval: lockMs,
      // A hint may be handed out as often as it takes: whether there is anything to do is for the store to say.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
    })
    worker.on('error', () => {})
    this.#workers.set(name, worker)
    this.#held.set(worker, new Map())
    return worker
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
