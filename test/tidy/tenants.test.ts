import { expect, test } from 'vitest'
import { projectFiles } from '../../scripts/files.ts'
import { privileges, shownViews } from '../../src/store/postgres/privileges.ts'

const files = projectFiles()

test('SE-33 every table and view of PostgreSQL says in store/postgres/privileges.ts who may do what with it', () => {
  const there = new Set<string>()
  for (const { path, text } of files.sort((a, b) => a.path.localeCompare(b.path))) {
    if (!/^src\/store\/postgres\/migrations\/\d+_\w+\.up\.sql$/.test(path)) continue
    for (const [, verb, , name = '', to] of text.matchAll(
      /^(create|drop|alter) (table|view) (\w+)(?: rename to (\w+);)?/gm,
    )) {
      if (verb === 'create') there.add(name)
      if (verb === 'drop' || to !== undefined) there.delete(name)
      if (to !== undefined) there.add(to)
    }
  }
  // The table of the migrations themselves is read by whoever connects.
  expect([...Object.keys(privileges), ...shownViews].sort()).toEqual([...there].sort())
})

/** What serves people, and what of it reads for all tenants on purpose. */
const serving =
  /^src\/(commands\/|projections\/|archive\/archives|schedule\/schedules|control-plane|bulk-commands|immediate|kept|task-queue)/
const forAll = [
  // Workers are no tenant's.
  'this.host.views.workers()',
  // Ends of leases, whoever's they were.
  'this.#engine.host.views.find(id)',
]

test('SE-33 what serves people reads through the views of one tenant: views.of(tenant)', () => {
  const found = files.flatMap(({ path, text }) => {
    if (!serving.test(path) || path.endsWith('.test.ts')) return []
    const uses = text.replaceAll(/\s*\n\s*\./g, '.').match(/[\w.#]*host\.views(?!\.of\(|\w)(\.\w+\([^)]*\))?/g) ?? []
    return uses.filter((use) => !forAll.includes(use)).map((use) => `${path}: ${use}`)
  })
  expect(found).toEqual([])
})
