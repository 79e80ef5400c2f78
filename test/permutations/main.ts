/**
 * SE-21: one plan, one hash, whatever order its steps were found in. `npm run permutations -- [count] [seed]`, by default a
 * million: every order of nine steps, then seeded shuffles of a plan of forty. The last line is `N passed, N failed`.
 */
import { orderSteps, type PlannedStep, type Proposal, planHash, planText } from '../../src/execution/plan.ts'
import { seededRandom } from '../../src/identity/random.ts'

const request = { action: 'fleet.deploy', actionVersion: 1, input: '{}', recordOnly: false, policyVersion: 1 }

const count = Number(process.argv[2] ?? 1_000_000)
const seed = process.argv[3] ?? 'permutations'
if (!Number.isSafeInteger(count) || count < 1) {
  console.error('Usage: npm run permutations -- [count] [seed]')
  process.exit(2)
}

function stepsOf(targets: number): PlannedStep[] {
  return Array.from({ length: targets }, (_, number) => ({
    step: number % 3 === 0 ? 'drain' : 'install',
    // Numbers of other lengths, capitals and letters of other scripts: what a locale would put elsewhere.
    target: `${['web', 'Web', 'wéb', 'ｗeb'][number % 4]}-${number}`,
    args: `{"number":${number}}`,
    effects: ['do'],
  }))
}

function hashOf(steps: readonly PlannedStep[]): string {
  const proposal: Proposal = {
    summary: 'Deploy',
    reads: '[]',
    parallel: 1,
    ordered: false,
    steps,
    handlers: ['install', 'drain'],
    handlerDigest: 'd'.repeat(64),
    secrets: [],
  }
  return planHash(planText(request, proposal, orderSteps(proposal)))
}

/** Every order of a list, each once, by Heap's algorithm; the list itself is changed from one to the next. */
function* ordersOf<T>(list: T[], size = list.length): Generator<readonly T[]> {
  if (size <= 1) {
    yield list
    return
  }
  for (let index = 0; index < size; index += 1) {
    yield* ordersOf(list, size - 1)
    swap(list, size % 2 === 0 ? index : 0, size - 1)
  }
}

function* shufflesOf<T>(list: T[]): Generator<readonly T[]> {
  const random = seededRandom(seed)
  for (;;) {
    for (let last = list.length - 1; last > 0; last -= 1) swap(list, last, random.int(last + 1))
    yield list
  }
}

function swap<T>(list: T[], one: number, other: number): void {
  const kept = list[one] as T
  list[one] = list[other] as T
  list[other] = kept
}

const beganAt = performance.now()
let passed = 0
let failed = 0
for (const [steps, orders] of [
  [stepsOf(9), ordersOf<PlannedStep>],
  [stepsOf(40), shufflesOf<PlannedStep>],
] as const) {
  const first = hashOf(steps)
  for (const order of orders([...steps])) {
    if (passed + failed >= count) break
    if (hashOf(order) === first) passed += 1
    else failed += 1
  }
}
console.log(`${Math.round((performance.now() - beganAt) / 1_000)} s`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1
