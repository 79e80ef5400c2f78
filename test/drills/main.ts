/**
 * Drills with real processes: `npm run drills -- [kill|stop|stop-default|writer-kill|same-bytes|poison|hogs|fleet|cancel-storm|deadline-storm|unpause-after-night|cluster|redis-outage|failover|self-test|all] --rounds N --count N --seed S`.
 * The last line is `N passed, N failed`: one for each round and one for each check of the evidence. With
 * `DRILL_BREAK=fence` the target of the drills kill and fleet honours neither keys nor fences, and they must fail.
 */
import { parseArgs } from 'node:util'
import { cancelStorm } from './cancel-storm.ts'
import { deadlineStorm } from './deadline-storm.ts'
import { failoverDrill } from './failover.ts'
import { fleetDrill } from './fleet.ts'
import { hogsDrill } from './hogs.ts'
import { killDrill } from './kill.ts'
import { leftovers } from './leftovers.ts'
import { manyProcesses } from './many-processes.ts'
import { poisonDrill } from './poison.ts'
import { short, standard } from './profiles.ts'
import { writeRecoveryPage } from './recovery-page.ts'
import { redisOutage } from './redis-outage.ts'
import { type DrillReport, failedOf, passedOf, print, save } from './report.ts'
import { sameBytesDrill } from './same-bytes.ts'
import { selfTest } from './self-test.ts'
import { stopDrill } from './stop.ts'
import { unpauseAfterNight } from './unpause-after-night.ts'
import { writerKillDrill } from './writer-kill.ts'

/** Rounds of a full run. Each round at default leases has a frozen process of its own, so there are never more. */
const full = {
  kill: 200,
  stop: 100,
  'stop-default': 10,
  'writer-kill': 50,
  'same-bytes': 200,
  poison: 100,
  hogs: 100,
  fleet: 50,
  'cancel-storm': 1,
  'deadline-storm': 1,
  'unpause-after-night': 1,
  cluster: 1,
  failover: 5,
  'redis-outage': 20,
  'self-test': 1,
} as const
type Name = keyof typeof full
const names = Object.keys(full) as Name[]
/** Drills of one round with many executions at once: how many depends on whether a short run was asked for. */
const crowds: ReadonlySet<string> = new Set<Name>(['cancel-storm', 'deadline-storm', 'unpause-after-night', 'cluster'])

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string' }, count: { type: 'string' }, seed: { type: 'string', default: 'drill' } },
})
const asked = positionals[0] ?? 'all'
const chosen = names.filter((name) => asked === 'all' || asked === name)
const roundsAsked = values.rounds === undefined ? undefined : Number(values.rounds)
/** Executions of the drill `cluster`. */
const countAsked = values.count === undefined ? undefined : Number(values.count)
if (chosen.length === 0 || (roundsAsked !== undefined && !(Number.isSafeInteger(roundsAsked) && roundsAsked > 0))) {
  console.error(`Usage: npm run drills -- [${names.join('|')}|all] [--rounds N] [--count N] [--seed S]`)
  process.exit(2)
}
const { seed } = values
const isForgetful = process.env.DRILL_BREAK === 'fence'
/** Rounds that begin with two servers of their own: the short form has one. */
const serversOf = (asked: number | undefined): number => (asked === undefined || asked >= full.kill ? full.failover : 1)
const roundsOf = (name: Name): number => {
  if (name === 'failover') return serversOf(roundsAsked)
  return name === 'stop-default' ? Math.min(roundsAsked ?? full[name], full[name]) : (roundsAsked ?? full[name])
}

const isFull = (name: Name): boolean =>
  crowds.has(name) ? roundsAsked === undefined && countAsked === undefined : roundsOf(name) >= full[name]
