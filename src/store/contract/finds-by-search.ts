import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { waitReasons } from '../../execution/execution.ts'
import { states } from '../../execution/machine.ts'
import type { BoundField, ChoiceField, Comparison, Condition } from '../search.ts'
import { boundFields, choiceFields, comparisons } from '../search.ts'
import type { Found, Views } from '../store.ts'
import type { Harness } from './harness.ts'
import { type Shape, Story } from './story.ts'

/** Whatever is asked in whatever combination: the rows that fit, no others, page by page. */
export function findsBySearch(harness: Harness): void {
  const ids = async (views: Views, where: readonly Condition[], limit = 100): Promise<number[]> =>
    (await views.search({ tenant: 'acme', where, limit })).found.map(({ request }) => request.id)

  const told = async (story: Story): Promise<Views> => {
    const shapes: readonly Shape[] = [
      { request: { key: 'K', subject: 'quote:1', at: 1_000 } },
      { request: { key: 'K', generation: 2, subject: 'quote:1', rerunOf: 1, at: 2_000 } },
      { request: { parentId: 1, depth: 1, mode: 'immediate', priority: 5, at: 3_000 }, execution: { rank: -10_005 } },
      { request: { action: 'crm.sync', actionVersion: 3, at: 4_000 }, execution: { queue: 2 } },
      { request: { parentId: 1, depth: 1, rerunOf: 1, subject: 'quote:2', priority: -5, at: 5_000 } },
    ]
    const queued = await story.admit(...shapes)
    await story.admit({ request: { tenant: 'other', key: 'K', subject: 'quote:1', parentId: 1, depth: 1, rerunOf: 1 } })
    await story.succeed(await story.claim(queued.slice(0, 1)))
    const failing = await story.claim(queued.slice(1, 3))
    const because = { lastErrorClass: 'NetworkError', lastError: 'down' }
    await story.move('fail', failing.slice(0, 1), { state: 'failed', finishedAt: 6_000, ...because })
    await story.move('suspend', failing.slice(1), { state: 'waiting', waitingFor: 'signal', waitingOn: 'paid' })
    return story.views()
  }

  const choice = (field: ChoiceField, ...anyOf: readonly (string | number)[]): Condition => ({
    field,
    not: false,
    anyOf,
  })
  const bound = (field: BoundField, op: Comparison, value: number): Condition => ({ field, not: false, op, value })
  const not = (condition: Condition): Condition => ({ ...condition, not: true })

  describe.each<[string, readonly Condition[], readonly number[]]>([
    ['nothing', [], [5, 4, 3, 2, 1]],
    ['state', [choice('state', 'succeeded', 'failed')], [2, 1]],
    ['no running one', [choice('state', 'running')], []],
    ['any other state', [not(choice('state', 'queued'))], [3, 2, 1]],
    ['action', [choice('action', 'crm.sync')], [4]],
    ['subject', [choice('subject', 'quote:1')], [2, 1]],
    ['any other subject or none', [not(choice('subject', 'quote:1'))], [5, 4, 3]],
    ['one of two subjects', [choice('subject', 'quote:1', 'quote:2')], [5, 2, 1]],
    ['subject and state', [choice('state', 'failed'), choice('subject', 'quote:1')], [2]],
    ['key', [choice('key', 'K')], [2, 1]],
    ['error', [choice('error', 'NetworkError')], [2]],
    ['what waits for a signal', [choice('waiting', 'signal')], [3]],
    ['mode', [choice('mode', 'immediate')], [3]],
    ['parent', [choice('parent', 1)], [5, 3]],
    ['what it runs again', [choice('rerun-of', 1)], [5, 2]],
    ['both', [choice('rerun-of', 1), choice('parent', 1)], [5]],
    ['priority', [bound('priority', '>', 0)], [3]],
    ['priority and its negation', [not(bound('priority', '>=', 0))], [5]],
    ['version', [bound('version', '=', 3)], [4]],
    ['creation', [bound('created', '>=', 2_000), bound('created', '<', 4_000)], [3, 2]],
    ['end', [bound('finished', '<=', 6_000)], [2, 1]],
    ['no such end', [not(bound('finished', '<=', 3_000))], [5, 4, 3, 2]],
  ])('a search for %s', (_, where, expected) => {
    test('finds those and no others, of one tenant', () =>
      Story.tell(harness, async (story) => {
        const views = await told(story)
        expect(await ids(views, where)).toEqual(expected)
        const keys = (await views.searchKeys({ tenant: 'acme', where, limit: 100 })).found
        expect(keys.map(({ id }) => id)).toEqual(expected)
      }))
  })

  test('pages of a search join without a gap, and the last one says that it is over', () =>
    Story.tell(harness, async (story) => {
      const views = await told(story)
      const first = await views.search({ tenant: 'acme', where: [], limit: 2 })
      expect(first).toMatchObject({ next: 4 })
      const second = await views.search({ tenant: 'acme', where: [], limit: 2, before: first.next ?? 0 })
      expect(second.found.map(({ request }) => request.id)).toEqual([3, 2])
      const third = await views.search({ tenant: 'acme', where: [], limit: 2, before: second.next ?? 0 })
      expect(third).toMatchObject({ next: null, found: [{ request: { id: 1 } }] })
      expect((await views.search({ where: [], limit: 100 })).found).toHaveLength(6)
    }))

  test('any combination of conditions finds what a look at every row would', () =>
    Story.tell(harness, async (story) => {
      const views = await told(story)
      const all = (await views.search({ where: [], limit: 100 })).found
      const anyCondition = fc.oneof(
        fc
          .record({
            field: fc.constantFrom(...choiceFields),
            not: fc.boolean(),
            pick: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
          })
          .map(
            ({ field, not: negated, pick }): Condition => ({
              field,
              not: negated,
              anyOf: pick.map((at) => pickOf(field, at)),
            }),
          ),
        fc.record({
          field: fc.constantFrom(...boundFields),
          not: fc.boolean(),
          op: fc.constantFrom(...comparisons),
          value: fc.constantFrom(-5, 0, 1, 3, 5, 1_000, 2_000, 3_000, 4_000, 6_000),
        }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(anyCondition, { maxLength: 4 }), async (where) => {
          const found = (await views.search({ where, limit: 100 })).found
          const fitting = all.filter((row) => where.every((condition) => fits(condition, row)))
          expect(found).toEqual(fitting)
        }),
        { numRuns: 300 },
      )
    }))
}

