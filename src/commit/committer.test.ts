import { expect, test } from 'vitest'
import { admission } from '../../test/orders.ts'
import { DatabaseError } from '../errors/failures.ts'
import { isRefusal, Refused, refuse } from '../errors/refusal.ts'
import { changes } from '../store/contract/builders.ts'
import { Passing, UnknownCommit } from '../store/failures.ts'
import { openSqlite } from '../store/sqlite/open.ts'
import type { StoreSession } from '../store/store.ts'
import { VirtualClock } from '../time/clock.ts'
import { Committer } from './committer.ts'
import type { Claimed, OrderOf } from './order.ts'

const pause: OrderOf<'pause'>['pause'] = { scope: 'tenant', value: 'acme', tenant: null, reason: 'test', by: 'human:a' }

async function openCommitter(wrap: (session: StoreSession) => StoreSession = (session) => session) {
  const opened = openSqlite({ path: ':memory:' })
  const clock = new VirtualClock()
  const committer = await Committer.open({
    session: wrap(opened.session),
    idKey: opened.publicIdKey,
    clock,
    soon: setImmediate,
  })
  const hello = { identity: 'w', incarnation: 'w.1', host: 'h', pid: 1, startedTicks: null, bootId: null, slots: 9 }
  const actions = ['crm.sync', 'pdf.render'].map((action) => ({ action, version: 1 }))
  const registered = await committer.give<'register'>({ kind: 'register', hello: { ...hello, actions } })
  if (isRefusal(registered)) throw new Error(registered.reason)
  const claim = (limit: number, waitMs = 0): Promise<readonly Claimed[]> =>
    committer
      .give<'claim'>({ kind: 'claim', worker: registered.worker, limit, leaseMs: 30_000, waitMs })
      .then((answer) => {
        if (isRefusal(answer)) throw new Error(answer.reason)
        return answer
      })
  return { committer, clock, claim, opened }
}

const ids = (claimed: readonly Claimed[]): number[] => claimed.map(({ execution }) => execution.id).sort()

test('SE-22 work that a pause held back is handed out to a claim that waited through the end of the pause', async () => {
  const { committer, claim } = await openCommitter()
  await committer.give<'pause'>({ kind: 'pause', pause, on: true })
  const waiting = claim(1, 60_000)
  await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  await committer.give<'pause'>({ kind: 'pause', pause, on: false })
  expect(ids(await waiting)).toEqual([1])
})

test('SE-22 a pause and its end that arrive together leave nothing paused, in either order', async () => {
  const { committer, claim } = await openCommitter()
  const set = (on: boolean) => committer.give<'pause'>({ kind: 'pause', pause, on })
  expect(await Promise.all([set(true), set(false)])).toEqual([{ changed: true }, { changed: true }])
  await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  expect(ids(await claim(9))).toEqual([1])

  await set(true)
  expect(await Promise.all([set(false), set(true)])).toEqual([{ changed: true }, { changed: true }])
  await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  expect(await claim(9)).toEqual([])
})

test('SE-22 work that another queue came before is handed out by the next claim', async () => {
  const { committer, claim } = await openCommitter()
  const late = admission({ action: 'pdf.render', priority: -5 })
  await Promise.all(
    [admission(), admission(), late].map((each) => committer.give<'admit'>({ kind: 'admit', admission: each })),
  )
  // The first claim reads both queues to the end, takes the two of higher rank and leaves the third.
  expect(ids(await claim(2))).toEqual([1, 2])
  expect(ids(await claim(2))).toEqual([3])
})

