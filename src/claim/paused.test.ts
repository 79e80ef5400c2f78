import fc from 'fast-check'
import { expect, test } from 'vitest'
import { aRequest } from '../store/contract/builders.ts'
import type { PauseInterval } from '../store/rows.ts'
import { isPaused, pausedMs } from './paused.ts'

const request = aRequest(1, { tenant: 'acme', action: 'crm.sync', subject: 'quote:1' })
const interval = (fromAt: number, toAt: number | null, some: Partial<PauseInterval> = {}): PauseInterval => ({
  scope: 'action',
  value: 'crm.sync',
  tenant: null,
  fromAt,
  toAt,
  ...some,
})
const tenant = { scope: 'tenant', value: 'acme' } as const
const subject = { scope: 'subject', value: 'quote:1', tenant: 'acme' } as const

test('SE-26 pauses of different scopes that overlap count once', () => {
  const all = [interval(10, 30), interval(20, 40, tenant), interval(25, 28, subject), interval(50, 60, subject)]
  expect(pausedMs(all, request, 0, 100)).toBe(40)
  expect(pausedMs(all.toReversed(), request, 0, 100)).toBe(40)
  expect(pausedMs(all, request, 15, 55)).toBe(30)
})

test('SE-26 a pause that stands counts up to now, one of somebody else does not count', () => {
  expect(pausedMs([interval(10, null)], request, 0, 100)).toBe(90)
  const others = [
    interval(0, 100, { value: 'pdf.render' }),
    interval(0, 100, { tenant: 'globex' }),
    interval(0, 100, { ...tenant, value: 'globex' }),
    interval(0, 100, { ...subject, value: 'quote:2' }),
  ]
  expect(pausedMs(others, request, 0, 100)).toBe(0)
  expect(isPaused([interval(0, 10), ...others], request)).toBe(false)
  expect(isPaused([interval(0, null, { scope: 'all', value: '' })], request)).toBe(true)
})

test('SE-26 however pauses overlap, the paused time is as many milliseconds as are covered', () => {
  const spans = fc.array(fc.tuple(fc.nat(60), fc.nat(30)), { maxLength: 8 })
  fc.assert(
    fc.property(spans, fc.nat(50), fc.nat(50), (all, from, length) => {
      const intervals = all.map(([start, ms]) => interval(start, start + ms))
      let covered = 0
      for (let at = from; at < from + length; at += 1)
        if (all.some(([start, ms]) => start <= at && at < start + ms)) covered += 1
      expect(pausedMs(intervals, request, from, from + length)).toBe(covered)
    }),
  )
})
