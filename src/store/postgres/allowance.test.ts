import { expect, test } from 'vitest'
import { Allowance } from './allowance.ts'

test('a turn may stand still for a second; each that is lost doubles it, up to ten, and commits take that back', () => {
  const allowance = new Allowance()
  allowance.kept()
  expect(allowance.setting).toBe('1000ms')
  allowance.lost()
  expect(allowance.setting).toBe('2000ms')
  for (let n = 0; n < 9; n += 1) allowance.lost()
  expect(allowance.setting).toBe('10000ms')
  allowance.kept()
  expect(allowance.setting).toBe('9000ms')
  for (let n = 0; n < 50; n += 1) allowance.kept()
  expect(allowance.setting).toBe('1000ms')
})
