import { expect, test } from 'vitest'
import type { Harness } from '../../src/store/contract/harness.ts'
import { Story } from '../../src/store/contract/story.ts'
import type { Taken, TransactionStep, Waiting } from '../../src/store/inbox.ts'

const all = { submissions: 9, steps: 9 }

const step = (execution: number, name: string, ordinal: number): TransactionStep => ({
  execution,
  name,
  ordinal,
  value: '1',
  fence: 3,
  startedAt: 5,
  at: 6,
})

const leave = (text: string): string =>
  `insert into submissions (tenant, admission, submitted_at) values ('acme', '${text}', 1)`

const leaveStep = ({ execution, name, ordinal, value, fence, startedAt, at }: TransactionStep): string =>
  `insert into transaction_steps (execution, name, ordinal, value, fence, started_at, at) values (${execution}, '${name}', ${ordinal}, '${value}', ${fence}, ${startedAt}, ${at})`

const takenAs = (number: number, some: Partial<Taken> = {}): Taken => ({
  number,
  at: 7,
  execution: 42,
  refusal: null,
  ...some,
})

/** Read as a batch reads it: in a transaction. */
async function waiting({ session }: Story, max = all): Promise<Waiting> {
  await session.begin()
  try {
    return await session.waiting(max)
  } finally {
    await session.rollback()
  }
}

/** What callers have committed is found in its order, taken up once, and nothing else with it. */
export function takesUpWhatCallersLeft(harness: Harness): void {
  test('SE-20 submissions are found oldest first and as many as asked for, and what was taken up is found no more', () =>
    Story.tell(harness, async (story) => {
      for (const text of ['a', 'b', 'c']) await story.shell.run(leave(text))
      const texts = async (submissions = 9) =>
        (await waiting(story, { ...all, submissions })).submissions.map(({ admission }) => admission)
      expect(await texts()).toEqual(['a', 'b', 'c'])
      expect(await texts(2)).toEqual(['a', 'b'])
      const second = (await waiting(story)).submissions[1]?.number ?? 0
      await story.commit({ inbox: { submissions: [takenAs(second)], steps: [] } })
      expect(await texts()).toEqual(['a', 'c'])
      expect(await story.shell.rows('select admission, execution from submissions order by number')).toEqual([
        { admission: 'a', execution: null },
        { admission: null, execution: 42 },
        { admission: 'c', execution: null },
      ])
    }))

  test('SE-20 a submission is taken up once: what became of it is not written over', () =>
    Story.tell(harness, async (story) => {
      await story.shell.run(leave('a'))
      const first = (await waiting(story)).submissions[0]?.number ?? 0
      await story.commit({ inbox: { submissions: [takenAs(first)], steps: [] } })
      await story.commit({
        inbox: { submissions: [takenAs(first, { at: 9, execution: 43, refusal: 'r' })], steps: [] },
      })
      expect(await story.shell.rows('select taken_at, execution, refusal from submissions')).toEqual([
        { taken_at: 7, execution: 42, refusal: null },
      ])
    }))

  test('steps of transactions are found in their order, and exactly the one that was taken up is removed', () =>
    Story.tell(harness, async (story) => {
      const steps = [step(1, 'x', 0), step(1, 'x', 1), step(1, 'y', 0), step(2, 'x', 0)]
      for (const each of [...steps].reverse()) await story.shell.run(leaveStep(each))
      expect((await waiting(story)).steps).toEqual(steps)
      expect((await waiting(story, { ...all, steps: 2 })).steps).toEqual(steps.slice(0, 2))
      await story.commit({ inbox: { submissions: [], steps: [step(1, 'x', 0)] } })
      expect((await waiting(story)).steps).toEqual(steps.slice(1))
    }))
}
