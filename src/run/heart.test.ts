import { expect, test } from 'vitest'
import { NetworkError } from '../errors/failures.ts'
import { Refused, refuse } from '../errors/refusal.ts'
import { VirtualClock } from '../time/clock.ts'
import { type HeartNews, type Pulse, timerHeart } from './heart.ts'

const times = { leaseMs: 30_000, heartbeatMs: 10_000 }

function listen(): { news: HeartNews; told: string[] } {
  const told: string[] = []
  return {
    told,
    news: {
      lost: ({ id, fence }, reason) => told.push(`lost ${id}/${fence}: ${reason}`),
      cancel: ({ id, fence }) => told.push(`cancel ${id}/${fence}`),
      unknown: () => told.push('unknown'),
    },
  }
}

test('CP-004b a lease that could not be renewed for its whole length counts as lost, without any answer', async () => {
  const clock = new VirtualClock()
  const { news, told } = listen()
  const heart = timerHeart(clock, times, () => Promise.reject(new NetworkError('cut')), news)
  heart.hold({ id: 1, fence: 5 })
  await clock.advance(29_000)
  expect(told).toEqual([])
  await clock.advance(4_000)
  expect(told).toEqual(['lost 1/5: no renewal for the whole lease: cut'])
  await heart.stop()
})

test('a beat that is not answered is repeated before the next one is due', async () => {
  const clock = new VirtualClock()
  let beats = 0
  const pulse: Pulse = () =>
    ++beats === 1 ? Promise.reject(new NetworkError()) : Promise.resolve({ lost: [], cancel: [] })
  const heart = timerHeart(clock, times, pulse, listen().news)
  await clock.advance(12_500)
  expect(beats).toBe(2)
  await heart.stop()
})

test('an answer about an execution means the lease that was asked about, never a newer one', async () => {
  const clock = new VirtualClock()
  const { news, told } = listen()
  let answer: (lost: readonly number[]) => void = () => {}
  const pulse: Pulse = () =>
    new Promise((resolve) => {
      answer = (lost) => resolve({ lost, cancel: [] })
    })
  const heart = timerHeart(clock, times, pulse, news)
  heart.hold({ id: 1, fence: 5 })
  await clock.advance(10_000)
  heart.release({ id: 1, fence: 5 })
  heart.hold({ id: 1, fence: 9 })
  answer([1])
  await clock.advance(1)
  expect(told).toEqual([])
  const stopped = heart.stop()
  answer([])
  await stopped
})

test('a worker that is not known any more is told so', async () => {
  const clock = new VirtualClock()
  const { news, told } = listen()
  const heart = timerHeart(clock, times, () => Promise.reject(new Refused(refuse('worker_unknown', 'who?'))), news)
  await clock.advance(10_000)
  expect(told).toEqual(['unknown'])
  await heart.stop()
})
