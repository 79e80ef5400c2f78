import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { admission, helloOf } from '../orders.ts'
import { startThrowaway, type Throwaway } from '../postgres/throwaway.ts'
import type { Check } from './checks.ts'
import { passMs } from './dice.ts'
import { type Gate, openGate } from './gate.ts'
import { type DrillReport, percentile } from './report.ts'
import { Signal } from './signal.ts'

const writers = 3
/** Submits that each writer keeps under way. */
const lanes = 4
/** Acknowledged before the primary is killed, and again behind it. */
const enough = 150

interface Failover {
  readonly lost: readonly string[]
  readonly complaints: readonly string[]
  /** From the kill to the first acknowledged submit behind it. */
  readonly awayMs: number
  readonly acknowledged: number
  readonly settled: number
}

/**
 * A primary is killed under load and its replica promoted. Programs know the addresses of both, or one that leads to whichever
 * is thought to take writes; until it does they try again. What was acknowledged is
 * there when replication is synchronous; what asynchronous replication loses is told.
 */
export async function failoverDrill({ rounds }: { readonly rounds: number }): Promise<DrillReport> {
  const all: Failover[] = []
  for (let round = 1; round <= rounds; round += 1) all.push(await failOver('synchronous'))
  const behind = await failOver('behind')
  const away = all.map(({ awayMs }) => awayMs)
  const lost = all.flatMap((each) => each.lost)
  const checks: Check[] = [
    { promise: 'nothing that was acknowledged is lost when a synchronous replica takes over', complaints: lost },
    {
      promise: 'events stay dense, keys stay unique and all work ends once, also what was under way at the kill',
      complaints: [...all, behind].flatMap(({ complaints }) => complaints),
    },
    {
      promise: 'a replica that was behind loses acknowledged work, and this drill sees it',
      complaints: behind.lost.length > 0 ? [] : ['nothing was missed'],
    },
  ]
  return {
    name: 'failover',
    rounds,
    failedRounds: [],
    checks,
    figures: {
      'submits acknowledged': all.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      'runs settled': all.reduce((sum, { settled }) => sum + settled, 0),
      'from the kill to the next acknowledged submit, p50 ms': percentile(away, 0.5),
      'from the kill to the next acknowledged submit, max ms': percentile(away, 1),
      'lost where the replica was behind': behind.lost.length,
    },
  }
}

async function failOver(replication: 'synchronous' | 'behind'): Promise<Failover> {
  const servers: Throwaway[] = []
  let load: Load | undefined
  let gate: Gate | undefined
  try {
    const primary = await startThrowaway()
    servers.push(primary)
    const replica = await primary.replica('second')
    servers.push(replica)
    if (replication === 'synchronous') {
      await ask(primary.url, `alter system set synchronous_standby_names = 'second'`)
      await ask(primary.url, 'select pg_reload_conf()')
    }
    if (replication === 'behind') gate = await openGate(primary.url)
    load = await Load.begin(gate?.url ?? eitherOf(replica.url, primary.url))
    await load.until(enough)
    if (replication === 'behind') {
      await replica.stop('fast')
      await load.until(2 * enough)
    }
    const before = load.acknowledged.size
    await primary.kill()
    const killedAt = performance.now()
    if (replication === 'behind') await replica.start()
    // A replica that is not promoted yet is tried until it is, at whichever address it is found.
    gate?.leadTo(replica.url)
    await replica.promote()
    await load.until(before + enough)
    const awayMs = Math.round((load.firstBehind(killedAt) ?? Number.NaN) - killedAt)
    await load.end()
    const { lost, complaints } = await load.compare(replica.url)
    const [acknowledged, settled] = [load.acknowledged.size, load.settled.size]
    return { lost, complaints, awayMs, acknowledged, settled }
  } finally {
    await load?.close()
    await gate?.close()
    for (const server of servers) await server.remove()
  }
}

/** One address for both servers, as libpq takes it. */
function eitherOf(first: string, second: string): string {
  const { host } = new URL(first)
  return first.replace(host, `${host},${new URL(second).host}`)
}

/** Several writers that submit, claim and settle without a pause, and remember what they were told. */
class Load {
  /** By key: the execution, and when it was told. */
  readonly acknowledged = new Map<string, { readonly id: number; readonly at: number }>()
  readonly settled = new Set<number>()
  readonly #signal = new Signal()
  readonly #hosts: readonly StoreHost[]
  readonly #loops: Promise<void>[] = []
  #isOver = false
  #isDrained = false
  #submitted = 0

  private constructor(hosts: readonly StoreHost[]) {
    this.#hosts = hosts
  }

