import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { type Comparison, type Condition, comparisons } from '../store/search.ts'
import { parseQuery, type QueryReader } from './query.ts'

const now = Date.UTC(2026, 10, 27)
const reader: QueryReader = { now, keyOf: (id) => (/^\d+$/.test(id) ? Number(id) : null) }
const hour = 3_600_000

test('a query names fields and values; what follows the first colon is the value', () => {
  expect(
    parseQuery('state:failed,expired action:crm.sync_quote subject:quote:Q-42 key:"two, words" limit:20', reader),
  ).toEqual({
    where: [
      { field: 'state', not: false, anyOf: ['failed', 'expired'] },
      { field: 'action', not: false, anyOf: ['crm.sync_quote'] },
      { field: 'subject', not: false, anyOf: ['quote:Q-42'] },
      { field: 'key', not: false, anyOf: ['two, words'] },
    ],
    limit: 20,
    cursor: undefined,
  })
})

test.each<[string, Condition]>([
  ['-state:succeeded', { field: 'state', not: true, anyOf: ['succeeded'] }],
  ['error:NetworkError', { field: 'error', not: false, anyOf: ['NetworkError'] }],
  ['waiting:signal', { field: 'waiting', not: false, anyOf: ['signal'] }],
  ['mode:immediate', { field: 'mode', not: false, anyOf: ['immediate'] }],
  ['parent:7', { field: 'parent', not: false, anyOf: [7] }],
  ['rerun-of:8,9', { field: 'rerun-of', not: false, anyOf: [8, 9] }],
  ['priority:>0', { field: 'priority', not: false, op: '>', value: 0 }],
  ['priority:-5', { field: 'priority', not: false, op: '=', value: -5 }],
  ['-version:>=2', { field: 'version', not: true, op: '>=', value: 2 }],
  // An age: older than two hours is earlier than two hours ago.
  ['created:>2h', { field: 'created', not: false, op: '<', value: now - 2 * hour }],
  ['finished:<=30m', { field: 'finished', not: false, op: '>=', value: now - hour / 2 }],
  ['created:>2026-11-01', { field: 'created', not: false, op: '>', value: Date.UTC(2026, 10, 1) }],
  ['created:<2026-11-01T08:30:00Z', { field: 'created', not: false, op: '<', value: Date.UTC(2026, 10, 1, 8, 30) }],
])('the query %s means what it says', (text, condition) => {
  expect(parseQuery(text, reader)).toMatchObject({ where: [condition] })
})

test.each([
  ['nonsense', 1],
  ['state:failed colour:red', 14],
  ['state:gone', 1],
  ['state:', 1],
  ['  limit:0', 3],
  ['limit:x', 1],
  ['limit:1 limit:2', 9],
  ['-limit:1', 1],
  ['state:failed state:queued', 14],
  ['action:one,,two', 1],
  ['key:"open', 5],
  ['created:2h', 1],
  ['created:>soon', 1],
  ['created:>2026-13-01', 1],
  ['finished:<', 1],
  ['priority:high', 1],
  ['priority:>1.5', 1],
  ['parent:someone', 1],
  ['waiting:godot', 1],
  ['__proto__:1', 1],
  ['-', 1],
  [':', 1],
])('the query %s is refused, with the place and what can be written instead', (text, at) => {
  expect(parseQuery(text, reader)).toMatchObject({
    refused: true,
    code: 'invalid_input',
    reason: expect.stringContaining(`at character ${at}:`),
    next: expect.stringContaining('field:value'),
    details: { at },
  })
})

test('any conditions, written down, are read as they were; any other text is refused or read, never thrown at', () => {
  const word = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,20}$/)
  const ops = comparisons.filter((op) => op !== '=')
  const written = fc.oneof(
    fc
      .tuple(fc.constantFrom('action', 'error'), fc.boolean(), fc.array(word, { minLength: 1, maxLength: 3 }))
      .map(([field, not, anyOf]) => ({ text: `${field}:${anyOf.join(',')}`, condition: { field, not, anyOf } })),
    fc
      .tuple(fc.constantFrom('subject', 'key'), fc.boolean(), fc.stringMatching(/^[^"\n\r]{1,20}$/))
      .map(([field, not, value]) => ({ text: `${field}:"${value}"`, condition: { field, not, anyOf: [value] } })),
    fc
      .tuple(
        fc.constantFrom('priority', 'version'),
        fc.boolean(),
        fc.constantFrom(...comparisons),
        fc.integer({ min: -99, max: 99 }),
      )
      .map(([field, not, op, value]) => ({ text: `${field}:${op}${value}`, condition: { field, not, op, value } })),
    fc
      .tuple(
        fc.constantFrom('created', 'finished'),
        fc.boolean(),
        fc.constantFrom(...ops),
        fc.integer({ min: 0, max: 1e6 }),
      )
      .map(([field, not, op, seconds]) => ({
        text: `${field}:${op}${seconds}s`,
        condition: { field, not, op: turned(op), value: now - seconds * 1000 },
      })),
  )
  fc.assert(
    fc.property(fc.uniqueArray(written, { selector: ({ condition }) => condition.field, maxLength: 6 }), (parts) => {
      const text = parts.map(({ text: part, condition }) => (condition.not ? `-${part}` : part)).join('  ')
      expect(parseQuery(text, reader)).toMatchObject({ where: parts.map(({ condition }) => condition) })
    }),
  )
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      const parsed = parseQuery(text, reader)
      expect(isRefusal(parsed) || Array.isArray(parsed.where)).toBe(true)
    }),
  )
})

const turned = (op: Comparison): string => ({ '<': '>', '<=': '>=', '>': '<', '>=': '<=', '=': '=' })[op]
