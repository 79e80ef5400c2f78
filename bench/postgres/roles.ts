import pg from 'pg'
import { postgres } from '../../src/postgres.ts'
import { drain, median, register, submit } from './load.ts'

interface Round {
  readonly submits: number
  readonly settles: number
  readonly reads: number
}

const kinds = ['submits', 'settles', 'reads'] as const
/** Questions of people at a time. */
const readers = 4

/**
 * What the roles cost one process: the same work with transactions that take a role on and row security on every table,
 * and with those of a superuser whom no rule concerns; turn by turn, each in a database of its own.
 */
export async function roles(
  server: string,
  rounds: number,
  count: number,
  say: (line: string) => void,
): Promise<number> {
  const found: Record<'on' | 'off', Round[]> = { on: [], off: [] }
  for (let round = 0; round < rounds; round += 1) {
    for (const which of round % 2 === 0 ? (['on', 'off'] as const) : (['off', 'on'] as const)) {
      const measured = await measure(await fresh(server, `roles_${which}_${round}`), which === 'on', count)
      found[which].push(measured)
      say(`round ${round + 1}, roles ${which}: ${kinds.map((kind) => `${measured[kind]} ${kind}/s`).join(', ')}`)
    }
  }
  for (const kind of kinds) {
    const [on, off] = [found.on.map((one) => one[kind]), found.off.map((one) => one[kind])]
    // Of the two turns of a round, which stand beside each other: what else the machine does passes over both.
    const ratios = on.map((rate, round) => rate / (off[round] ?? Number.NaN))
    console.log(
      `${kind.padEnd(8)} with roles ${median(on)}/s, without ${median(off)}/s: ratio ${median(ratios).toFixed(2)}`,
    )
  }
  return 0
}

async function measure(url: string, isOn: boolean, count: number): Promise<Round> {
  const host = await postgres({ url, roles: isOn, listen: false })
  try {
    const worker = await register(host)
    await submit(host, 500)
    await drain(host, worker)
    const perSecond = async (of: number, work: () => Promise<unknown>): Promise<number> => {
      const startedAt = performance.now()
      await work()
      return Math.round((of * 1000) / (performance.now() - startedAt))
    }
    let ids: readonly number[] = []
    const submits = await perSecond(count, async () => {
      ids = await submit(host, count)
    })
    const settles = await perSecond(count, () => drain(host, worker))
    const views = host.views.of('acme')
    const asked = ids.slice(0, Math.min(count, 4_000))
    const reads = await perSecond(asked.length, () =>
      Promise.all(
        Array.from({ length: readers }, async (_, reader) => {
          for (let place = reader; place < asked.length; place += readers) await views.find(asked[place] ?? 0)
        }),
      ),
    )
    return { submits, settles, reads }
  } finally {
    await host.close()
  }
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
