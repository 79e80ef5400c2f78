import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, type RunnerTask } from 'vitest'
import { serverHarnesses } from '../../src/store/postgres/harness.ts'
import type { StatementName } from '../../src/store/postgres/statements.ts'
import { findBinaries } from '../postgres/binaries.ts'
import { postgresPromises } from '../postgres/promises.ts'
import { startThrowaway } from '../postgres/throwaway.ts'
import { conjunctsOnPostgres } from './conjuncts.ts'

// As conjuncts.mutants.ts does on SQLite: the contract on a store without one conjunct, for each of this share, and only the
// tests that use its statement.
const [share = 0, shares = 1] = (process.env.TEETH_SHARE ?? '0/1').split('/').map(Number)

const queriesMax = 4_000
const uses = new Map<string, Set<string>>()

const server = await startThrowaway(
  ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off'],
  findBinaries(),
)
afterAll(() => server.remove())
const harnesses = serverHarnesses(server.url)

/** A test's place below the group it runs in. */
function placeOf(task: { readonly name: string; readonly suite?: RunnerTask['suite'] }): string {
  return task.suite === undefined ? '' : `${placeOf(task.suite)} > ${task.name}`
}

let used: Set<string> | null = null
/** Ends a test that asks for ever, because a page never gets shorter or a way back never ends. */
let queries = 0
beforeEach(() => {
  queries = 0
})
const { query } = pg.Client.prototype
beforeAll(() => {
  pg.Client.prototype.query = function (this: pg.Client, ...asked: unknown[]): unknown {
    queries += 1
    if (queries > queriesMax) return Promise.reject(new Error('the test does not come to an end'))
    const [first] = asked as [{ readonly name?: string } | string]
    if (typeof first !== 'string' && first.name !== undefined) used?.add(first.name)
    return Reflect.apply(query, this, asked)
  } as typeof query
  return () => {
    pg.Client.prototype.query = query
  }
})

describe('unbroken', () => {
  beforeEach(({ task }) => {
    used = new Set()
    uses.set(placeOf(task), used)
    return () => {
      used = null
    }
  })
  const harness = harnesses()
  for (const promise of Object.values(postgresPromises)) promise(harness)
})

for (const [index, { name, statement, without }] of conjunctsOnPostgres.entries()) {
  if (index % shares !== share) continue
  describe(name, () => {
    let isCaught = false
    beforeEach((context) => {
      if (isCaught || uses.get(placeOf(context.task))?.has(statement satisfies StatementName) !== true) context.skip()
    })
    afterEach(({ task }) => {
      isCaught ||= task.result?.state === 'fail' || (task.result?.errors?.length ?? 0) > 0
    })
    const harness = harnesses({ statements: { [statement]: without } })
    for (const promise of Object.values(postgresPromises)) promise(harness)
  })
}
