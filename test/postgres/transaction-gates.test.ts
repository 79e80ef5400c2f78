import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, type Pawl } from '../../src/pawl.ts'
import { postgres } from '../../src/postgres.ts'
import { rightsLock } from '../../src/store/postgres/turns.ts'
import { openDatabase } from './database.ts'

/** A handler's transaction begins nothing that an effect could not begin: whatever was true at the claim is compared at its commit. */
let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
  await ask('create table ledger (entry text)')
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return client
}

async function ask(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = await connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const entries = async (): Promise<readonly unknown[]> =>
  (await ask('select entry from ledger')).map(({ entry }) => entry)

/** Statements of a transaction: begin, the look for a record, its name, the handler's own, the record with the commit. */
const statementsOfOne = 5

/** A pool that lets something happen before the n-th statement of a transaction; behind the last one when n is greater. */
function watchedPool() {
  const pool = new pg.Pool({ connectionString: url })
  open.push({ close: () => pool.end() })
  let count = 0
  let told: { readonly n: number; happens(): Promise<unknown> } | null = null
  const at = async (place: number): Promise<void> => {
    if (told?.n !== place) return
    const { happens } = told
    told = null
    await happens()
  }
  return {
    before(n: number, happens: () => Promise<unknown>): void {
      count = 0
      told = { n, happens }
    },
    async connect() {
      const client = await pool.connect()
      return {
        release: (isBroken?: boolean) => client.release(isBroken),
        query: async (text: string, values?: unknown[]): Promise<pg.QueryResult> => {
          await at(++count)
          const answer = await client.query(text, values)
          if (text.endsWith('commit')) await at(++count)
          return answer
        },
      }
    },
  }
}

const book = (effects: readonly string[]) =>
  action({
    name: 'order.book',
    version: 1,
    input: z.object({ name: z.string() }),
    approval: 'plan_review',
    effects,
    retry: { maxAttempts: 1 },
    async run({ transaction, input }) {
      return await transaction('book', async (tx) => {
        await tx.query('insert into ledger values ($1)', [input.name])
        return 'booked'
      })
    },
  })

type Books = readonly [ReturnType<typeof book>]

async function openPawl(
  slots: number,
  pool?: ReturnType<typeof watchedPool>,
  effects = ['book', 'mail'],
): Promise<Pawl<Books>> {
  const store = await postgres({ url, ...(pool === undefined ? {} : { transactions: pool }) })
  const pawl = await createPawl({ store, actions: [book(effects)] as const, slots })
  open.push({ close: () => pawl.stop({ graceMs: 1_000 }) })
  await pawl.start()
  return pawl
}

interface Begun {
  readonly id: string
  readonly grant: number
}

let asked = 0

/** Asked for by somebody who was granted that, agreed to by another, and to be dispatched. */
async function begin(people: Pawl<Books>): Promise<Begun> {
  const principal = `human:alice-${++asked}`
  const { version: grant } = await people.roles.grant(principal, 'submitter', 'new here')
  const asker = people.as({ principal, tenant: 'default', role: 'submitter' })
  const { id, planHash } = await asker.submit({ action: 'order.book', input: { name: 'R-7' } })
  await people.approve(id, String(planHash))
  return { id, grant }
}

interface Way {
  take(people: Pawl<Books>, begun: Begun): Promise<unknown>
  readonly endsAs: string
}

const ways: Readonly<Record<string, Way>> = {
  'a cancel': { take: (people, { id }) => people.cancel(id, 'changed my mind'), endsAs: 'canceled' },
  'the loss of the right to ask for it': {
    take: (people, { grant }) => people.roles.revoke(grant, 'left'),
    endsAs: 'failed',
  },
  'the end of its approval': { take: (people, { id }) => people.revoke(id, 'looked again'), endsAs: 'requested' },
  // Whoever revokes one puts the run aside with it; a row that says so beside a run that goes on is not believed either.
  'an approval that its row has no more': {
    take: () =>
      ask(`update executions set gate = jsonb_set(gate::jsonb, '{approvedHash}', 'null')::text where state = 4`),
    endsAs: 'waiting',
  },
}

test.each(Object.entries(ways))(
  'SE-31 SE-32 %s lets nothing of a transaction be kept, before whichever statement of it that is said; behind the last all was',
  async (_, { take, endsAs }) => {
    const [people, pool] = [await openPawl(0), watchedPool()]
    const pawl = await openPawl(1, pool)
    for (let place = 1; place <= statementsOfOne + 1; place += 1) {
      await ask('delete from ledger')
      const begun = await begin(people)
      pool.before(place, () => take(people, begun))
      await people.resume(begun.id)
      const isKept = place > statementsOfOne
      const ends = isKept ? ['succeeded', endsAs] : [endsAs]
      const hasEnded = async () => ends.includes((await pawl.get(begun.id)).state)
      await expect.poll(hasEnded, { timeout: 20_000 }).toBe(true)
      expect([place, await entries()]).toEqual([place, isKept ? ['R-7'] : []])
      if (!isKept) expect(await pawl.steps(begun.id)).toEqual([])
    }
  },
)

test('SE-32 a commit of rights that is under way is waited for: whoever loses a right by it commits nothing more', async () => {
  const [people, pool] = [await openPawl(0), watchedPool()]
  const pawl = await openPawl(1, pool)
  const foreign = await connect()
  open.push({ close: () => foreign.end() })
  const waiting = async (): Promise<unknown> => {
    const { rows } = await foreign.query(
      `select granted from pg_locks where locktype = 'advisory' and classid = ${rightsLock} order by granted`,
    )
    return rows.map(({ granted }: { granted: boolean }) => granted)
  }
  const { id, grant } = await begin(people)
  const isHeld = Promise.withResolvers<void>()
  let revoking: Promise<unknown> = Promise.resolve()
  pool.before(statementsOfOne, async () => {
    // The revocation has written all that it writes, and cannot commit.
    await foreign.query('begin; lock table writers in share row exclusive mode')
    revoking = people.roles.revoke(grant, 'left')
    await expect.poll(waiting).toEqual([true])
    isHeld.resolve()
  })
  await people.resume(id)
  await isHeld.promise
  // The transaction has come to its comparison, and waits.
  await expect.poll(waiting, { timeout: 8_000 }).toEqual([false, true])
  await foreign.query('rollback')
  expect(await pawl.ended(id)).toMatchObject({ state: 'failed', lastErrorClass: 'AuthError' })
  await revoking
  expect(await entries()).toEqual([])
})

test('SE-31 what was looked at may change and still allow it: the transaction goes on, and its function is not called again', async () => {
  const [people, pool] = [await openPawl(0), watchedPool()]
  const pawl = await openPawl(1, pool)
  const { id } = await begin(people)
  let changes = 0
  pool.before(statementsOfOne, async () => {
    changes += 1
    await people.roles.grant('human:bob', 'viewer', 'another one')
  })
  await people.resume(id)
  expect(await pawl.result(id)).toBe('booked')
  expect(changes).toBe(1)
  expect(await entries()).toEqual(['R-7'])
  expect((await pawl.steps(id)).map(({ name }) => name)).toEqual(['transaction:book'])
})

test('SE-31 a transaction that the approved plan does not name among its effects commits nothing', async () => {
  const pawl = await openPawl(1, undefined, ['mail'])
  const { id } = await begin(pawl)
  await pawl.resume(id)
  const lastError = expect.stringContaining('effect_not_planned') as unknown
  expect(await pawl.ended(id)).toMatchObject({ state: 'failed', lastError })
  expect(await entries()).toEqual([])
})
