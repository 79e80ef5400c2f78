/** Plays many histories, one after the other. */
import type { StoreHost } from '../../src/commit/host.ts'
import { VirtualClock } from '../../src/time/virtual-clock.ts'
import { admissionOf, CoreDriver, type Driver, StoreDriver } from './drivers.ts'
import { Difference, History } from './history.ts'
import { rowsOf } from './rows.ts'
import { gateOf, type Reached, rulesOf } from './setting.ts'

export interface Told {
  passed: number
  readonly differences: string[]
}

const turns = 60

async function playOne(seed: string, driver: Driver, reached: Reached, told: Told): Promise<void> {
  try {
    await new History(seed, rulesOf(seed), driver, reached).play(turns)
    told.passed += 1
  } catch (thrown) {
    if (!(thrown instanceof Difference)) throw new Error(`history ${seed} broke`, { cause: thrown })
    told.differences.push(`history ${seed}: ${thrown.message}`)
  }
}

/** Histories are numbered, so that several processes share them out. */
export interface Share {
  readonly seed: string
  readonly from: number
  readonly count: number
}

/** So many are played on one store: what they leave behind makes the next ones slower. */
const perStore = 250

export async function playCore({ seed, from, count }: Share, reached: Reached): Promise<Told> {
  const told: Told = { passed: 0, differences: [] }
  for (let number = from; number < from + count; number += 1) {
    const rules = rulesOf(`${seed} ${number}`)
    const { execution, request, plan } = rowsOf(gateOf(rules), rules.isPlanned)
    await playOne(`${seed} ${number}`, new CoreDriver(execution, request, plan), reached, told)
  }
  return told
}

export async function playStore(
  kind: 'sqlite' | 'postgres',
  { seed, from, count }: Share,
  reached: Reached,
): Promise<Told> {
  const told: Told = { passed: 0, differences: [] }
  const each = kind === 'sqlite' ? perStore : count
  for (let first = from; first < from + count; first += each) {
    const share = { seed, from: first, count: Math.min(each, from + count - first) }
    await playOnOne(kind, share, reached, told)
  }
  return told
}

async function playOnOne(
  kind: 'sqlite' | 'postgres',
  { seed, from, count }: Share,
  reached: Reached,
  told: Told,
): Promise<void> {
  const clock = new VirtualClock()
  const { host, close } = await openHost(kind, clock)
  try {
    for (let number = from; number < from + count; number += 1) {
      const rules = rulesOf(`${seed} ${number}`)
      const driver = new StoreDriver(host, clock, `w${number}`)
      // Rights are a tenant's: each history has its own.
      await driver.begin(admissionOf(gateOf(rules), rules.isPlanned, `tenant${number}`))
      await playOne(`${seed} ${number}`, driver, reached, told)
      await driver.end()
    }
  } finally {
    await close()
  }
}

async function openHost(
  kind: 'sqlite' | 'postgres',
  clock: VirtualClock,
): Promise<{ host: StoreHost; close: () => Promise<void> }> {
  if (kind === 'sqlite') {
    const { sqlite } = await import('../../src/sqlite.ts')
    const host = await sqlite({ path: ':memory:', clock, soon: queueMicrotask })
    return { host, close: () => host.close() }
  }
  const { throwaway } = await import('./server.ts')
  return await throwaway(clock)
}