/** In full, a stroke every two seconds for as long as 100,000 executions take; `--count` asks for fewer. */
const clusterOf = () =>
  isFull('cluster') || countAsked !== undefined
    ? { count: countAsked ?? 100_000, everyMs: 2_000, strokes: 10, sessionEvery: 4, redisEvery: 10, isFull: true }
    : { count: 120, everyMs: 1_000, strokes: 8, sessionEvery: 4, redisEvery: 2, isFull: false }
const crowdOf = (name: Name): number => (isFull(name) ? 10_000 : 300)

leftovers.clearAtExit()
let passed = 0
let failed = 0
const close = (): void => {
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exit(failed === 0 ? 0 : 1)
}
// Whatever hangs, the drills come to an end.
const msOf = (name: Name): number => {
  if (name === 'cluster') return roundsAsked === undefined ? 4 * 3_600_000 : 240_000
  return roundsOf(name) * (name === 'failover' ? 60_000 : 4_000)
}
const limitMs = 120_000 + chosen.map(msOf).reduce((sum, ms) => sum + ms, 0)
setTimeout(() => {
  console.log(`FAILED the drills did not end within ${limitMs / 1_000} s`)
  failed += 1
  close()
}, limitMs)

const drills: { readonly [N in Name]: (onFrozen?: () => void) => Promise<DrillReport> } = {
  kill: () => killDrill({ rounds: roundsOf('kill'), seed, forgetful: isForgetful }),
  stop: () =>
    stopDrill({ name: 'stop', rounds: roundsOf('stop'), times: short, together: 3, slots: 4, spare: 5, lanes: 4 }),
  'stop-default': (onFrozen) => {
    const rounds = roundsOf('stop-default')
    const alone = { together: rounds, slots: 1, spare: 2, lanes: 0 }
    return stopDrill({ name: 'stop-default', rounds, times: standard, ...alone, onFrozen })
  },
  'writer-kill': () => writerKillDrill({ rounds: roundsOf('writer-kill'), seed }),
  'same-bytes': () => sameBytesDrill({ jobs: roundsOf('same-bytes'), seed }),
  'cancel-storm': () => cancelStorm({ count: isFull('cancel-storm') ? 2_000 : 300 }),
  'deadline-storm': () => deadlineStorm({ count: crowdOf('deadline-storm') }),
  'unpause-after-night': () => unpauseAfterNight({ count: crowdOf('unpause-after-night') }),
  poison: () => poisonDrill({ rounds: roundsOf('poison'), isFull: roundsOf('poison') >= full.poison }),
  hogs: () => hogsDrill({ rounds: roundsOf('hogs'), isFull: roundsOf('hogs') >= full.hogs }),
  fleet: () => fleetDrill({ kills: roundsOf('fleet'), seed, forgetful: isForgetful }),
  cluster: () => manyProcesses({ ...clusterOf(), seed }),
  // One stroke of each kind where a short run was asked for.
  'redis-outage': () => redisOutage({ strokes: isFull('redis-outage') ? full['redis-outage'] : 4, seed }),
  failover: () => failoverDrill({ rounds: roundsOf('failover') }),
  'self-test': () => selfTest(seed),
}

async function run(name: Name, onFrozen?: () => void): Promise<void> {
  try {
    const report = await drills[name](onFrozen)
    print(report)
    save(report, isFull(name))
    passed += passedOf(report)
    failed += failedOf(report)
  } catch (thrown) {
    console.log(`\n${name}\n  FAILED ${thrown instanceof Error ? thrown.stack : String(thrown)}`)
    failed += 1
  } finally {
    onFrozen?.()
  }
}

// Default leases are mostly waiting: the other drills run meanwhile, once its processes have been started and frozen.
const isFrozen = Promise.withResolvers<void>()
const waiting = chosen.includes('stop-default') ? run('stop-default', isFrozen.resolve) : undefined
if (waiting !== undefined) await isFrozen.promise
for (const name of chosen) if (name !== 'stop-default') await run(name)
await waiting
if (failed === 0 && chosen.every(isFull)) writeRecoveryPage()
close()
