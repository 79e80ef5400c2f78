import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, type Pawl, type RunContext, type Transaction } from '../../src/pawl.ts'
import { postgres } from '../../src/postgres.ts'
import { openDatabase } from './database.ts'

/** `ctx.transaction`: what a handler writes and the record of its step are one commit. */
let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
  await ask('create table ledger (entry text)')
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function ask(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const entries = async (): Promise<readonly unknown[]> =>
  (await ask('select entry from ledger order by entry')).map(({ entry }) => entry)

/** What happens to the connection of a transaction at its commit. */
type Fate = 'goes through' | 'lost before' | 'lost behind' | 'hangs behind'

/** A pool whose commits meet a fate each; the last one is everybody's from then on. */
function fatedPool(...fates: Fate[]) {
  const pool = new pg.Pool({ connectionString: url })
  pool.on('error', () => {})
  open.push({ close: () => pool.end() })
  let committed = (): void => {}
  const hasCommitted = new Promise<void>((resolve) => {
    committed = resolve
  })
  let goOn = (): void => {}
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve
  })
  return {
    hasCommitted,
    goOn,
    async connect() {
      const client = await pool.connect()
      client.on('error', () => {})
      return {
        release: (isBroken?: boolean) => client.release(isBroken),
        query: async (text: string, values?: unknown[]): Promise<pg.QueryResult> => {
          const fate = text.endsWith('commit') ? (fates.length > 1 ? fates.shift() : fates[0]) : 'goes through'
          if (fate === 'lost before') throw new Error('Connection terminated unexpectedly')
          const answer = await client.query(text, values)
          if (fate === 'lost behind') throw new Error('Connection terminated unexpectedly')
          if (fate === 'hangs behind') {
            committed()
            await mayGoOn
          }
          return answer
        },
      }
    },
  }
}

type Run = (ctx: RunContext<{ name: string }>) => Promise<unknown>

const book = (run: Run) =>
  action({
    name: 'order.book',
    version: 1,
    input: z.object({ name: z.string() }),
    retry: { maxAttempts: 3, baseMs: 1, multiplier: 1, capMs: 1, jitter: 'none' },
    run,
  })

type Books = readonly [ReturnType<typeof book>]

async function openPawl(run: Run, transactions?: ReturnType<typeof fatedPool>): Promise<Pawl<Books>> {
  const store = await postgres({ url, ...(transactions === undefined ? {} : { transactions }) })
  const pawl = await createPawl({ store, actions: [book(run)] as const, slots: 2 })
  open.push({ close: () => pawl.stop({ graceMs: 1_000 }) })
  await pawl.start()
  return pawl
}

const submit = (pawl: Pawl<Books>) => pawl.submit({ action: 'order.book', input: { name: 'R-7' } })

/** The worker that has it is said to be dead: another process goes on under another fence. */
async function takeAway(pawl: Pawl<Books>): Promise<void> {
  const [row] = await ask('select worker::int as worker from executions')
  const dead = { kind: 'gone', worker: Number(row?.worker), proof: 'test', cause: 'exit' } as const
  await pawl.engine.host.orders.give<'gone'>(dead)
}

/** What was left in transactions is taken up now. */
async function takeUp(pawl: Pawl<Books>): Promise<void> {
  const order = { kind: 'take_inbox', submissions: 1, steps: 9, refused: null } as const
  await pawl.engine.host.orders.give<'take_inbox'>(order)
}

const once: Run = async ({ transaction, input }) =>
  transaction('book', async (tx) => {
    await tx.query('insert into ledger values ($1)', [input.name])
    return { booked: input.name }
  })