test('REL-04 what is committed is answered, even when the store cannot say which timer is next', async () => {
  const { committer, clock } = await openCommitter((session) => {
    let asked = 0
    return wrapSession(session, {
      nextTimerAt: () => {
        asked += 1
        if (asked > 1) throw new DatabaseError('the disk is gone')
        return session.nextTimerAt()
      },
    })
  })
  await committer.give<'admit'>({ kind: 'admit', admission: admission({ delayMs: 1_000 }) })
  const admitted = committer.give<'admit'>({ kind: 'admit', admission: admission() })
  await clock.advance(1_000)
  expect(await admitted).toMatchObject({ replayed: false })
  const later = await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  expect(later).toMatchObject({ replayed: false, born: { id: 3 } })
})

test('REL-04 a group that cannot be committed is halved down to its culprit, and its neighbours are committed', async () => {
  const { committer } = await openCommitter((session) =>
    wrapSession(session, {
      write: (changes) => {
        if (changes.admitted.some(({ request }) => request.input === '"culprit"')) throw new DatabaseError('no')
        return session.write(changes)
      },
    }),
  )
  const inputs = ['1', '2', '"culprit"', '3', '4']
  const answers = await Promise.allSettled(
    inputs.map((input) => committer.give<'admit'>({ kind: 'admit', admission: admission({ input }) })),
  )
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'])
})

test('REL-03 a commit that was in somebody’s way is tried again whole, and each order is answered once', async () => {
  let failures = 0
  const { committer, clock } = await openCommitter((session) =>
    wrapSession(session, {
      commit: () => {
        if (failures === 0) return session.commit()
        failures -= 1
        throw new Passing('could not serialize access')
      },
    }),
  )
  failures = 3
  const given = [1, 2].map(() => committer.give<'admit'>({ kind: 'admit', admission: admission() }))
  const answered = Promise.all(given)
  for (let turns = 0; turns < 200; turns += 1) await clock.advance(10)
  expect((await answered).map((answer) => !isRefusal(answer) && !answer.replayed && answer.born.id)).toEqual([1, 2])
  expect(failures).toBe(0)
})

test('REL-03 whoever waits in vain for a server that takes no writes is told that, and not that the store was busy', async () => {
  let isReadOnly = false
  const { committer, clock } = await openCommitter((session) =>
    wrapSession(session, {
      commit: () => {
        if (!isReadOnly) return session.commit()
        throw new Passing('cannot execute INSERT', {
          cause: new Refused(refuse('store_read_only', 'It is a replica.')),
        })
      },
    }),
  )
  isReadOnly = true
  const answered = committer.give<'admit'>({ kind: 'admit', admission: admission() }).catch((thrown: unknown) => thrown)
  for (let turns = 0; turns < 1_000; turns += 1) await clock.advance(100)
  expect(await answered).toMatchObject({ refusal: { code: 'store_read_only' } })
})

test('REL-03 a commit whose fate is unknown is not tried again, in parts neither', async () => {
  let writes = 0
  const { committer } = await openCommitter((session) =>
    wrapSession(session, {
      write: (changes) => {
        if (changes.admitted.length > 0) writes += 1
        return session.write(changes)
      },
      commit: () => {
        void session.commit()
        if (writes > 0) throw new UnknownCommit('the answer was lost')
      },
    }),
  )
  const given = [1, 2].map(() => committer.give<'admit'>({ kind: 'admit', admission: admission() }))
  const answers = await Promise.allSettled(given)
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(writes).toBe(1)
})

test('whoever comes while the store is another writer’s goes into the commit that waits for it, claims too', async () => {
  const had: (() => void)[] = []
  const batches: number[] = []
  let waits = false
  const { committer, claim } = await openCommitter((session) =>
    wrapSession(session, {
      begin: async () => {
        if (waits) await new Promise<void>((resolve) => had.push(resolve))
        await session.begin()
      },
      write: (changes) => {
        batches.push(changes.admitted.length)
        return session.write(changes)
      },
    }),
  )
  batches.length = 0
  waits = true
  const admit = () => committer.give<'admit'>({ kind: 'admit', admission: admission() })
  const given = [admit()]
  await expect.poll(() => had.length).toBe(1)
  given.push(admit(), admit())
  const claimed = claim(3)
  waits = false
  had[0]?.()
  await Promise.all(given)
  expect(ids(await claimed)).toEqual([1, 2, 3])
  expect(batches).toEqual([3])
})