const values: { readonly [F in ChoiceField]: readonly (string | number)[] } = {
  state: states,
  action: ['quote.render', 'crm.sync', 'none'],
  subject: ['quote:1', 'quote:2', 'none'],
  key: ['K', 'none'],
  error: ['NetworkError', 'none'],
  waiting: waitReasons,
  mode: ['immediate', 'background'],
  parent: [1, 2],
  'rerun-of': [1, 2],
}

const pickOf = (field: ChoiceField, at: number): string | number => values[field][at % values[field].length] ?? ''

/** The plain meaning of a condition. */
function fits(condition: Condition, { execution, request }: Found): boolean {
  const present = {
    state: execution.state,
    action: request.action,
    subject: request.subject,
    key: request.key,
    error: execution.lastErrorClass,
    waiting: execution.waitingFor,
    mode: request.mode,
    parent: request.parentId,
    'rerun-of': request.rerunOf,
    created: request.at,
    finished: execution.finishedAt,
    priority: request.priority,
    version: request.actionVersion,
  }[condition.field]
  return (present !== null && fitsValue(condition, present)) !== condition.not
}

function fitsValue(condition: Condition, present: string | number): boolean {
  if ('anyOf' in condition) return condition.anyOf.includes(present)
  const difference = Number(present) - condition.value
  switch (condition.op) {
    case '<':
      return difference < 0
    case '<=':
      return difference <= 0
    case '=':
      return difference === 0
    case '>=':
      return difference >= 0
    case '>':
      return difference > 0
  }
}
