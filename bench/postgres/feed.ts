import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { percentile, submit } from './load.ts'
import { fresh } from './roles.ts'

/** Submits a second while it is measured. */
const pace = 50

/**
 * How long after its commit another process is told of an execution, while foreign transactions that have written stay
 * open (one in the same database, one in another of the server) and while none does; turn by turn.
 *
 * @param holdMs how long they stay open, and how long each turn is measured
 */
export async function feed(
  server: string,
  rounds: number,
  holdMs: number,
  say: (line: string) => void,
): Promise<number> {
  const [url, elsewhere] = [await fresh(server, 'feed_here'), await fresh(server, 'feed_elsewhere')]
  const [writer, watcher] = await Promise.all([postgres({ url }), postgres({ url })])
  const found: Record<'calm' | 'held', number[]> = { calm: [], held: [] }
  try {
    await submit(writer, 100)
    for (let round = 0; round < rounds; round += 1) {
      for (const which of round % 2 === 0 ? (['calm', 'held'] as const) : (['held', 'calm'] as const)) {
        const release = which === 'held' ? await hold([url, elsewhere]) : async () => {}
        const delays = await measure(writer, watcher, holdMs)
        await release()
        found[which].push(...delays)
        say(`round ${round + 1}, ${which}: ${delays.length} told, p95 ${percentile(delays, 0.95).toFixed(1)} ms`)
      }
    }
  } finally {
    await Promise.all([writer.close(), watcher.close()])
  }
  const [calm, held] = [percentile(found.calm, 0.95), percentile(found.held, 0.95)]
  console.log(
    `live feed of another process, p50/p95: ${percentile(found.calm, 0.5).toFixed(1)}/${calm.toFixed(1)} ms calm, ` +
      `${percentile(found.held, 0.5).toFixed(1)}/${held.toFixed(1)} ms beside foreign transactions held open for ${holdMs / 1000} s: ratio ${(held / calm).toFixed(2)}`,
  )
  return 0
}

/** Transactions that have written and hold a snapshot, each in its database. */
async function hold(urls: readonly string[]): Promise<() => Promise<void>> {
  const clients = await Promise.all(
    urls.map(async (url) => {
      const client = new pg.Client({ connectionString: url })
      await client.connect()
      await client.query('create table if not exists foreign_work (id int)')
      await client.query('begin isolation level repeatable read; insert into foreign_work values (1); select 1')
      return client
    }),
  )
  return async () => {
    for (const client of clients) {
      await client.query('rollback')
      await client.end()
    }
  }
}

/** Milliseconds from the giving of an order to the word at another process. */
async function measure(writer: StoreHost, watcher: StoreHost, forMs: number): Promise<readonly number[]> {
  const told = new Map<number, number>()
  const stop = watcher.onCommit((ids) => {
    const now = performance.now()
    for (const id of ids) if (!told.has(id)) told.set(id, now)
  })
  const given: { readonly id: number; readonly at: number }[] = []
  const until = performance.now() + forMs
  while (performance.now() < until) {
    const at = performance.now()
    const [id = 0] = await submit(writer, 1)
    given.push({ id, at })
    await new Promise((next) => setTimeout(next, Math.max(0, 1000 / pace - (performance.now() - at))))
  }
  while (given.some(({ id }) => !told.has(id)) && performance.now() < until + 10_000) {
    await new Promise((next) => setTimeout(next, 20))
  }
  stop()
  return given.map(({ id, at }) => (told.get(id) ?? Number.POSITIVE_INFINITY) - at)
}
