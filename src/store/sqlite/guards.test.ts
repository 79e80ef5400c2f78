import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { renderMachineSql } from './guards.ts'

/** The newest migration that holds what is generated from the state machine. */
const frozen = new URL('./migrations/0001_core.up.sql', import.meta.url)

test('CP-001a the guards and names in the database are those of the state machine', () => {
  const text = readFileSync(frozen, 'utf8')
  const [, generated] =
    /-- generated from src\/execution\/machine\.ts: begin\n([\s\S]*)\n-- generated .*: end\n/.exec(text) ?? []
  const advice = `The state machine changed. Databases in use hold the old guards, so leave ${frozen.pathname.split('/').at(-1)} as it is:
write a new migration that drops executions_guard_update, adds the new names, creates the guard anew, and let this test read that file.`
  expect(generated, advice).toBe(renderMachineSql())
})
