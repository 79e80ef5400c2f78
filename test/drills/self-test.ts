import { killDrill } from './kill.ts'
import { plantAll } from './planted.ts'
import type { DrillReport } from './report.ts'
import { sameBytesDrill } from './same-bytes.ts'

/** Shows that the drills bite: defects planted into good evidence, and a target that honours neither keys nor fences. */
export async function selfTest(seed: string): Promise<DrillReport> {
  let planted = { count: 0, unnoticed: ['the evidence was never read'] }
  const withoutFault = killDrill({
    rounds: 2,
    seed,
    only: ['applied:keyed', 'intent:opaque'],
    inspect: (evidence) => {
      const path = String(evidence.opened.raw.location())
      planted = plantAll(evidence, path)
    },
  })
  const withFault = killDrill({ rounds: 2, seed, only: ['applied:keyed', 'applied:fenced'], forgetful: true })
  const [good, broken] = await Promise.all([withoutFault, withFault])
  const careless = await sameBytesDrill({ jobs: 4, seed, isCareless: true })
  const isCaught = careless.checks.some(
    ({ promise, complaints }) => promise.startsWith('DG-02') && complaints.length > 0,
  )
  const wanted = ['a keyed effect is applied', 'a fenced effect is applied']
  const missed = wanted.filter(
    (promise) => !broken.checks.some((each) => each.promise.includes(promise) && each.complaints.length > 0),
  )
  const failedRounds = [
    ...good.checks
      .flatMap(({ complaints }) => complaints)
      .map((complaint) => `without a defect: ${complaint}`)
      .slice(0, 1),
    ...planted.unnoticed,
    ...(isCaught ? [] : ['a handler that takes chance from elsewhere still prints the same bytes']),
    ...missed.map((promise) => `a forgetful target did not break "${promise} …"`),
  ]
  return {
    name: 'self-test',
    rounds: 2 + planted.count + wanted.length,
    failedRounds,
    checks: [],
    figures: {
      'defects planted into evidence': planted.count,
      'faults of a live target': wanted.length,
      'careless handlers': 1,
    },
  }
}
