import pg from 'pg'
import { queueName } from '../../src/dispatch/names.ts'
import type { Throwaway } from '../postgres/throwaway.ts'
import type { ThrowawayRedis } from '../redis/throwaway.ts'
import { passMs } from './dice.ts'

/** One session of the database, whoever has it, ends without a word. */
export async function endSession(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
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

/** What a crash of the machine looks like to the database, and its way back. */
export async function restartServer(server: Throwaway): Promise<void> {
  await server.stop('immediate')
  await server.start()
}

const redisStrokes = ['stopped', 'flushed', 'restarted'] as const
/** How long a Redis that was stopped stays away. */
const awayMs = 3_000

/** Redis is stopped for a while, flushed, or started anew, in turn. */
export class RedisStrokes {
  readonly counts: Record<(typeof redisStrokes)[number], number> = { stopped: 0, flushed: 0, restarted: 0 }
  readonly #redis: ThrowawayRedis
  #next = 0
  /** When Redis was last there again. */
  #backAt = Date.now()
  #under: Promise<void> = Promise.resolve()

  constructor(redis: ThrowawayRedis) {
    this.#redis = redis
  }

  /** Others are struck meanwhile. */
  strike(): void {
    const kind = redisStrokes[this.#next++ % redisStrokes.length] ?? 'stopped'
    this.#under = this.#under.then(() => this.#strike(kind))
  }

  /** Resolves when Redis is there, whatever was done to it. */
  async over(): Promise<void> {
    await this.#under
  }

  /** Whether hints have been carried since Redis was last there again: a job has said that its execution ran. */
  async carries(action: string): Promise<boolean> {
    return (await this.#ended(action)).some((fields) => fields.includes('"ran"'))
  }

  /** Of the jobs that ended last, the share of those whose execution had run; of all others a poll was sooner. */
  async carried(): Promise<number | null> {
    const ended = await this.#ended('drill.run').catch(() => [])
    const ran = ended.filter((fields) => fields.includes('"ran"')).length
    return ended.length === 0 ? null : Number((ran / ended.length).toFixed(2))
  }

  async #ended(action: string): Promise<readonly string[][]> {
    const events = `pawl:${queueName(action, 1)}:events`
    const found = (await this.#redis.ask('xrevrange', events, '+', this.#backAt, 'count', 2_000)) as [
      string,
      string[],
    ][]
    return found.map(([, fields]) => fields).filter((fields) => fields.includes('completed'))
  }

  async #strike(kind: (typeof redisStrokes)[number]): Promise<void> {
    this.counts[kind] += 1
    if (kind === 'flushed') await this.#redis.ask('flushall')
    else {
      await this.#redis.stop()
      if (kind === 'stopped') await passMs(awayMs)
      await this.#redis.start()
    }
    this.#backAt = Date.now()
  }
}
