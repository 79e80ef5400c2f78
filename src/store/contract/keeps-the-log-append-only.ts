import { expect, test } from 'vitest'
import { anOutcome, aRequest, logOfAdmitted, succeeded } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** What is written once stays as it was, also for somebody with a database shell. */
export function keepsTheLogAppendOnly(harness: Harness): void {
  const tables = ['log', 'requests', 'outcomes', 'execution_steps'] as const

  test.each([
    ...tables.flatMap((table) => [
      [`update ${table} set at = 1`, /^append_only: /] as const,
      [`delete from ${table}`, /^append_only: /] as const,
      [`replace into ${table} select * from ${table}`, /^(row_exists|append_only): /] as const,
      [`insert or ignore into ${table} select * from ${table}`, /^(row_exists|append_only): /] as const,
    ]),
    [`replace into log ${logRow(1)}`, /^append_only: /],
    [`insert into log ${logRow(5)}`, /^append_only: /],
    [`insert into log ${logRow(0)}`, /^append_only: /],
    [`insert into log ${logRow(-1)}`, /^append_only: /],
    ['delete from execution_effects', /^append_only: /],
  ] as const)('CP-001b REL-04 raw SQL is refused: %s', (sql, refused) =>
    Story.tell(harness, async (story) => {
      await settled(story)
      const before = await dump(story)
      await expect(story.shell.run(sql)).rejects.toThrow(refused)
      expect(await dump(story)).toEqual(before)
    }),
  )

  test('raw SQL may add to the log what its end is next', () =>
    Story.tell(harness, async (story) => {
      await settled(story)
      await story.shell.run(`insert into log ${logRow(4)}`)
      expect(await story.shell.rows('select max(position) as head from log')).toEqual([{ head: 4 }])
    }))

  test('CP-001b a request is not replaced through its key', () =>
    Story.tell(harness, async (story) => {
      await story.admit({ request: { key: 'K' } })
      const columns = Object.keys((await story.shell.rows('select * from requests'))[0] ?? {}).filter(
        (name) => name !== 'id',
      )
      const sql = `replace into requests (id, ${columns.join(', ')}) select 2, ${columns.join(', ')} from requests`
      await expect(story.shell.run(sql)).rejects.toThrow(/^row_exists: /)
      expect(await story.session.requests([1, 2])).toEqual([aRequest(1, { key: 'K' })])
    }))

  test('the log grows only at its end, also through the port', () =>
    Story.tell(harness, async (story) => {
      const [queued] = await story.admit({})
      if (queued === undefined) throw new Error('one was admitted')
      for (const position of [1, 3]) {
        await expect(story.commit({ log: [logOfAdmitted(position, [queued])] })).rejects.toThrow(/^append_only: /)
      }
      expect(await (await story.views()).headPosition()).toBe(1)
    }))

  test('an outcome is written once for each time an execution ended', () =>
    Story.tell(harness, async (story) => {
      const [done] = await settled(story)
      if (done === undefined) throw new Error('one was settled')
      await expect(story.commit({ outcomes: [anOutcome(done, { result: '2' })] })).rejects.toThrow(/^row_exists: /)
      expect(await (await story.views()).outcome(1)).toEqual(anOutcome(done))
      expect(await (await story.views()).outcome(2)).toBeNull()
      await expect(
        story.commit({ outcomes: [anOutcome(succeeded(done, 9), { result: `"${'x'.repeat(10_239)}"` })] }),
      ).rejects.toThrow(/CHECK/i)
      await story.commit({ outcomes: [anOutcome(succeeded(done, 9), { result: `"${'x'.repeat(10_238)}"` })] })
      expect((await (await story.views()).outcome(1))?.n).toBe(done.n + 1)
      const umlauts = `"${'ü'.repeat(5_120)}"`
      const later = succeeded(succeeded(done, 9), 10)
      await expect(story.commit({ outcomes: [anOutcome(later, { result: umlauts })] })).rejects.toThrow(/CHECK/i)
    }))
}

const logRow = (position: number): string =>
  `select ${position}, tenant, type, from_state, to_state, principal, worker, at, executions, numbers, previous, data from log where position = 1`

async function settled(story: Story): ReturnType<Story['succeed']> {
  const running = await story.claim(await story.admit({}))
  await story.commit({
    steps: [{ id: 1, name: 'load', ordinal: 1, value: '1', fence: 2, startedAt: 1, at: 2 }],
    effects: [effect],
  })
  return story.succeed(running)
}

const effect = {
  id: 1,
  effectKey: 'E',
  step: 'run',
  name: 'upsert',
  ordinal: 1,
  target: 'keyed',
  reconcilable: true,
  state: 'applied',
  intents: 1,
  fence: 2,
  worker: 1,
  intendedAt: 1,
  concludedAt: 2,
  value: '1',
  errorClass: null,
  error: null,
} as const

async function dump(story: Story): Promise<unknown> {
  const tables = ['log', 'requests', 'outcomes', 'execution_steps', 'execution_effects', 'executions']
  return Promise.all(tables.map((table) => story.shell.rows(`select * from ${table}`)))
}
