import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { isTerminal } from '../../../src/execution/machine.ts'
import type { WorkerProtocol } from '../../../src/protocol/protocol.ts'
import { everything } from './everything.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world.close())

const child = action({ name: 'demo.child', version: 1, input: z.unknown(), run: ({ step }) => step('s', () => 'done') })

/** Asks to cancel once, before or after the n-th call of a run reaches the store. */
async function cancelAt(n: number, when: 'before' | 'after'): Promise<{ readonly id: number; readonly calls: number }> {
  world = await World.open(everything, child)
  const { protocol } = world
  let id = 0
  let calls = 0
  const around = async <T>(call: () => Promise<T>): Promise<T> => {
    calls += 1
    const isNow = calls === n
    if (isNow && when === 'before') await world.command(id, { type: 'cancel', reason: 'now' })
    const answer = await call()
    if (isNow && when === 'after') await world.command(id, { type: 'cancel', reason: 'now' })
    return answer
  }
  const watched: WorkerProtocol = {
    ...protocol,
    work: (worker, execution, command) => around(() => protocol.work(worker, execution, command)),
    spawn: (worker, execution, spawn) => around(() => protocol.spawn(worker, execution, spawn)),
  }
  id = await world.submit(everything, null)
  await world.worker({ protocol: watched }).start()
  await world.reach(id)
  return { id, calls }
}

for (const when of ['before', 'after'] as const) {
  test(`SE-25 a cancel ${when} any call of a run ends it, and nothing begins behind the commit that asks`, async () => {
    const { calls } = await cancelAt(Number.POSITIVE_INFINITY, when)
    expect(calls).toBeGreaterThan(15)
    for (let n = 1; n <= calls; n += 1) {
      await world.close()
      const { id } = await cancelAt(n, when)
      const { state } = await world.find(id)
      const events = await world.events(id)
      const asked = events.findIndex(({ type }) => type === 'cancel_requested' || type === 'cancel')
      // Only what had nothing more to begin may still succeed: its work is done.
      const isDone = events.filter(({ type }) => type === 'effect_recorded').length === 3
      expect(['canceled', ...(isDone ? ['succeeded'] : [])], `call ${n}`).toContain(state)
      const behind = asked < 0 ? [] : events.slice(asked).map(({ type }) => type)
      expect(behind, `call ${n}`).not.toContain('effect_intended')
      expect(behind, `call ${n}`).not.toContain('child_spawned')
      for (const other of events.filter(({ type }) => type === 'child_spawned')) {
        expect(isTerminal((await world.find(other.execution + 1)).state), `call ${n}`).toBe(true)
      }
      expect(
        (await world.effects(id)).filter((effect) => effect.state === 'intended' || effect.state === 'in_doubt'),
      ).toEqual([])
    }
  })
}
