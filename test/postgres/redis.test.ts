import { afterEach, expect, inject, test } from 'vitest'
import { queueName } from '../../src/dispatch/names.ts'
import { startRedis } from '../redis/throwaway.ts'
import { openWorld, upTo, type WorldOptions, warmUp } from '../redis/world.ts'
import { openDatabase } from './database.ts'

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

/** What several processes are: each with connections, a memory and a worker of its own. */
async function begin(store: string, options: Pick<WorldOptions, 'redis' | 'slots' | 'pollMs'>) {
  const world = await openWorld({ store, ...options })
  closing.push(() => world.pawl.stop({ graceMs: 100 }))
  await world.pawl.start()
  return world
}

test('SE-50 DG-01 on PostgreSQL a hint goes from the process that commits to one that has room, and what is lost with Redis is found', async () => {
  const redis = await startRedis()
  closing.push(() => redis.remove())
  const database = await openDatabase(inject('postgres'))
  const api = await begin(database, { redis, slots: 0, pollMs: 300 })
  // Workers are told nothing by the database.
  const store = `${database}?listen=false`
  const workers = [
    await begin(store, { redis, slots: 3, pollMs: 300 }),
    await begin(store, { redis, slots: 3, pollMs: 300 }),
  ]
  const warm = queueName(warmUp.name, 1)
  do {
    await api.pawl.ended((await api.pawl.submit({ action: warmUp.name, input: null })).id)
  } while ((await api.outcomes(warm)).ran === 0)
  const first = await api.submit(upTo(15))
  await redis.stop()
  const second = await api.submit(upTo(15, 15))
  await api.ended([...first, ...second])
  for (const world of [api, ...workers]) await world.logged(/Redis is away/)
  await redis.start()
  for (const world of [api, ...workers]) await world.logged(/Redis is back/)
  do {
    await api.pawl.ended((await api.pawl.submit({ action: warmUp.name, input: null })).id)
  } while ((await api.outcomes(warm)).ran === 0)
  await api.ended(await api.submit(upTo(15, 30)))
  const ran = workers.flatMap(({ runs }) => runs)
  expect(ran.toSorted((a, b) => a - b)).toEqual(upTo(45))
  expect(api.runs).toEqual([])
})