test('what others have written is learnt before the next decision', async () => {
  let isTold = false
  const { committer, claim, opened } = await openCommitter((session) =>
    wrapSession(session, {
      othersWrote: () => {
        const was = isTold
        isTold = false
        return was
      },
    }),
  )
  await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  expect(ids(await claim(1))).toEqual([1])
  expect(await claim(1)).toEqual([])
  // Another writer's work is due, in a queue that this one knows to be empty.
  const { raw } = opened
  raw.exec(
    `insert into requests select 2, 'p2', tenant, action, action_version, subject, idem_key, generation, record_only, input, input_hash, seed, trace_id, requested_by, mode, priority, sla_class, action_class, policy_version, parent_id, position, at, depth, rerun_of, permits, on_parent_cancel from requests where id = 1`,
  )
  raw.exec(
    `insert into executions (id, tenant, queue, state, n, max_attempts, head, rank, available_at, updated_at) select 2, tenant, queue, 3, 1, max_attempts, 1, rank, available_at, updated_at from executions where id = 1`,
  )
  raw.exec(
    `insert into ready (queue, rank, turn, id, available_at, paid) select queue, rank, 1, 2, available_at, 0 from executions where id = 2`,
  )
  raw.exec(`insert into depth (queue, tenant, count) values (1, 'acme', 1)`)
  expect(await claim(1)).toEqual([])
  isTold = true
  expect(ids(await claim(1))).toEqual([2])
})

function wrapSession(session: StoreSession, changed: Partial<StoreSession>): StoreSession {
  return new Proxy(session, {
    get(target, name: keyof StoreSession) {
      const own = changed[name]
      return own ?? (target[name] as (() => unknown) | undefined)?.bind(target)
    },
  })
}

test('REL-03 a commit that finds a row changed under the writer is taken back, and whoever asked is told', async () => {
  const { committer } = await openCommitter((session) =>
    wrapSession(session, {
      write: (changes) => {
        void session.write(changes)
        return { stale: changes.admitted.length > 0 ? [1] : [] }
      },
    }),
  )
  await expect(committer.give<'admit'>({ kind: 'admit', admission: admission() })).rejects.toThrow('rows changed')
  const listed = await committer.give<'command'>({
    kind: 'command',
    id: 1,
    tenant: 'acme',
    command: { type: 'retry' },
    principal: 'human:a',
  })
  expect(listed).toMatchObject({ code: 'not_found' })
})

test('CP-005 after the clock was set forward, what is due is worked off and the alarm is set by the new reckoning', async () => {
  const { committer, clock, claim } = await openCommitter()
  const hourMs = 3_600_000
  for (const hours of [1, 1.2, 2]) {
    await committer.give<'admit'>({ kind: 'admit', admission: admission({ delayMs: hours * hourMs }) })
  }
  // The writer is idle and has set its alarm.
  await clock.advance(0)
  clock.setForward(1.5 * hourMs)
  await committer.give<'sweep'>({ kind: 'sweep' })
  expect(ids(await claim(9))).toEqual([1, 2])
  const last = claim(9, hourMs)
  for (let turns = 0; turns < 5; turns += 1) await clock.advance(0)
  await clock.advance(hourMs / 2 - 1)
  expect(clock.pending()).toBe(1)
  await clock.advance(1)
  await clock.advance(0)
  expect(clock.pending()).toBe(0)
  expect(ids(await last)).toEqual([3])
})

