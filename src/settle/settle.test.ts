import { expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../action/action.ts'
import { classify, RateLimitError } from '../errors/failures.ts'
import { sha256 } from '../json/hash.ts'
import { settlement } from './settle.ts'

const plain = action({ name: 'plain', version: 1, input: z.object({}), retry: { baseMs: 1 }, run: () => ({}) })
const execution = { fence: 3, maxAttempts: 5 }

test('REL-06a the fingerprint is that of the canonical result, whatever the order of its keys', async () => {
  const one = await settlement({ kind: 'returned', value: { b: 1, a: [2] } }, execution, plain)
  const two = await settlement({ kind: 'returned', value: { a: [2], b: 1 } }, execution, plain)
  expect(one).toEqual(two)
  expect(one).toEqual({ type: 'succeed', fence: 3, result: '{"a":[2],"b":1}', fingerprint: sha256('{"a":[2],"b":1}') })
})

test('nothing returned is a result of null', async () => {
  expect(await settlement({ kind: 'returned', value: undefined }, execution, plain)).toMatchObject({ result: 'null' })
})

test('REL-03 a failure carries the policy of the action, the attempts of the execution and the wish to wait', async () => {
  const failure = classify(new RateLimitError('slow down', 9_000))
  expect(await settlement({ kind: 'threw', failure }, execution, plain)).toMatchObject({
    type: 'fail',
    errorClass: 'RateLimitError',
    retryable: true,
    retryAfterMs: 9_000,
    policy: { maxAttempts: 5, baseMs: 1, multiplier: 2 },
  })
})

test('every other end has its one command, and a lost lease has none', async () => {
  const failure = classify(new Error('x'))
  expect(await settlement({ kind: 'threw', failure }, execution, plain)).toMatchObject({ errorClass: 'UnknownError' })
  expect(await settlement({ kind: 'unknown_outcome', message: '?' }, execution, plain)).toEqual({
    type: 'suspend',
    fence: 3,
    reason: 'outcome',
    wakeAt: null,
  })
  expect(await settlement({ kind: 'reconciled' }, execution, plain)).toEqual({ type: 'end_reconciliation', fence: 3 })
  expect(await settlement({ kind: 'stopped' }, execution, plain)).toEqual({ type: 'hand_back', fence: 3 })
  expect(await settlement({ kind: 'lost', message: '' }, execution, plain)).toBeNull()
})
