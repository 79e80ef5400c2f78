/**
 * What one PostgreSQL carries: `node bench/scale/postgres.ts [--executions 20000] [--writers 1,2,4]`. Starts a throwaway
 * server that syncs every commit, and as many processes as asked for, which submit in groups, then claim and settle all.
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { admission, helloOf } from '../../test/orders.ts'
import { startThrowaway } from '../../test/postgres/throwaway.ts'

const { values } = parseArgs({
  options: {
    executions: { type: 'string', default: '20000' },
    writers: { type: 'string', default: '1,2,4' },
    part: { type: 'string' },
    share: { type: 'string', default: '0' },
  },
})

/** Orders that one process has under way, as many callers would. */
const group = 500

type Stage = 'open' | 'submit' | 'work' | 'close'

async function measure(): Promise<void> {
  const executions = Number(values.executions)
  console.log('processes  submits/s  claimed and settled/s  bytes/execution  WAL bytes/execution')
  for (const count of values.writers.split(',').map(Number)) {
    const server = await startThrowaway()
    const parts = Array.from({ length: count }, () => new Part(server.url, Math.floor(executions / count)))
    try {
      await Promise.all(parts.map((part) => part.ask('open')))
      const [sizeBefore, walBefore] = await sizesOf(server.url)
      const submitMs = await timed(() => Promise.all(parts.map((part) => part.ask('submit'))))
      const workMs = await timed(() => Promise.all(parts.map((part) => part.ask('work'))))
      const [size, wal] = await sizesOf(server.url)
      const each = (bytes: number): number => Math.round(bytes / executions)
      const rate = (ms: number): number => Math.round((executions * 1_000) / ms)
      const cells = [count, rate(submitMs), rate(workMs), each(size - sizeBefore), each(wal - walBefore)]
      console.log(cells.map((cell, index) => String(cell).padStart([9, 9, 21, 15, 19][index] ?? 9)).join('  '))
      if (count === 1) await single(server.url)
    } finally {
      await Promise.all(parts.map((part) => part.ask('close')))
      await server.remove()
    }
  }
}

/** One submit after the other, as a caller feels it. */
async function single(url: string): Promise<void> {
  const host = await postgres({ url })
  const times: number[] = []
  for (let index = 0; index < 200; index += 1) {
    times.push(await timed(() => host.orders.give<'admit'>({ kind: 'admit', admission: admission() })))
  }
  await host.close()
  times.sort((a, b) => a - b)
  console.log(`           a single submit: p50 ${times[100]?.toFixed(1)} ms, p95 ${times[190]?.toFixed(1)} ms`)
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now()
  await work()
  return performance.now() - from
}

/** Bytes of the database and of the log that was written ahead. */
async function sizesOf(url: string): Promise<readonly [number, number]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query('checkpoint')
  const { rows } = await client.query(
    `select pg_database_size(current_database())::float8 as size, pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal`,
  )
  await client.end()
  return [Number(rows[0]?.size), Number(rows[0]?.wal)]
}

class Part {
  readonly #child

  constructor(url: string, share: number) {
    this.#child = fork(new URL(import.meta.url), ['--part', url, '--share', String(share)])
  }

  ask(stage: Stage): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', () => resolve())
      this.#child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process ended with ${code}`))))
      this.#child.send(stage)
    })
  }
}

async function serve(url: string, share: number): Promise<void> {
  let host: StoreHost | undefined
  for await (const stage of stages()) {
    host ??= await postgres({ url })
    if (stage === 'submit') await submitAll(host, share)
    if (stage === 'work') await workAll(host, share)
    if (stage === 'close') {
      await host.close()
      process.disconnect()
      return
    }
    process.send?.('done')
  }
}

async function* stages(): AsyncGenerator<Stage> {
  for (;;) yield await new Promise<Stage>((resolve) => process.once('message', (stage: Stage) => resolve(stage)))
}

async function submitAll(host: StoreHost, share: number): Promise<void> {
  for (let left = share; left > 0; left -= group) {
    const some = Array.from({ length: Math.min(group, left) }, () =>
      host.orders.give<'admit'>({ kind: 'admit', admission: admission() }),
    )
    await Promise.all(some)
  }
}

async function workAll(host: StoreHost, share: number): Promise<void> {
  const registered = await host.orders.give<'register'>({ kind: 'register', hello: helloOf(`w${process.pid}`) })
  if (isRefusal(registered)) throw new Error(registered.reason)
  const { worker } = registered
  for (let done = 0; done < share; ) {
    const order = {
      kind: 'claim',
      worker,
      limit: Math.min(group, share - done),
      leaseMs: 30_000,
      waitMs: 1_000,
    } as const
    const claimed = await host.orders.give<'claim'>(order)
    if (isRefusal(claimed)) throw new Error(claimed.reason)
    const settling = claimed.map(({ execution: { id, fence } }) => {
      const command = { type: 'succeed', fence, result: 'null', fingerprint: 'f' } as const
      return host.orders.give<'work'>({ kind: 'work', worker, id, command })
    })
    await Promise.all(settling)
    done += claimed.length
  }
}

if (values.part === undefined) await measure()
else await serve(values.part, Number(values.share))
