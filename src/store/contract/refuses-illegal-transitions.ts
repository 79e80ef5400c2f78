import { expect, test } from 'vitest'
import { isLegalPair, type State, stateCodes, states } from '../../execution/machine.ts'
import type { Harness, Shell } from './harness.ts'
import { Story } from './story.ts'

/** The tables themselves refuse what the machine does not declare, whoever writes. */
export function refusesIllegalTransitions(harness: Harness): void {
  test.each(pairs(isLegalPair))('REL-01 CP-001b raw SQL may go from $from to $to', ({ from, to }) =>
    Story.tell(harness, async (story) => {
      await story.admit({})
      for (const step of [...pathTo(from), to]) await enter(story.shell, step)
      expect(await stateIn(story.shell)).toBe(stateCodes[to])
    }),
  )

  test.each(pairs((from, to) => !isLegalPair(from, to)))(
    'REL-01 CP-001b raw SQL may not go from $from to $to',
    ({ from, to }) =>
      Story.tell(harness, async (story) => {
        await story.admit({})
        for (const step of pathTo(from)) await enter(story.shell, step)
        const refused = `illegal_transition: execution 1 may not go from ${from} to ${to}.`
        await expect(enter(story.shell, to)).rejects.toThrow(refused)
        expect(await stateIn(story.shell)).toBe(stateCodes[from])
      }),
  )

  test.each([
    ['a state that does not exist', 'set state = 11, n = n + 1, head = head + 1', /CHECK/i],
    ['a transition without its number', 'set state = 10, head = head + 1', /^unrecorded_change: /],
    ['a transition without its position', 'set state = 10, n = n + 1', /^unrecorded_change: /],
    ['a number that skips one', 'set n = n + 2, head = head + 1', /^unrecorded_change: /],
    ['a number without a position', 'set n = n + 1', /^unrecorded_change: /],
    ['a position without a number', 'set head = head + 1', /^unrecorded_change: /],
    ['an older position', 'set n = n + 1, head = head - 1', /^unrecorded_change: /],
    ['a falling fence', 'set fence = fence - 1, n = n + 1, head = head + 1', /^fence_fell: /],
    ['a claim under the old fence', `set ${running}, n = n + 1, head = head + 1`, /^fence_not_raised: /],
    ['another id', 'set id = 5', /^identity_changed: |FOREIGN KEY/i],
    ['another tenant', `set tenant = 'other'`, /^identity_changed: /],
    ['another queue', 'set queue = 2', /^identity_changed: /],
    ['a canceller without a time', `set cancelled_by = 'human:bob'`, /CHECK/i],
    ['a time of cancelling without a canceller', 'set cancelled_at = 1', /CHECK/i],
    ['a lease of what does not run', 'set worker = 1, lease_until = 1', /CHECK/i],
    ['an effect less than none', 'set open_effects = -1', /CHECK/i],
  ])('CP-001b %s is refused', (_, set, message) =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const before = await story.session.executions([1, 2])
      await expect(story.shell.run(`update executions ${set} where id = 1`)).rejects.toThrow(message)
      expect(await story.session.executions([1, 2])).toEqual(before)
    }),
  )

  test.each(states.filter((state) => state !== 'requested' && state !== 'queued').map((state) => ({ state })))(
    'CP-001b nothing begins as $state with event 1',
    ({ state }) =>
      Story.tell(harness, async (story) => {
        const [admitted] = await story.prepare({ execution: { state, ...lease(state) } })
        if (admitted === undefined) throw new Error('one was prepared')
        await expect(story.commit({ admitted: [admitted] })).rejects.toThrow(/^illegal_transition: /)
        expect(await story.session.requests([1])).toEqual([])
      }),
  )

  test.each([
    ['queued with event 2', { n: 2 }],
    ['queued with a fence', { fence: 3 }],
    ['running without a fence', { state: 'running', n: 2, worker: 1, leaseUntil: 1 }],
  ] as const)('CP-001b nothing begins as %s', (_, execution) =>
    Story.tell(harness, async (story) => {
      await expect(story.admit({ execution })).rejects.toThrow(/^illegal_transition: /)
    }),
  )

  test('CP-001b an execution is neither deleted nor replaced, also not past the triggers of a delete', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, { execution: { rank: 4 } })
      const before = await story.session.executions([1, 2])
      const { shell } = story
      await expect(shell.run('delete from executions where id = 1')).rejects.toThrow(/^append_only: /)
      const columns = 'tenant, queue, state, n, max_attempts, head, rank, available_at, updated_at'
      const replace = `replace into executions (id, ${columns}) select 1, ${columns} from executions where id = 2`
      await expect(shell.run(replace)).rejects.toThrow(/^row_exists: /)
      await expect(shell.run('update or replace executions set id = 2 where id = 1')).rejects.toThrow(
        /^(identity_changed|row_exists): /,
      )
      expect(await story.session.executions([1, 2])).toEqual(before)
    }))
}

const running = 'state = 4, worker = 1, lease_until = 9'

function lease(state: State): { worker?: number; leaseUntil?: number } {
  return state === 'running' ? { worker: 1, leaseUntil: 9 } : {}
}

function pairs(are: (from: State, to: State) => boolean): { from: State; to: State }[] {
  return states.flatMap((from) => states.filter((to) => to !== from && are(from, to)).map((to) => ({ from, to })))
}

/** As a person with a shell would, who knows everything but the machine. */
async function enter(shell: Shell, to: State): Promise<void> {
  const set =
    to === 'running' ? `${running}, fence = fence + 1` : `state = ${stateCodes[to]}, worker = null, lease_until = null`
  await shell.run(`update executions set ${set}, n = n + 1, head = head + 1 where id = 1`)
}

async function stateIn(shell: Shell): Promise<unknown> {
  return (await shell.rows('select state from executions where id = 1'))[0]?.state
}

/** The states to pass from queued to `goal`, by the shortest way the machine has. */
function pathTo(goal: State): readonly State[] {
  const paths: State[][] = [['queued']]
  for (const path of paths) {
    const last = path.at(-1) ?? 'queued'
    if (last === goal) return path.slice(1)
    for (const next of states) {
      if (next !== last && isLegalPair(last, next) && !paths.some((known) => known.at(-1) === next))
        paths.push([...path, next])
    }
  }
  throw new Error(`no way leads to ${goal}`)
}
