import { expect, test } from 'vitest'
import { VirtualClock } from '../../time/clock.ts'
import { Feed } from './feed.ts'

/** A log of one execution for each position, and a feed that reads it once a second. */
async function openFeed() {
  const clock = new VirtualClock()
  const log = { head: 0, reads: 0 }
  const told: number[] = []
  let heard = 0
  /** Held back answers of the head: the log goes on meanwhile. */
  let held: (() => void) | null = null
  let holds = false
  const feed = await Feed.open({
    url: () => null,
    writer: 'us',
    clock,
    views: {
      async headPosition() {
        if (holds) await new Promise<void>((resolve) => (held = resolve))
        return log.head
      },
      async changedBehind(position, limit) {
        log.reads += 1
        const behind = Array.from({ length: log.head - position }, (_, index) => position + index + 1)
        return behind.slice(0, limit).map((each) => ({ position: each, executions: [each] }))
      },
    },
    isHeard: () => heard > 0,
    onChanged: (ids) => told.push(...ids),
    onWord() {},
    onInbox() {},
  })
  const look = (): Promise<void> => clock.advance(1_000)
  return {
    feed,
    log,
    told,
    look,
    hear: (count: number) => (heard = count),
    hold: () => (holds = true),
    async letGo() {
      holds = false
      held?.()
      await clock.advance(0)
    },
  }
}

test('where nobody watches, what others commit is not read, and whoever begins to watch hears what comes then', async () => {
  const { feed, log, told, look, hear } = await openFeed()
  log.head = 5_000
  await look()
  expect(log.reads).toBe(0)
  hear(1)
  log.head = 5_002
  await look()
  expect(told).toEqual([5_001, 5_002])
  await feed.close()
})

test('whoever begins to watch while it is asked how far the log has come misses nothing of it', async () => {
  const { feed, log, told, look, hear, hold, letGo } = await openFeed()
  log.head = 1
  await look()
  hold()
  await look()
  hear(1)
  // Committed behind what the watcher has looked at, and before the answer.
  log.head = 2
  await letGo()
  expect(told).toEqual([2])
  await feed.close()
})