test('SE-26 a deadline that was put off ends its execution once, however many of its timers ring in one commit', async () => {
  const { session, publicIdKey: idKey, views } = openSqlite({ path: ':memory:' })
  const early = new VirtualClock()
  const before = await Committer.open({ session, idKey, clock: early, soon: setImmediate })
  const deadlineAt = early.now() + 10_000
  await before.give<'admit'>({ kind: 'admit', admission: admission({ deadlineAt }) })
  const at = deadlineAt + 5_000
  session.begin()
  session.write(changes({ timers: { add: [{ kind: 'deadline', id: 1, at }], remove: [] } }))
  session.commit()
  const late = new VirtualClock(early.now() + 60_000)
  const committer = await Committer.open({ session, idKey, clock: late, soon: setImmediate })
  await committer.give<'sweep'>({ kind: 'sweep' })
  expect(views().find(1)?.execution.state).toBe('expired')
  expect(
    views()
      .events(1, 0, 9)
      .map(({ type }) => type),
  ).toEqual(['enqueue', 'expire'])
})

/** A store that cannot write what has the input `"poison"`, and counts what it was asked to write. */
const poisoned = (commits: number[]) => (session: StoreSession) =>
  wrapSession(session, {
    write: (changes) => {
      if (changes.admitted.length > 0) commits.push(changes.admitted.length)
      if (changes.admitted.some(({ request }) => request.input.includes('poison'))) throw new Error('no such row')
      return session.write(changes)
    },
  })

const many = (count: number, ...poison: readonly number[]) => ({
  kind: 'admit_many' as const,
  admissions: Array.from({ length: count }, (_, place) =>
    admission({ input: poison.includes(place) ? '"poison"' : '{}' }),
  ),
})

test('REL-04 of many at once, one that cannot be written keeps none of the others from being admitted', async () => {
  const commits: number[] = []
  const { committer } = await openCommitter(poisoned(commits))
  const answers = await committer.give<'admit_many'>(many(64, 37))
  if (isRefusal(answers)) throw new Error(answers.reason)
  expect(answers).toHaveLength(64)
  for (const [place, answer] of answers.entries()) {
    if (place === 37)
      expect(answer).toMatchObject({ code: 'not_stored', reason: expect.stringContaining('no such row') })
    else expect(answer).toMatchObject({ replayed: false })
  }
  expect(commits.length).toBeLessThanOrEqual(1 + 2 * 6)
  await committer.close()
})

test('many at once that can be written are one commit, and what a failing store cannot write is not tried one by one', async () => {
  const commits: number[] = []
  const { committer } = await openCommitter(poisoned(commits))
  await committer.give<'admit_many'>(many(500))
  expect(commits).toEqual([500])
  const all = many(1_000, ...Array.from({ length: 1_000 }, (_, place) => place))
  await expect(committer.give<'admit_many'>(all)).rejects.toThrow('no such row')
  expect(commits.length).toBeLessThan(60)
  await committer.close()
})

/** Work that was canceled while it was due and is redriven: its former entry among the due stands until a claim meets it. */
async function redriven(laterMs: number) {
  const { committer, claim, clock, opened } = await openCommitter()
  const admitted = await committer.give<'admit'>({ kind: 'admit', admission: admission() })
  if (isRefusal(admitted)) throw new Error(admitted.reason)
  const whole = { kind: 'command', id: 1, tenant: null, principal: 'human:a' } as const
  await committer.give<'command'>({ ...whole, command: { type: 'cancel', reason: null } })
  await clock.advance(laterMs)
  await committer.give<'command'>({ ...whole, command: { type: 'redrive', reason: 'after all' } })
  return { claim, views: opened.views() }
}

test('SE-23 redriven work is claimed by the claim that meets what was left of its former place in line', async () => {
  const { claim } = await redriven(1_000)
  expect(ids(await claim(1))).toEqual([1])
})

test('SE-23 work that was redriven in the millisecond in which it was due before is claimed once', async () => {
  const { claim, views } = await redriven(0)
  expect(ids(await claim(2))).toEqual([1])
  expect(ids(await claim(2))).toEqual([])
  expect(views.find(1)?.execution).toMatchObject({ state: 'running', n: 4 })
})
