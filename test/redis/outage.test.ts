import { Redis } from 'ioredis'
import { afterEach, expect, test, vi } from 'vitest'
import { bullmq } from '../../src/bullmq.ts'
import { queueName } from '../../src/dispatch/names.ts'
import { createPawl, Refused } from '../../src/pawl.ts'
import { startRedis, type ThrowawayRedis } from './throwaway.ts'
import { openWorld, upTo, type WorldOptions, warmUp } from './world.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function server(settings: readonly string[] = []): Promise<ThrowawayRedis> {
  const redis = await startRedis(settings)
  closing.push(() => redis.remove())
  return redis
}

async function begin(redis: ThrowawayRedis, some: Partial<WorldOptions> = {}) {
  const world = await openWorld({ redis, pollMs: 100, ...some })
  closing.push(() => world.pawl.stop({ graceMs: 100 }))
  await world.pawl.start()
  return world
}

type World = Awaited<ReturnType<typeof begin>>

/** Work goes through Redis: one of those that are submitted is run by a hint. */
async function untilCarried({ pawl, outcomes }: World): Promise<void> {
  const name = queueName(warmUp.name, 1)
  const before = (await outcomes(name)).ran
  do {
    await pawl.ended((await pawl.submit({ action: warmUp.name, input: null })).id)
  } while ((await outcomes(name)).ran <= before)
}

const outages: Readonly<
  Record<
    string,
    { readonly begin: (redis: ThrowawayRedis) => unknown; readonly end: (redis: ThrowawayRedis) => unknown }
  >
> = {
  'is killed and comes back empty': { begin: (redis) => redis.stop(), end: (redis) => redis.start() },
  'is frozen and thaws': { begin: (redis) => redis.freeze(), end: (redis) => redis.thaw() },
  'is full and has room again': {
    begin: (redis) => redis.ask('config', 'set', 'maxmemory', '1'),
    end: (redis) => redis.ask('config', 'set', 'maxmemory', '0'),
  },
  'becomes a replica and a primary again': {
    begin: (redis) => redis.ask('replicaof', '127.0.0.1', '1'),
    end: (redis) => redis.ask('replicaof', 'no', 'one'),
  },
}

test.each(Object.keys(outages))(
  'SE-50 while Redis %s, everything runs once, the change is said once each way, and hints are carried again',
  async (name) => {
    const outage = outages[name]
    if (outage === undefined) throw new Error(name)
    const redis = await server()
    const world = await begin(redis)
    await untilCarried(world)
    const first = await world.submit(upTo(50))
    await outage.begin(redis)
    const second = await world.submit(upTo(50, 50))
    await world.ended([...first, ...second])
    await world.logged(/Redis is away/)
    await world.ended(await world.submit(upTo(50, 100)))
    expect((await world.pawl.ops()).verdict).toMatch(
      /^attention: Redis away for \d+ s \(.+\): work is found in the store/,
    )
    await outage.end(redis)
    await world.logged(/Redis is back/)
    expect((await world.pawl.ops()).verdict).toMatch(/^ok: /)
    await untilCarried(world)
    await world.ended(await world.submit(upTo(20, 150)))
    expect(world.runs.toSorted((a, b) => a - b)).toEqual(upTo(170))
    expect(world.said.filter((line) => /Redis is/.test(line))).toEqual([
      expect.stringMatching(/^warn Redis is away: .+\. Work is found in the store until it is back\.$/),
      'info Redis is back: work is dispatched through it again.',
    ])
  },
)

test('SE-50 no connection fails unheard, whose driver would print it into the log', async () => {
  const made = vi.spyOn(Redis.prototype, 'duplicate')
  closing.push(async () => void vi.restoreAllMocks())
  const redis = await server()
  const world = await begin(redis)
  await untilCarried(world)
  await redis.stop()
  await world.logged(/Redis is away/)
  await world.pawl.stop({ graceMs: 100 })
  const twins = made.mock.results.map(({ value }) => value as Redis)
  expect(twins.length).toBeGreaterThan(0)
  for (const twin of twins) expect(twin.emit('error', new Error('connect ECONNREFUSED'))).toBe(true)
})

test('SE-50 a password that changes at run time turns to polling, and its return turns back', async () => {
  const redis = await server()
  const world = await begin(redis)
  await untilCarried(world)
  const admin = new Redis({ port: redis.port, host: '127.0.0.1' })
  closing.push(() => Promise.resolve(admin.disconnect()))
  await admin.config('SET', 'requirepass', 'other')
  await admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes')
  await world.logged(/Redis is away/)
  await world.ended(await world.submit(upTo(10)))
  expect(world.runs.length).toBe(10)
  await admin.config('SET', 'requirepass', '')
  await world.logged(/Redis is back/)
  await untilCarried(world)
})

test('SE-50 a Redis that is not there at the start is said, and used as soon as it is', async () => {
  const redis = await server()
  await redis.stop()
  const world = await begin(redis)
  expect(world.said).toContainEqual(expect.stringContaining('warn Redis is away: '))
  await world.ended(await world.submit(upTo(10)))
  await redis.start()
  await world.logged(/Redis is back/)
  await untilCarried(world)
})

async function refusalAt(url: string): Promise<string> {
  try {
    const pawl = await createPawl({ store: ':memory:', actions: [warmUp], dispatch: bullmq({ url }) })
    await pawl.stop()
    return 'started'
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.code
    throw thrown
  }
}

test('SE-50 what somebody has to correct is refused in a sentence before anything starts', async () => {
  const redis = await server()
  expect(await refusalAt(redis.url)).toBe('started')
  await redis.ask('config', 'set', 'maxmemory-policy', 'allkeys-lru')
  expect(await refusalAt(redis.url)).toBe('redis_evicts')
  await redis.ask('config', 'set', 'maxmemory-policy', 'noeviction')
  await redis.ask('set', 'mine:store', 'another store')
  expect(await refusalAt(`${redis.url}?prefix=mine`)).toBe('redis_taken')
  expect(await refusalAt(`${redis.url}?prefix=ours`)).toBe('started')
  await redis.ask('replicaof', '127.0.0.1', '1')
  expect(await refusalAt(redis.url)).toBe('redis_read_only')
  await redis.ask('replicaof', 'no', 'one')
  await redis.ask('config', 'set', 'requirepass', 'right')
  expect(await refusalAt(redis.url)).toBe('redis_denied')
  expect(await refusalAt(redis.url.replace('//', '//:wrong@'))).toBe('redis_denied')
  expect(await refusalAt(redis.url.replace('//', '//:right@'))).toBe('started')
  for (const url of ['http://localhost', 'redis', 'redis://', `${redis.url}?prefix=a:b`])
    await expect(Promise.resolve().then(() => refusalAt(url))).resolves.toBe('bad_configuration')
  const cluster = await server(['--cluster-enabled', 'yes'])
  expect(await refusalAt(cluster.url)).toBe('redis_cluster')
})
