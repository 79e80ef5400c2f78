import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { isTerminal } from '../../../src/execution/machine.ts'
import type { WorkerProtocol } from '../../../src/protocol/protocol.ts'
import type { WantedChange } from '../../../src/rights/decide-change.ts'
import { everything } from './everything.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world.close())

const child = action({
  name: 'demo.child',
  version: 1,
  input: z.unknown(),
  run: ({ effect }) => effect('inner', { target: 'keyed', do: () => 'done' }),
})

const root = { tenant: 'default', principal: 'human:root', role: 'admin' }
const unsaid = { principal: null, actions: null, subjects: null, levelMax: null, permissions: null, ref: null }
const change = async (wanted: Partial<WantedChange> & Pick<WantedChange, 'kind' | 'role'>) =>
  orThrow(
    await world.orders.give<'rights'>({ kind: 'rights', wanted: { ...unsaid, ...wanted }, by: root, reason: 'test' }),
  )
const token = {
  id: 'T1',
  hash: 'h',
  name: 'alice',
  principal: 'human:alice',
  tenant: 'default',
  role: 'operator',
  scope: null,
  createdAt: 0,
  expiresAt: null,
  lastUsedAt: null,
  revokedAt: null,
  rotatedAt: null,
  oldHash: null,
  oldUntil: null,
}

/** The ways in which somebody loses a right that he had: each is set up, and gives what takes the right away. */
const ways: Readonly<Record<string, () => Promise<() => Promise<unknown>>>> = {
  'a grant is revoked': async () => {
    const { version } = await change({ kind: 'grant', principal: 'human:alice', role: 'operator', actions: 'demo.*' })
    return () => change({ kind: 'revoke', role: 'operator', ref: String(version) })
  },
  'a role loses the permission': async () => {
    await change({ kind: 'role', role: 'runner', permissions: 'execution.submit execution.get' })
    await change({ kind: 'grant', principal: 'human:alice', role: 'runner' })
    return () => change({ kind: 'role', role: 'runner', permissions: 'execution.get' })
  },
  'the group loses its role': async () => {
    const { version } = await change({ kind: 'grant', principal: 'group:sales', role: 'submitter' })
    await change({ kind: 'grant', principal: 'human:alice', role: 'group:sales' })
    return () => change({ kind: 'revoke', role: 'submitter', ref: String(version) })
  },
  'the only token is revoked': async () => {
    await world.orders.give<'token'>({ kind: 'token', token })
    return () => world.orders.give<'token'>({ kind: 'token', token: { ...token, revokedAt: 1 } })
  },
}

interface Told {
  readonly id: number
  readonly calls: number
  /** Events of the execution when its requester had just lost the right; null when it had ended by then. */
  readonly seen: number | null
}

/** Takes the right away once, before or after the n-th call of a run reaches the store. */
async function loseAt(n: number, when: 'before' | 'after', way: string): Promise<Told> {
  world = await World.open(everything, child)
  const { protocol } = world
  const lose = (await ways[way]?.()) ?? (() => Promise.resolve())
  const own = { id: 0, calls: 0 }
  let seen: number | null = null
  const loseNow = async (): Promise<void> => {
    await lose()
    seen = (await world.events(own.id)).length
  }
  const around = async <T>(call: () => Promise<T>): Promise<T> => {
    own.calls += 1
    const isNow = own.calls === n
    if (isNow && when === 'before') await loseNow()
    const answer = await call()
    if (isNow && when === 'after') await loseNow()
    return answer
  }
  const watched: WorkerProtocol = {
    ...protocol,
    work: (worker, execution, command) => around(() => protocol.work(worker, execution, command)),
    spawn: (worker, execution, spawn) => around(() => protocol.spawn(worker, execution, spawn)),
  }
  own.id = await world.submit(everything, null)
  await world.worker({ protocol: watched }).start()
  await world.reach(own.id)
  return { ...own, seen }
}

const plans = Object.keys(ways).flatMap((way) =>
  way === 'a grant is revoked'
    ? (['before', 'after'] as const).map((when) => ({ way, when, stride: 1 }))
    : // All of them end in the same rights; that each does is seen at every third call.
      [{ way, when: 'before' as const, stride: 3 }],
)

test.each(plans)(
  'SE-32 $way $when any call of a run: the next effect does not begin',
  async ({ way, when, stride }) => {
    const { calls } = await loseAt(Number.POSITIVE_INFINITY, when, way)
    expect(calls).toBeGreaterThan(15)
    expect((await world.find(1)).state).toBe('succeeded')
    for (let n = 1; n <= calls; n += stride) {
      await world.close()
      const { id, seen } = await loseAt(n, when, way)
      const { state, lastErrorClass } = await world.find(id)
      const events = await world.events(id)
      // Only what had nothing more to begin may still succeed: its work is done.
      const isDone = events.filter(({ type }) => type === 'effect_recorded').length === 3
      if (isDone) expect(['succeeded', 'failed'], `call ${n}`).toContain(state)
      else {
        expect([state, lastErrorClass], `call ${n}`).toEqual(['failed', 'AuthError'])
        const told = events.find(({ type }) => type === 'rbac_violation')
        expect(told?.data, `call ${n}`).toMatchObject({ requester: 'human:alice', permission: 'execution.submit' })
      }
      const behind = events.slice(seen ?? events.length).map(({ type }) => type)
      for (const begun of ['effect_intended', 'child_spawned', 'claim'])
        expect(behind, `call ${n}`).not.toContain(begun)
      for (const one of events.filter(({ type }) => type === 'child_spawned')) {
        expect(isTerminal((await world.find(one.execution + 1)).state), `call ${n}`).toBe(true)
      }
      expect((await world.effects(id)).filter((one) => one.state === 'intended' || one.state === 'in_doubt')).toEqual(
        [],
      )
    }
  },
)
