import { expect, test } from 'vitest'
import type { Claimed } from '../commit/order.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import { VirtualClock } from '../time/clock.ts'
import { Running } from './running.ts'
import { performSleep, performWait } from './wait.ts'

/** A run whose claim the store made an hour ahead of this process's clock. */
function behind(steps: readonly { readonly name: string; readonly value: string }[]) {
  const clock = new VirtualClock()
  const claimedAt = clock.now() + 3_600_000
  const sent: (WorkerCommand | PermitCommand)[] = []
  const claimed = {
    execution: { id: 1, fence: 3, ending: null, startedAt: claimedAt },
    request: { seed: 'seed' },
    steps: steps.map((step) => ({ id: 1, ordinal: 0, at: 0, ...step })),
    effects: [],
    signals: [],
    attemptMs: null,
  } as unknown as Claimed
  const work = (command: WorkerCommand | PermitCommand) => {
    sent.push(command)
    return Promise.resolve({ state: 'running', n: 9, attempt: 1, availableAt: 0, cancelledAt: null } as const)
  }
  const running = new Running(claimed, work, new AbortController(), (text) => text)
  return { running, clock, claimedAt, sent }
}

test('SE-26 a sleep that is over for the store is over for a process whose clock is behind', async () => {
  const until = new VirtualClock().now() + 3_599_000
  const { running, clock, sent } = behind([{ name: 'sleep:rest', value: JSON.stringify({ until }) }])
  await performSleep(running, 'rest', '70s', clock)
  expect(sent).toEqual([])
})

test('SE-26 a wait whose time is over for the store ends for a process whose clock is behind', async () => {
  const until = new VirtualClock().now() + 3_599_000
  const { running, clock, sent } = behind([{ name: 'wait:go', value: JSON.stringify({ until }) }])
  expect(await performWait(running, 'go', '70s', clock)).toBeNull()
  expect(sent).toMatchObject([{ type: 'record_step', name: 'signal:go' }])
})

test('SE-26 a sleep begins at the time of its claim where the own clock is behind it', async () => {
  const { running, clock, claimedAt, sent } = behind([])
  void performSleep(running, 'rest', '70s', clock).catch(() => {})
  await new Promise(setImmediate)
  expect(sent[0]).toMatchObject({ name: 'sleep:rest', value: JSON.stringify({ until: claimedAt + 70_000 }) })
})
