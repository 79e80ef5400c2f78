import { expect, test } from 'vitest'
import { targets } from '../../execution/machine.ts'
import type { LogRow } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Every change has its event in the same transaction, and the log gives back what was written. */
export function journalsEveryTransition(harness: Harness): void {
  test('REL-04 a commit holds change and event together, and a rollback neither', () =>
    Story.tell(harness, async (story) => {
      const views = await story.views()
      const [queued] = await story.admit({})
      if (queued === undefined) throw new Error('one was admitted')
      const position = await story.position()
      await expect(
        story.change('claim', [queued], (was) => ({ ...was, state: 'succeeded', n: 2, head: position })),
      ).rejects.toThrow(/^illegal_transition: /)
      expect(await views.headPosition()).toBe(1)
      expect(await views.events(1, 0, 10)).toHaveLength(1)
      const [running] = await story.claim([queued])
      expect(running?.head).toBe(await views.headPosition())
    }))

  test('REL-04 what is committed is seen by a second connection at once, and nothing before', () =>
    Story.tell(harness, async (story) => {
      const [queued] = await story.admit({})
      if (queued === undefined) throw new Error('one was admitted')
      await story.claim([queued])
      const views = await story.views()
      const found = await views.find(1)
      expect(found?.execution.state).toBe('running')
      expect((await views.events(1, 1, 10)).map(({ type, position }) => [type, position])).toEqual([
        ['claim', found?.execution.fence],
      ])
    }))

  test('rows of the log come back exactly, whatever previous events they follow', () =>
    Story.tell(harness, async (story) => {
      const written: LogRow[] = []
      const [a, b, c] = await story.admit({}, { request: { tenant: 'acme' } }, {})
      if (a === undefined || b === undefined || c === undefined) throw new Error('three were admitted')
      const rows = async (): Promise<readonly LogRow[]> => (await story.views()).log(0, 100)
      const [a2, b2] = await story.claim([a, b])
      if (a2 === undefined || b2 === undefined) throw new Error('two were claimed')
      const data = [{ text: 'ünïcode "quoted"', count: 3, none: null, yes: true }]
      const [b3] = await story.move('step_recorded', [b2], { journal: 1 }, { data })
      if (b3 === undefined) throw new Error('one went on')
      const [c2] = await story.claim([c])
      if (c2 === undefined) throw new Error('one was claimed')
      // One straight after its claim, one not, one from another commit: their previous events differ in kind.
      await story.succeed([a2, b3, c2])
      written.push(...(await rows()))
      expect(written.map(({ type, executions, numbers, previous }) => [type, executions, numbers, previous])).toEqual([
        ['enqueue', [1, 2, 3], [1, 1, 1], [0, 0, 0]],
        ['claim', [1, 2], [2, 2], [1, 1]],
        ['step_recorded', [2], [3], [2]],
        ['claim', [3], [2], [1]],
        ['succeed', [1, 2, 3], [3, 4, 3], [2, 3, 4]],
      ])
      expect(written[2]?.data).toEqual(data)
      expect(written[1]).toEqual({
        position: 2,
        tenant: 'acme',
        type: 'claim',
        from: 'queued',
        to: 'running',
        principal: 'worker:web-1',
        worker: 1,
        at: 2_000,
        executions: [1, 2],
        numbers: [2, 2],
        previous: [1, 1],
        data: null,
      })
    }))

  test('a success straight after a second claim follows that claim', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}, {}))
      const failed = await story.move('fail_retryable', running, { state: 'retryable_failed' })
      await story.succeed(await story.claim(failed))
      const log = await (await story.views()).log(0, 100)
      expect(log.map(({ numbers, previous }) => [numbers, previous])).toEqual([
        [
          [1, 1],
          [0, 0],
        ],
        [
          [2, 2],
          [1, 1],
        ],
        [
          [3, 3],
          [2, 2],
        ],
        [
          [4, 4],
          [3, 3],
        ],
        [
          [5, 5],
          [4, 4],
        ],
      ])
      const events = await (await story.views()).events(2, 0, 100)
      expect(events.map(({ n, position }) => [n, position])).toEqual([1, 2, 3, 4, 5].map((n) => [n, n]))
    }))

  test('REL-04 the view holds every event once, gapless, along a legal path, ending in the state of the row', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}, {}, {}, {}))
      const [first, ...others] = running
      if (first === undefined) throw new Error('four were claimed')
      const failed = await story.move('fail_retryable', others, { state: 'retryable_failed' })
      const again = await story.claim(failed)
      const waiting = await story.move('suspend', again.slice(1), { state: 'waiting', waitingFor: 'timer' })
      await story.move('wake', waiting, { state: 'queued', waitingFor: null })
      await story.succeed([first, ...again.slice(0, 1)])
      const events = await story.shell.rows('select * from execution_events order by execution, n')
      for (const execution of await story.session.executions([1, 2, 3, 4])) {
        const own = events.filter((event) => event.execution === execution.id)
        expect(own.map(({ n }) => n)).toEqual(Array.from({ length: execution.n }, (_, index) => index + 1))
        let state: string | null = null
        for (const { from_state, to_state, type } of own) {
          expect(from_state).toBe(state)
          expect(targets(state as LogRow['from'], String(type))).toContain(to_state)
          state = String(to_state)
        }
        expect(state).toBe(execution.state)
        expect(own.at(-1)?.position).toBe(execution.head)
        expect(own.filter(({ type }) => type === 'claim').at(-1)?.position).toBe(execution.fence)
        expect(own[0]?.execution_id).toBe(`public-${execution.id}`)
      }
      expect(events).toHaveLength(new Set(events.map(({ execution, n }) => `${execution}/${n}`)).size)
    }))
}