function gate(): { readonly isOpen: Promise<void>; open(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { isOpen: promise, open: resolve }
}

/** The journal and the events as the end leaves them. */
async function storyOf(pawl: Pawl<Books>, id: string) {
  const steps = (await pawl.steps(id)).map(({ name }) => name)
  const events = await pawl.events(id)
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  return { steps, events: events.map(({ type }) => type) }
}

test('what a handler writes and the record of it are there together, and a replay is given the record', async () => {
  let runs = 0
  const pawl = await openPawl(async (ctx) => {
    const booked = await ctx.transaction('book', async (tx) => {
      runs += 1
      const { rows } = await tx.query<{ entry: string }>('insert into ledger values ($1) returning entry', ['R-7'])
      return rows[0]
    })
    if (ctx.attempt === 1) throw new Error('later, something else fails')
    return booked
  })
  const { id } = await submit(pawl)
  await pawl.ended(id)
  const { state } = await pawl.get(id)
  if (state !== 'succeeded') await pawl.redrive(id, 'again')
  expect(await pawl.result(id)).toEqual({ entry: 'R-7' })
  expect(runs).toBe(1)
  expect(await entries()).toEqual(['R-7'])
  await takeUp(pawl)
  expect(await ask('select * from transaction_steps')).toEqual([])
  const { steps, events } = await storyOf(pawl, id)
  expect(steps).toEqual(['transaction:book'])
  expect(events.filter((type) => type === 'step_recorded')).toHaveLength(1)
})

test('what throws is rolled back, and nothing of it is on record', async () => {
  let runs = 0
  const pawl = await openPawl(async (ctx) => {
    await ctx
      .transaction('book', async (tx) => {
        await tx.query('insert into ledger values ($1)', [`try ${++runs}`])
        if (runs === 1) throw new Error('changed my mind')
      })
      .catch(() => {})
    return (await pawl.steps(ctx.executionId)).length
  })
  expect(await pawl.result(await submit(pawl))).toBe(0)
  expect(await entries()).toEqual([])
})

test('REL-03 a commit whose answer is lost is looked up: what was made is taken, what was not is tried again', async () => {
  // Nobody may go on as if it had not been made, while nobody knows.
  const careless: Run = (ctx) => once(ctx).catch(() => 'not booked')
  const pawl = await openPawl(careless, fatedPool('lost before', 'lost behind', 'goes through'))
  const { id } = await submit(pawl)
  expect(await pawl.result(id)).toEqual({ booked: 'R-7' })
  expect(await entries()).toEqual(['R-7'])
  const { steps, events } = await storyOf(pawl, id)
  expect(steps).toEqual(['transaction:book'])
  expect(events).toEqual(['enqueue', 'claim', 'fail_retryable', 'claim', 'step_recorded', 'succeed'])
})

test.each(['before', 'after'] as const)(
  'a worker that is gone between its commit and the journal has committed once, and its successor is given the record, taken up %s it looks',
  async (when) => {
    let runs = 0
    const pool = fatedPool('hangs behind')
    const counting: Run = async (ctx) => {
      runs += 1
      // Its claim has seen no such step: it is in the journal only now.
      if (runs === 2 && when === 'before') await takeUp(pawl)
      return once(ctx)
    }
    const pawl = await openPawl(counting, pool)
    const { id } = await submit(pawl)
    await pool.hasCommitted
    await openPawl(counting)
    await takeAway(pawl)
    expect(await pawl.result(id)).toEqual({ booked: 'R-7' })
    expect(runs).toBe(2)
    expect(await entries()).toEqual(['R-7'])
    expect((await storyOf(pawl, id)).steps).toEqual(['transaction:book'])
    pool.goOn()
  },
)

test('what was committed enters the journal also where no run asks for it any more', async () => {
  const pool = fatedPool('hangs behind')
  const pawl = await openPawl(once, pool)
  const { id } = await submit(pawl)
  await pool.hasCommitted
  await pawl.cancel(id, 'no more')
  await takeAway(pawl)
  expect(await pawl.ended(id)).toMatchObject({ state: 'canceled' })
  await takeUp(pawl)
  expect((await storyOf(pawl, id)).steps).toEqual(['transaction:book'])
  expect(await ask('select * from transaction_steps')).toEqual([])
  pool.goOn()
})

test('REL-07 a worker that lost its lease commits nothing, also while its successor is at work', async () => {
  const [hasBegun, mayGoOn, hasEnded] = [gate(), gate(), gate()]
  let runs = 0
  const slow: Run = async ({ transaction }) => {
    const run = ++runs
    const booking = transaction('book', async (tx) => {
      await tx.query('insert into ledger values ($1)', [`run ${run}`])
      if (run === 1) {
        hasBegun.open()
        await mayGoOn.isOpen
      } else {
        mayGoOn.open()
        await hasEnded.isOpen
      }
      return run
    })
    return await booking.finally(() => run === 1 && hasEnded.open())
  }
  const pawl = await openPawl(slow)
  const { id } = await submit(pawl)
  await hasBegun.isOpen
  await openPawl(slow)
  // Nothing of Pawl's is locked meanwhile: whoever changes the row waits for nobody.
  expect(await ask('select count(*)::int as n from (select 1 from executions for update nowait) e')).toEqual([{ n: 1 }])
  await takeAway(pawl)
  expect(await pawl.result(id)).toBe(2)
  expect(await entries()).toEqual(['run 2'])
})

test('whoever was asked to cancel commits nothing more', async () => {
  const pawl = await openPawl(({ transaction, executionId }) =>
    transaction('book', async (tx) => {
      await tx.query('insert into ledger values (1)')
      await ask(`update executions set cancelled_at = 1, cancelled_by = 'human:a' where fence > 0`)
      return executionId
    }),
  )
  const { id } = await submit(pawl)
  await pawl.ended(id)
  expect(await entries()).toEqual([])
  expect(await pawl.steps(id)).toEqual([])
})

test('a handler that ends the transaction itself, or goes on behind an error, gets no record', async () => {
  const ways: Record<
    string,
    (tx: { query(text: string): Promise<unknown>; readonly client: unknown }) => Promise<unknown>
  > = {
    commit: (tx) => tx.query('commit'),
    'commit behind our back': (tx) => (tx.client as { query(text: string): Promise<unknown> }).query('commit'),
    'another transaction': (tx) => (tx.client as { query(text: string): Promise<unknown> }).query('rollback; begin'),
    'an error that is swallowed': (tx) => tx.query('select no_such_column').catch(() => {}),
  }
  const pawl = await openPawl(async ({ transaction }) => {
    const said: string[] = []
    for (const [name, way] of Object.entries(ways)) {
      const error: unknown = await transaction(name, async (tx) => void (await way(tx))).catch(
        (thrown: unknown) => thrown,
      )
      said.push(error instanceof Error ? error.message : 'nothing')
    }
    return said
  })
  const { id } = await submit(pawl)
  expect(await pawl.result(id)).toEqual([
    'Begin and commit of this transaction are Pawl’s; throw to roll it back.',
    expect.stringContaining('The handler has ended the transaction itself'),
    expect.stringContaining('The handler has ended the transaction itself'),
    expect.stringContaining('current transaction is aborted'),
  ])
  expect(await pawl.steps(id)).toEqual([])
})

test('work can be submitted in the transaction of a step: it is there with the step', async () => {
  const next = action({ name: 'order.next', version: 1, input: z.object({}), run: () => 'done' })
  const first = book(async ({ transaction }) => {
    const { id } = await transaction('book', (tx) =>
      pawl.submit({ action: 'order.next', input: {} }, { tx: tx as Transaction }),
    )
    return id
  })
  const pawl = await createPawl({ store: await postgres({ url }), actions: [first, next] as const, slots: 2 })
  open.push({ close: () => pawl.stop({ graceMs: 100 }) })
  await pawl.start()
  const ticket = await pawl.result(await pawl.submit({ action: 'order.book', input: { name: 'R-7' } }))
  expect(await pawl.result(String(ticket))).toBe('done')
})

test('a record-only run writes nothing: it takes what stands in for the value, or ends there', async () => {
  const pawl = await openPawl(async ({ transaction, input }) => {
    const write = (tx: { query(text: string): Promise<unknown> }) => tx.query(`insert into ledger values ('real')`)
    const simulate = () => 'as if'
    const value = await transaction('simulated', async (tx) => void (await write(tx)) as unknown, { simulate })
    if (input.name === 'R-8') await transaction('bare', async (tx) => void (await write(tx)))
    return value
  })
  const record = (name: string) => pawl.submit({ action: 'order.book', input: { name }, recordOnly: true })
  expect(await pawl.result(await record('R-7'))).toBe('as if')
  expect(await pawl.ended((await record('R-8')).id)).toMatchObject({ state: 'succeeded' })
  expect(await entries()).toEqual([])
})

test('on SQLite a handler is told that there is no database to write to', async () => {
  const pawl = await createPawl({ store: 'sqlite::memory:', actions: [book(once)] as const, slots: 1 })
  open.push({ close: () => pawl.stop() })
  await pawl.start()
  const { id } = await submit(pawl)
  expect(await pawl.ended(id)).toMatchObject({ state: 'failed', lastErrorClass: 'TerminalError' })
})
