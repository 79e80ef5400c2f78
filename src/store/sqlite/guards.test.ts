import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renderMachineSql } from './guards.ts'

/** The newest migration that holds what is generated from the state machine. */
const frozen = new URL('./migrations/0029_policies.up.sql', import.meta.url)

test('CP-001a the guards and names in the database are those of the state machine (if not, write a new migration)', () => {
  // Databases in use hold the old guards. The new migration drops executions_guard_update, adds the new names and
  // creates the guard anew; then let this test read that file.
  const text = readFileSync(frozen, 'utf8')
  const [, generated] =
    /-- generated from src\/execution\/machine\.ts: begin\n([\s\S]*)\n-- generated .*: end\n/.exec(text) ?? []
  expect(generated).toBe(renderMachineSql())
})
