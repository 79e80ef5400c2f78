import { DatabaseSync, type SQLInputValue, StatementSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, type RunnerTask } from 'vitest'
import { promises } from '../../src/store/contract/contract.ts'
import { memoryHarness } from '../../src/store/sqlite/harness.ts'
import { type StatementName, statements } from '../../src/store/sqlite/statements.ts'
import { conjuncts } from './conjuncts.ts'

// The whole contract on a store without one conjunct, for each conjunct of this share. Every group must turn red.
// First the unbroken store, to learn which tests use which statement: the others cannot tell and are left out.
const [share = 0, shares = 1] = (process.env.TEETH_SHARE ?? '0/1').split('/').map(Number)

const callsMax = 20_000
const uses = new Map<string, Set<StatementName>>()
const names = new Map<string, StatementName>()
for (const name of Object.keys(statements) as StatementName[]) names.set(statements[name], name)

/** A test's place below the group it runs in. */
function placeOf(task: { readonly name: string; readonly suite?: RunnerTask['suite'] }): string {
  return task.suite === undefined ? '' : `${placeOf(task.suite)} > ${task.name}`
}

describe('unbroken', () => {
  const { prepare } = DatabaseSync.prototype
  beforeEach(({ task }) => {
    const used = new Set<StatementName>()
    uses.set(placeOf(task), used)
    DatabaseSync.prototype.prepare = function (text, ...rest) {
      const name = names.get(text)
      if (name !== undefined) used.add(name)
      return prepare.call(this, text, ...rest)
    }
    return () => {
      DatabaseSync.prototype.prepare = prepare
    }
  })
  for (const promise of Object.values(promises)) promise(memoryHarness())
})

for (const [index, { name, statement, without }] of conjuncts.entries()) {
  if (index % shares !== share) continue
  describe(name, () => {
    let isCaught = false
    beforeEach((context) => {
      if (isCaught || uses.get(placeOf(context.task))?.has(statement) !== true) context.skip()
    })
    afterEach(({ task }) => {
      isCaught ||= task.result?.state === 'fail' || (task.result?.errors?.length ?? 0) > 0
    })
    const harness = memoryHarness({ [statement]: without })
    for (const promise of Object.values(promises)) promise(harness)
  })
}

/** Ends a test that reads for ever, because a page never gets shorter or a way back never ends. */
let calls = 0
beforeEach(() => {
  calls = 0
})
for (const name of ['get', 'all', 'run'] as const) {
  const own = StatementSync.prototype[name]
  Object.defineProperty(StatementSync.prototype, name, {
    value(this: StatementSync, ...values: SQLInputValue[]): unknown {
      calls += 1
      if (calls > callsMax) throw new Error('the test does not come to an end')
      return Reflect.apply(own, this, values)
    },
  })
}
