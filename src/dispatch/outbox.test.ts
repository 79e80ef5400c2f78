import { expect, test } from 'vitest'
import type { DueNews } from '../commit/due/due-news.ts'
import type { Answer, OrderKind, OrderOf, Orders } from '../commit/order.ts'
import { publicId, publicIdKey } from '../identity/public-id.ts'
import { changes } from '../store/contract/builders.ts'
import type { Ready } from '../store/rows.ts'
import { openSqlite } from '../store/sqlite/open.ts'
import { VirtualClock } from '../time/clock.ts'
import type { Carrier, RecalledLetter, SentHint, SentLetter } from './carrier.ts'
import { Outbox } from './outbox.ts'

const idKey = publicIdKey(new Uint8Array(16))
const place = (id: number, queue = 1): Ready => ({
  queue,
  rank: 0,
  turn: id,
  id,
  availableAt: 0,
  paid: false,
})

/** A store of which a test says what is due, and a carrier that keeps what it is given. */
function begin() {
  const clock = new VirtualClock()
  const opened = openSqlite({ path: ':memory:' })
  opened.session.begin()
  opened.session.write(changes({ queues: [{ key: 1, action: 'crm.sync', version: 2 }] }))
  opened.session.commit()
  const views = opened.views()
  const listeners = new Set<(news: DueNews) => void>()
  const stored: Ready[] = []
  const orders: Orders = {
    async give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>> {
      const { behind, limit } = order as OrderOf<'due'>
      return stored.filter(({ id }) => id > (behind?.id ?? 0)).slice(0, limit) as Answer<'due'> as Answer<K>
    },
  }
  const failures: unknown[] = []
  const host = {
    idKey,
    views,
    orders,
    onDue: (listener: (news: DueNews) => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  const outbox = new Outbox({ host, clock, failed: (_carrier, why) => failures.push(why) })
  const sent: SentHint[] = []
  const buried: SentLetter[] = []
  const recalled: RecalledLetter[] = []
  const state = { isBroken: false }
  const carrier: Carrier = {
    failed: new Promise(() => {}),
    send: (hints) => {
      if (state.isBroken) return Promise.reject(new Error('OOM'))
      sent.push(...hints)
      return Promise.resolve()
    },
    bury: (letters) => {
      buried.push(...letters)
      return Promise.resolve()
    },
    recall: (letters) => {
      for (const { execution } of letters)
        buried.splice(0, buried.length, ...buried.filter((each) => each.execution !== execution))
      recalled.push(...letters)
      return Promise.resolve()
    },
    pull: () => {},
    probe: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const tell = (news: Partial<DueNews>): void => {
    for (const listener of listeners) listener({ due: [], dead: [], risen: [], ...news })
  }
  return { clock, outbox, carrier, sent, buried, recalled, stored, failures, state, tell, listeners }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('SE-50 what a commit makes due is sent by its public id and place, suspects are left to whoever can run them alone', async () => {
  const { outbox, carrier, sent, buried, tell } = begin()
  tell({ due: [place(1)] })
  outbox.carry(carrier)
  tell({ due: [place(2), place(3, -1)], dead: [{ id: 4, queue: 1, attempt: 3, errorClass: 'NetworkError', at: 5 }] })
  await settled()
  const named = { action: 'crm.sync', version: 2 }
  expect(sent).toEqual([{ execution: publicId(2, idKey), queue: 1, rank: 0, turn: 2, ...named }])
  expect(buried).toEqual([{ execution: publicId(4, idKey), attempt: 3, errorClass: 'NetworkError', at: 5, ...named }])
  await outbox.close()
})

test('SE-23 what was redriven has no dead letter any more, also where it was on its way', async () => {
  const { outbox, carrier, buried, recalled, tell } = begin()
  outbox.carry(carrier)
  const dead = { id: 4, queue: 1, attempt: 3, errorClass: 'NetworkError', at: 5 }
  tell({ dead: [dead] })
  await settled()
  expect(buried).toHaveLength(1)
  tell({ risen: [{ id: 4, queue: 1 }] })
  await settled()
  expect([buried, recalled]).toEqual([[], [{ execution: publicId(4, idKey), action: 'crm.sync' }]])
  // Something else is being sent: both letters have to wait.
  tell({ due: [place(9)] })
  tell({ dead: [dead, { ...dead, id: 5 }] })
  tell({ risen: [{ id: 5, queue: 1 }] })
  tell({ dead: [{ ...dead, id: 5, at: 9 }] })
  await settled()
  expect(buried.map(({ execution, at }) => [execution, at])).toEqual([
    [publicId(4, idKey), 5],
    [publicId(5, idKey), 9],
  ])
  await outbox.close()
})

test('SE-50 a new carrier is told of all that is due, part by part, and a refill rests between two', async () => {
  const { clock, outbox, carrier, sent, stored } = begin()
  for (let id = 1; id <= 1_200; id += 1) stored.push(place(id))
  outbox.carry(carrier)
  await settled()
  expect(sent.length).toBe(1_200)
  outbox.refill()
  await settled()
  expect(sent.length).toBe(1_200)
  await clock.advance(5_000)
  outbox.refill()
  await settled()
  expect(sent.length).toBe(2_400)
  await outbox.close()
})

test('SE-50 a carrier that fails is given up, and nothing is sent while there is none', async () => {
  const { outbox, carrier, sent, state, failures, tell, listeners } = begin()
  outbox.carry(carrier)
  await settled()
  state.isBroken = true
  tell({ due: [place(1)] })
  await settled()
  expect(failures).toEqual([new Error('OOM')])
  outbox.carry(null)
  state.isBroken = false
  tell({ due: [place(2)] })
  outbox.refill()
  await settled()
  expect(sent).toEqual([])
  await outbox.close()
  expect(listeners.size).toBe(0)
})
