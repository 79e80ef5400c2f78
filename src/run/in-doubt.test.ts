import { expect, test } from 'vitest'
import { effectStates, targetKinds } from '../execution/execution.ts'
import { type Doubt, type Look, nextMove } from './in-doubt.ts'

const looks: readonly (Look | null)[] = [null, { kind: 'happened' }, { kind: 'not_found' }, { kind: 'failed' }]
const both = [false, true]

const every: Doubt[] = [undefined, ...effectStates].flatMap((state) =>
  targetKinds.flatMap((target) =>
    both.flatMap((reconcilable) =>
      both.flatMap((reconcileOnly) =>
        looks.map((look) => ({
          effect: state === undefined ? undefined : { state, target },
          target,
          reconcilable,
          reconcileOnly,
          look,
        })),
      ),
    ),
  ),
)
const isOpen = ({ effect }: Doubt): boolean => effect?.state === 'intended' || effect?.state === 'in_doubt'

test('CP-008d an opaque effect in doubt is never called without a look that did not find it', () => {
  for (const doubt of every.filter((each) => isOpen(each) && each.target === 'opaque')) {
    const allowed =
      doubt.look?.kind === 'not_found'
        ? ['record_no', 'ask_person']
        : ['look', 'record_yes', 'ask_person', 'look_again']
    expect(allowed).toContain(nextMove(doubt))
  }
})

test('CP-008d a claim for reconciliation only begins nothing', () => {
  for (const doubt of every.filter(({ reconcileOnly }) => reconcileOnly)) {
    expect(nextMove(doubt)).not.toMatch(/^(call|replay)$/)
  }
})

test('a recorded outcome stands, and what did not happen may be called', () => {
  for (const doubt of every.filter(
    ({ effect }) => effect?.state === 'applied' || effect?.state === 'unknown_accepted',
  )) {
    expect(nextMove(doubt)).toBe('use')
  }
  for (const doubt of every.filter(({ effect, reconcileOnly }) => effect?.state === 'not_applied' && !reconcileOnly)) {
    expect(nextMove(doubt)).toBe('call')
  }
})

test('whatever can be looked at is looked at first', () => {
  for (const doubt of every.filter((each) => isOpen(each) && each.reconcilable && each.look === null)) {
    expect(nextMove(doubt)).toBe('look')
  }
})

test('another target kind than the recorded one contradicts the journal', () => {
  const doubt: Doubt = {
    effect: { state: 'applied', target: 'keyed' },
    target: 'opaque',
    reconcilable: true,
    reconcileOnly: false,
    look: null,
  }
  expect(nextMove(doubt)).toBe('mismatch')
})