  static async begin(url: string): Promise<Load> {
    const hosts: StoreHost[] = []
    for (let index = 0; index < writers; index += 1) hosts.push(await postgres({ url }))
    const load = new Load(hosts)
    for (const [index, host] of hosts.entries()) {
      for (let lane = 0; lane < lanes; lane += 1) load.#loops.push(load.#submits(host))
      load.#loops.push(load.#works(host, `w${index}`))
    }
    return load
  }

  async until(count: number): Promise<void> {
    await this.#signal.until(`${count} acknowledged submits`, () => this.acknowledged.size >= count, 60_000)
  }

  firstBehind(at: number): number | undefined {
    return Math.min(...[...this.acknowledged.values()].flatMap((told) => (told.at > at ? told.at : [])))
  }

  /** Submits nothing more, and works until nothing is left. */
  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#loops)
  }

  async close(): Promise<void> {
    this.#isOver = true
    this.#isDrained = true
    await Promise.all(this.#hosts.map((host) => host.close()))
    await Promise.allSettled(this.#loops)
  }

  async #submits(host: StoreHost): Promise<void> {
    while (!this.#isOver) {
      const key = `k-${++this.#submitted}`
      const order = { kind: 'admit', admission: admission({ key }) } as const
      // Whoever hears nothing asks again with the same key.
      for (;;) {
        const answer = await host.orders.give<'admit'>(order).catch(() => null)
        if (this.#isDrained) return
        if (answer === null || isRefusal(answer)) {
          await passMs(20)
          continue
        }
        const id = answer.replayed ? answer.execution.id : answer.born.id
        this.acknowledged.set(key, { id, at: performance.now() })
        this.#signal.raise()
        break
      }
    }
  }

  async #works(host: StoreHost, name: string): Promise<void> {
    let worker = Number.NaN
    for (let idle = 0; idle < 3 && !this.#isDrained; ) {
      try {
        if (Number.isNaN(worker)) {
          const registered = await host.orders.give<'register'>({ kind: 'register', hello: helloOf(name) })
          if (!isRefusal(registered)) worker = registered.worker
        }
        const order = { kind: 'claim', worker, limit: 16, leaseMs: 2_000, waitMs: 200 } as const
        const claimed = await host.orders.give<'claim'>(order)
        if (isRefusal(claimed)) {
          worker = Number.NaN
          continue
        }
        await Promise.all(
          claimed.map(async ({ execution: { id, fence } }) => {
            const command = { type: 'succeed', fence, result: 'null', fingerprint: `by-${fence}` } as const
            const settled = await host.orders.give<'work'>({ kind: 'work', worker, id, command })
            if (!isRefusal(settled)) this.settled.add(id)
          }),
        )
        if (claimed.length === 0) await host.orders.give<'sweep'>({ kind: 'sweep' })
        idle = this.#isOver && claimed.length === 0 ? idle + 1 : 0
        if (idle > 0) await passMs(1_000)
      } catch {
        // Nobody knows what became of it: the lease runs out, or the same key finds it.
        await passMs(20)
      }
    }
  }

  /** What was told, held against what is there. */
  async compare(url: string): Promise<{ readonly lost: readonly string[]; readonly complaints: readonly string[] }> {
    const lost: string[] = []
    const complaints: string[] = []
    const rows = await ask(url, 'select id::int as id, idem_key from requests')
    const byKey = new Map(rows.map(({ id, idem_key: key }) => [String(key), Number(id)]))
    if (byKey.size !== rows.length) complaints.push(`${rows.length - byKey.size} keys have several executions`)
    for (const [key, { id }] of this.acknowledged) {
      if (byKey.get(key) !== id) lost.push(`submit ${key} was acknowledged as ${id}, and ${byKey.get(key)} is there`)
    }
    const done = await ask(url, 'select id::int as id, count(*)::int as n from outcomes group by id')
    const ends = new Map(done.map(({ id, n }) => [Number(id), Number(n)]))
    for (const id of this.settled)
      if (!ends.has(id)) lost.push(`the end of execution ${id} was acknowledged and is not there`)
    for (const [id, count] of ends) if (count !== 1) complaints.push(`execution ${id} has ended ${count} times`)
    const open = await ask(url, `select id::int as id from executions where finished_at is null`)
    for (const { id } of open) complaints.push(`execution ${Number(id)} has not ended`)
    const gaps = await ask(
      url,
      `select execution::int as id
from execution_events
group by execution
having count(*) <> max(n) or min(n) <> 1 or count(distinct n) <> count(*)`,
    )
    for (const { id } of gaps) complaints.push(`the events of execution ${Number(id)} are not dense`)
    return { lost, complaints }
  }
}

async function ask(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
