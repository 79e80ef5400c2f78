/**
 * SE-30, SE-31, CP-002: random histories of approvals against rules that were written down a second time. `npm run approvals --
 * [--histories N] [--sqlite N] [--postgres N] [--seed S]`; N of each kind, by default 20,000, 200 and none. The last line is
 * `N passed, N failed`.
 */
import { parseArgs } from 'node:util'
import { playCore, playStore } from './play.ts'
import { Reached, races } from './setting.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20000' },
    sqlite: { type: 'string', default: '200' },
    postgres: { type: 'string', default: '0' },
    seed: { type: 'string', default: 'approvals' },
  },
})
const reached = new Reached()
let failed = 0
let passed = 0
const counts = [
  ['rules', Number(values.histories)],
  ['sqlite', Number(values.sqlite)],
  ['postgres', Number(values.postgres)],
] as const
for (const [kind, count] of counts) {
  if (count === 0) continue
  const told =
    kind === 'rules' ? await playCore(values.seed, count, reached) : await playStore(kind, values.seed, count, reached)
  passed += told.passed
  failed += told.differences.length
  console.log(`${kind}: ${told.passed} histories as the oracle says, ${told.differences.length} not`)
  for (const difference of told.differences.slice(0, 3)) console.error(difference)
}
console.log('\nhow often each came up:')
for (const race of races) console.log(`  ${String(reached.of(race)).padStart(9)}  ${race}`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
