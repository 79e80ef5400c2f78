import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { drain, median, register, submit } from './load.ts'

const kinds = ['submits', 'settles', 'reads'] as const
type Kind = (typeof kinds)[number]
/** Questions of people at a time. */
const readers = 4
/** Not counted: until statements are prepared and code is warm. */
const warmUps = 2

/** One side of the comparison: a process on a database of its own, with a worker. */
interface Side {
  readonly host: StoreHost
  readonly worker: number
}

/** Milliseconds that each kind took in one slice. */
type Slice = Record<Kind, number>

/**
 * What the roles cost one process: the same work with transactions that take a role on and row security on every table,
 * and with those of a superuser whom no rule concerns. Both are open all the time and take slices in turn, so small that
 * whatever else the machine does lies on both; the order is turned around with each round. Gives the median of the
 * rounds' ratios, and between which the middle half of them lies.
 */
export async function roles(
  server: string,
  rounds: number,
  count: number,
  say: (line: string) => void,
): Promise<number> {
  const on = await open(await fresh(server, 'roles_on'), true)
  const off = await open(await fresh(server, 'roles_off'), false)
  const ratios: Record<Kind, number[]> = { submits: [], settles: [], reads: [] }
  const totals: Record<'on' | 'off', Slice> = { on: none(), off: none() }
  try {
    for (let round = -warmUps; round < rounds; round += 1) {
      const isFirst = round % 2 === 0
      const first = await slice(isFirst ? on : off, count)
      const second = await slice(isFirst ? off : on, count)
      if (round < 0) continue
      const [with_, without] = isFirst ? [first, second] : [second, first]
      for (const kind of kinds) {
        ratios[kind].push(without[kind] / with_[kind])
        totals.on[kind] += with_[kind]
        totals.off[kind] += without[kind]
      }
      if (round % 10 === 9)
        say(`${round + 1} rounds: ${kinds.map((kind) => `${kind} ${median(ratios[kind]).toFixed(2)}`).join(', ')}`)
    }
  } finally {
    await Promise.all([on.host.close(), off.host.close()])
  }
  const rate = (ms: number): string => ((rounds * count * 1_000) / ms).toFixed(0)
  for (const kind of kinds) {
    const sorted = ratios[kind].toSorted((a, b) => a - b)
    const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(2)
    console.log(
      `${kind.padEnd(8)} with roles ${rate(totals.on[kind])}/s, without ${rate(totals.off[kind])}/s: ratio ${at(0.5)} (half of ${rounds} rounds between ${at(0.25)} and ${at(0.75)})`,
    )
  }
  return 0
}

const none = (): Slice => ({ submits: 0, settles: 0, reads: 0 })

async function open(url: string, isOn: boolean): Promise<Side> {
  const host = await postgres({ url, roles: isOn, listen: false })
  return { host, worker: await register(host) }
}

async function slice({ host, worker }: Side, count: number): Promise<Slice> {
  let ids: readonly number[] = []
  const submits = await timed(async () => {
    ids = await submit(host, count)
  })
  const settles = await timed(() => drain(host, worker))
  const views = host.views.of('acme')
  const reads = await timed(() =>
    Promise.all(
      Array.from({ length: readers }, async (_, reader) => {
        for (let place = reader; place < ids.length; place += readers) await views.find(ids[place] ?? 0)
      }),
    ),
  )
  return { submits, settles, reads }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

export async function fresh(server: string, name: string): Promise<string> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
