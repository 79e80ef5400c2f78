import { expect, test } from 'vitest'
import type { Gate } from './approval.ts'
import { decideFold, frozenBy, transactionPrefix } from './decide-fold.ts'
import { frozen } from './decide-gates.ts'
import type { Execution } from './execution.ts'

const gate = { planHash: 'h', approvedHash: 'h', isFrozen: false } as Gate
const execution = { id: 7, state: 'running', journal: 2, losses: 0, gate } as Execution

test('SE-31 what a transaction has written freezes the plan, as an effect does; a step that only computed does not', () => {
  const step = { ordinal: 0, value: '1', fence: 1, startedAt: 1, at: 1 }
  const folded = decideFold(execution, { ...step, name: `${transactionPrefix}book` }, 5)
  expect(folded.facts[0]?.set).toMatchObject({ journal: 3, gate: { isFrozen: true } })
  expect(frozenBy(execution, `${transactionPrefix}book`)).toEqual(frozen(execution))
  expect(frozenBy(execution, 'book')).toEqual({})
})
