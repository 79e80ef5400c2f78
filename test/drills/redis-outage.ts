import { queueName } from '../../src/dispatch/names.ts'
import { startRedis, type ThrowawayRedis } from '../redis/throwaway.ts'
import { close } from './closing.ts'
import { Cluster } from './cluster.ts'
import { Dice, passMs } from './dice.ts'
import { rateOf, silence } from './kill.ts'
import { readLives } from './lives.ts'
import { Load } from './load.ts'
import { short } from './profiles.ts'
import { checkedFigures, type DrillReport, percentile } from './report.ts'

export interface RedisOutageOptions {
  readonly strokes: number
  readonly seed: string
}

const lanes = 6
const warmUp = 12
const calmCount = 24
/** Executions that must come to rest in each phase of a stroke. */
const pace = 6
const randomInstantMs = 150
/** Work is found in the store within this time, whatever has become of its hint: a poll, a commit and a busy machine. */
const pickUpMs = 2_000

const kinds = ['stop', 'freeze', 'flush', 'restart'] as const

/**
 * Redis is stopped, frozen, flushed and started anew under load, in turn, at seeded instants. Work goes on in each phase,
 * every process says each change once, and hints are carried again behind every stroke.
 */
export async function redisOutage({ strokes, seed }: RedisOutageOptions): Promise<DrillReport> {
  const redis = await startRedis()
  const cluster = new Cluster({ times: short, redisUrl: redis.url })
  const dice = new Dice(`${seed} redis-outage`)
  const failedRounds: string[] = []
  try {
    await cluster.start()
    await Promise.all([cluster.addWorker('here-1'), cluster.addWorker('here-2', { overHttp: true })])
    const load = new Load(cluster, lanes)
    await load.more(warmUp)
    await carried(redis, load)
    const calmRate = await rateOf(load, () => load.more(calmCount))
    const outages: { readonly from: number; readonly to: number }[] = []
    const rate = await rateOf(load, async () => {
      for (let stroke = 0; stroke < strokes; stroke += 1) {
        const kind = kinds[stroke % kinds.length] as (typeof kinds)[number]
        await passMs(dice.below(randomInstantMs))
        const from = Date.now()
        await strike(cluster, redis, load, kind)
        outages.push({ from, to: Date.now() })
        const before = (await carried(redis, load)) ? null : 'no hint was carried behind it'
        if (before !== null) failedRounds.push(`stroke ${stroke + 1} (${kind}): ${before}`)
      }
    })
    await load.stop()
    const told = [...cluster.redisNews]
    const checked = await close(cluster, [])
    const lives = [...readLives(cluster.database).values()]
    const waited = lives.map(({ submittedAt, claimedAt }) => ({
      submittedAt,
      ms: (claimedAt ?? Infinity) - submittedAt,
    }))
    const isAway = ({ submittedAt }: { submittedAt: number }): boolean =>
      outages.some(({ from, to }) => from <= submittedAt && submittedAt <= to)
    const during = waited.filter(isAway).map(({ ms }) => ms)
    const calm = waited.filter((each) => !isAway(each)).map(({ ms }) => ms)
    return {
      name: 'redis-outage',
      rounds: strokes,
      failedRounds,
      checks: [
        ...checked.checks,
        silence(cluster),
        {
          promise: `SE-50 whatever becomes of Redis, work is begun within ${pickUpMs} ms of its submit`,
          complaints: waited.filter(({ ms }) => ms > pickUpMs).map(({ ms }) => `it took ${ms} ms`),
        },
        { promise: 'SE-50 every process says each change of Redis once, in turn', complaints: outOfTurn(told) },
      ],
      figures: {
        ...checkedFigures(checked),
        'calm executions per second': Number(calmRate.toFixed(1)),
        'executions per second': Number(rate.toFixed(1)),
        'pick-up calm p50 ms': percentile(calm, 0.5),
        'pick-up calm p95 ms': percentile(calm, 0.95),
        'pick-up in an outage p50 ms': percentile(during, 0.5),
        'pick-up in an outage p95 ms': percentile(during, 0.95),
        'pick-up in an outage max ms': percentile(during, 1),
      },
    }
  } finally {
    await cluster.discard()
    await redis.remove()
  }
}

async function strike(
  cluster: Cluster,
  redis: ThrowawayRedis,
  load: Load,
  kind: (typeof kinds)[number],
): Promise<void> {
  if (kind === 'flush') {
    await redis.ask('flushall')
    return await load.more(pace)
  }
  const { signal, redisNews } = cluster
  const from = redisNews.length
  // The server and two workers.
  const said = (what: 'away' | 'back'): boolean =>
    new Set(redisNews.slice(from).flatMap((news) => (news.what === what ? [news.by] : []))).size === 3
  if (kind === 'freeze') redis.freeze()
  else await redis.stop()
  if (kind === 'restart') await redis.start()
  await load.more(pace)
  await signal.until('every process to say that Redis is away', () => said('away'))
  await load.more(pace)
  if (kind === 'freeze') redis.thaw()
  if (kind === 'stop') await redis.start()
  await signal.until('every process to say that Redis is back', () => said('back'))
  await load.more(pace)
}

/** Whether hints are carried: within some more executions one was run by a job. */
async function carried(redis: ThrowawayRedis, load: Load): Promise<boolean> {
  const events = `pawl:${queueName('drill.run', 1)}:events`
  const newest = async (): Promise<readonly (readonly [string, readonly string[]])[]> =>
    (await redis.ask('xrevrange', events, '+', '-', 'count', 100)) as [string, string[]][]
  const seen = new Set((await newest()).map(([id]) => id))
  for (let tries = 0; tries < 20; tries += 1) {
    await load.more(pace)
    if ((await newest()).some(([id, fields]) => !seen.has(id) && fields.includes('"ran"'))) return true
  }
  return false
}

function outOfTurn(told: readonly { readonly by: number; readonly what: 'away' | 'back' }[]): string[] {
  const last = new Map<number, 'away' | 'back'>()
  return told.flatMap(({ by, what }) => {
    const before = last.get(by) ?? 'back'
    last.set(by, what)
    return before === what ? [`process ${by} said "${what}" twice`] : []
  })
}
