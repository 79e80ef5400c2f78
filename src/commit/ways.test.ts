import { expect, test } from 'vitest'
import { admission, helloOf } from '../../test/orders.ts'
import { isRefusal } from '../errors/refusal.ts'
import { openSqlite } from '../store/sqlite/open.ts'
import type { StoreSession } from '../store/store.ts'
import { VirtualClock } from '../time/clock.ts'
import { Committer } from './committer.ts'

const actions = ['crm.sync', 'pdf.render', 'quote.send'].map((action) => ({ action, version: 1 }))

/** A store behind a wire: answers later, and names what was asked before an answer had come, a list for each way. */
function farAway(session: StoreSession, ways: string[][]): StoreSession {
  let open = 0
  return new Proxy(session, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      // As one writer among several, which remembers no rows.
      if (name === 'othersWrote') return () => true
      if (typeof value !== 'function') return value
      if (name !== 'executions' && name !== 'ready') return value.bind(target)
      return (...args: unknown[]) => {
        if (open === 0) ways.push([])
        open += 1
        ways.at(-1)?.push(String(name))
        return new Promise((resolve) => {
          setImmediate(() => {
            open -= 1
            resolve(value.apply(target, args))
          })
        })
      }
    },
  })
}

test('a worker of many actions looks at all their queues in one way to the store, and at what it ends in the same', async () => {
  const opened = openSqlite({ path: ':memory:' })
  const ways: string[][] = []
  const committer = await Committer.open({
    session: farAway(opened.session, ways),
    idKey: opened.publicIdKey,
    clock: new VirtualClock(),
    soon: setImmediate,
  })
  const registered = await committer.give<'register'>({ kind: 'register', hello: { ...helloOf('w'), actions } })
  if (isRefusal(registered)) throw new Error(registered.reason)
  const { worker } = registered
  for (const { action } of [...actions, ...actions])
    await committer.give({ kind: 'admit', admission: admission({ action }) })

  const claim = { kind: 'claim', worker, limit: 3, leaseMs: 30_000, waitMs: 0 } as const
  ways.splice(0)
  const claimed = await committer.give<'claim'>(claim)
  if (isRefusal(claimed)) throw new Error(claimed.reason)
  expect(claimed).toHaveLength(3)
  expect(ways[0]).toEqual(['ready', 'ready', 'ready'])

  ways.splice(0)
  const ended = claimed.map(({ execution: { id, fence } }) =>
    committer.give<'work'>({
      kind: 'work',
      worker,
      id,
      command: { type: 'succeed', fence, result: 'null', fingerprint: 'none' },
    }),
  )
  const next = await committer.give<'claim'>(claim)
  expect(isRefusal(next) ? next : next.map(({ execution }) => execution.id)).toEqual([4, 5, 6])
  for (const answer of await Promise.all(ended)) expect(answer).toMatchObject({ state: 'succeeded' })
  expect(ways[0]).toEqual(['executions', 'ready', 'ready', 'ready'])
  expect(ways.flat().filter((name) => name === 'ready')).toHaveLength(3)
  await committer.close()
})
