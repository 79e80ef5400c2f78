import { expect } from 'vitest'
import { isTerminal } from '../../execution/machine.ts'
import type { Opened } from './harness.ts'

/**
 * After a process was killed: all that it was told is committed is there, whole, and nothing in halves.
 *
 * @param acknowledged the head position that the last returned `commit` had written
 */
export async function holdsWhatWasAcknowledged(
  { session, shell, ...store }: Opened,
  acknowledged: number,
): Promise<void> {
  const views = await store.views()
  expect(await views.headPosition()).toBeGreaterThanOrEqual(acknowledged)
  const { execution: next, position } = await session.counters()
  expect(position).toBe((await views.headPosition()) + 1)
  const ids = Array.from({ length: next - 1 }, (_, index) => index + 1)
  const executions = await session.executions(ids)
  expect(executions).toHaveLength(ids.length)
  expect(await session.requests(ids)).toHaveLength(ids.length)
  let expected = 0
  for (const { id, n, state, head, fence } of executions) {
    const events = await views.events(id, 0, n + 1)
    expect(events.map((event) => event.n)).toEqual(Array.from({ length: n }, (_, index) => index + 1))
    expect(events.at(-1)).toMatchObject({ to: state, position: head })
    expect(events.findLast(({ type }) => type === 'claim')?.position ?? 0).toBe(fence)
    expect((await views.outcome(id)) !== null).toBe(isTerminal(state))
    expected += n
  }
  const [logged] = await shell.rows('select count(*) as events from execution_events')
  expect(logged?.events).toBe(expected)
  const due = new Set((await session.ready(1, ids.length + 1)).map(({ id }) => id))
  expect(due).toEqual(new Set(executions.filter(({ state }) => state === 'queued').map(({ id }) => id)))
}
