import { expect, inject, test } from 'vitest'
import { serverHarness } from '../../src/store/postgres/harness.ts'
import { type StatementName, statements } from '../../src/store/postgres/statements.ts'
import { memoryHarness } from '../../src/store/sqlite/harness.ts'
import { parting, playedOn, type StoreOfTest, tapeOf } from '../simulation/again.ts'
import type { TapedBatch } from '../simulation/tape.ts'

/** Commands of simulated worlds, given again to both stores, batch by batch, with the clock and the ids of the world. */
const server = serverHarness(inject('postgres'))
const tapes = new Map<number, Promise<readonly (TapedBatch | null)[]>>()

async function played(store: StoreOfTest, seed: number): Promise<string> {
  const tape = tapes.get(seed) ?? tapeOf(seed)
  tapes.set(seed, tape)
  return (await playedOn(store, await tape)).join('\n')
}

/** A few in the check; `npm run sim -- --stores` plays as many as somebody has time for. */
const seeds = [1, 2, 3, 4, 5, 6, 7, 8]

test('DG-02 the commands of simulated worlds say the same on both stores, and leave the same events', async () => {
  let events = 0
  for (const seed of seeds) {
    const here = await played(await memoryHarness().open(), seed)
    const there = await played(await server.open(), seed)
    expect(there === here, `seed ${seed} ${parting(here, there)}`).toBe(true)
    events += here.split('\nlog ').length
  }
  expect(events).toBeGreaterThan(200)
})

/** Each changes what one statement of PostgreSQL finds or writes, as a fault would. */
const planted: readonly (readonly [StatementName, string])[] = [
  ['ready', statements.ready.replace('order by rank, turn, id', 'order by rank, turn desc, id')],
  ['dueTimers', statements.dueTimers.replace('where at <= $1', 'where at < $1')],
  [
    'appendLog',
    statements.appendLog.replace(
      'to_state, principal, worker, at, executions, numbers, previous, data\nfrom',
      "to_state, 'human:nobody', worker, at, executions, numbers, previous, data\nfrom",
    ),
  ],
]

test.each(planted)('DG-02 a difference that was planted in %s is found', async (name, text) => {
  expect(text).not.toBe(statements[name])
  const other = serverHarness(inject('postgres'), { statements: { [name]: text } })
  let differs = false
  for (const seed of seeds) {
    differs ||= (await played(await memoryHarness().open(), seed)) !== (await played(await other.open(), seed))
  }
  expect(differs).toBe(true)
})
