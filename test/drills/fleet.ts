import { openSqlite } from '../../src/store/sqlite/open.ts'
import type { Check, Stroke } from './checks.ts'
import { close } from './closing.ts'
import { Cluster, type DrillWorker } from './cluster.ts'
import { Dice, passMs } from './dice.ts'
import { hostOf } from './fleet-workload.ts'
import { silence } from './kill.ts'
import type { Submitted } from './messages.ts'
import { short } from './profiles.ts'
import { readRecord } from './record.ts'
import { checkedFigures, type DrillReport } from './report.ts'

export interface FleetOptions {
  /** Kills in all; ten for each plan. */
  readonly kills: number
  readonly seed: string
  /** The target honours neither keys nor fences. */
  readonly forgetful?: boolean | undefined
}

const hosts = 50
const killsPerPlan = 10
/** One more than die: whoever is killed, another one is there to go on at once. */
const workers = killsPerPlan + 1
/** Targets that end between one kill and the next. */
const pace = 4
const brokenCount = 5
/** As long as an effect is under way, so that a kill meets any moment of it. */
const randomInstantMs = 200

/**
 * A plan of fifty targets whose worker is killed ten times, at seeded moments while it runs: fifty effects in the end,
 * each once in the target's own record. Then a plan on a fleet of which some hosts fail for as long as they are broken:
 * it names each of them, and a redrive acts on them alone.
 */
export async function fleetDrill({ kills, seed, forgetful }: FleetOptions): Promise<DrillReport> {
  // Ten losses are more than an execution is allowed in a row: that it gets further between them is what saves it.
  const cluster = new Cluster({ times: short, forgetful, settings: { poisonLosses: 3 } })
  const dice = new Dice(`${seed} fleet`)
  const strikes = new Strikes(cluster, dice)
  const failedRounds: string[] = []
  try {
    await cluster.start()
    await Promise.all(Array.from({ length: workers }, (_, number) => cluster.addWorker(`here-${number}`)))
    const killed: Submitted[] = []
    const plans = Math.ceil(kills / killsPerPlan)
    let tookMs = 0
    for (let plan = 0; plan < plans; plan += 1) {
      const beganAt = performance.now()
      const submitted = await submit(cluster, `killed-${plan}`)
      killed.push(submitted)
      const count = Math.min(killsPerPlan, kills - plan * killsPerPlan)
      for (let kill = 0; kill < count; kill += 1) {
        const failure = await strikes.strike(submitted, 1 + kill * pace + dice.below(pace))
        if (failure !== null) failedRounds.push(`plan ${plan + 1}, kill ${kill + 1}: ${failure}`)
      }
      await untilState(cluster, submitted, 'succeeded')
      tookMs += performance.now() - beganAt
      await strikes.restart()
    }
    const partial = await partly(cluster, dice, strikes)
    const killedWorkers = strikes.strokes.length
    const checked = await close(cluster, strikes.strokes)
    const entries = readRecord(cluster.record)
    return {
      name: 'fleet',
      rounds: kills,
      failedRounds,
      checks: [
        {
          promise: 'DG-06 a plan killed ten times ends with each of its effects applied once, and no other',
          complaints: killed.flatMap((each) => notOnce(effectsOf(entries, each), allHosts)),
        },
        ...partial.checks(effectsOf(entries, partial.submitted)),
        ...checked.checks,
        silence(cluster),
      ],
      figures: {
        'plans killed': killed.length,
        'targets of each': hosts,
        'workers killed': killedWorkers,
        'ms for each plan with its kills': Math.round(tookMs / plans),
        ...checkedFigures(checked),
      },
    }
  } finally {
    await cluster.discard()
  }
}

const allHosts = Array.from({ length: hosts }, (_, number) => hostOf(number))

async function submit(cluster: Cluster, key: string): Promise<Submitted> {
  const submitted = await cluster.submitOther({ key, action: 'drill.fleet', input: { hosts } })
  cluster.acknowledged.set(key, submitted)
  return submitted
}

/** Kills whoever runs a plan, at instants that are drawn anew each time. */
class Strikes {
  readonly strokes: Stroke[] = []
  readonly #cluster: Cluster
  readonly #dice: Dice
  #dead: DrillWorker[] = []

  constructor(cluster: Cluster, dice: Dice) {
    this.#cluster = cluster
    this.#dice = dice
  }

  /** Once so many targets are concluded, and a moment. Says so when the plan was over by then. */
  async strike(submitted: Submitted, settled: number): Promise<string | null> {
    const { signal, onlooker } = this.#cluster
    await signal.until('targets to be concluded', () => (onlooker.of(submitted.id)?.targets ?? 0) >= settled)
    await passMs(this.#dice.below(randomInstantMs))
    if (onlooker.isSettled(submitted.id)) return 'the plan was over'
    const victim = await this.#cluster.holderOf(submitted)
    this.strokes.push({ worker: victim.key, at: Date.now() })
    victim.child.kill('SIGKILL')
    await victim.child.exited
    await signal.until('the plan to be taken from a dead worker', () => onlooker.heldBy(victim.key).length === 0)
    this.#dead.push(victim)
    return null
  }

  /** Somebody new for each that is dead, for the next plan. */
  async restart(): Promise<void> {
    const dead = this.#dead
    this.#dead = []
    await Promise.all(dead.map((victim) => this.#cluster.addWorker(victim.identity, victim)))
  }
}

async function untilState(cluster: Cluster, { id }: Submitted, wanted: 'succeeded' | 'failed'): Promise<void> {
  await cluster.signal.until(`a plan to have ${wanted}`, () => cluster.onlooker.of(id)?.state === wanted)
}

/** A plan of which some targets fail until they are repaired; killed twice on the way, and redriven. */
async function partly(cluster: Cluster, dice: Dice, strikes: Strikes) {
  const numbers = new Set<number>()
  while (numbers.size < brokenCount) numbers.add(dice.below(hosts))
  const broken = [...numbers].sort((a, b) => a - b).map(hostOf)
  await setBroken(cluster, broken)
  const submitted = await submit(cluster, 'partly')
  await strikes.strike(submitted, 5 + dice.below(5))
  await strikes.strike(submitted, 20 + dice.below(5))
  await untilState(cluster, submitted, 'failed')
  const failed = endOf(cluster, submitted)
  const before = effectsOf(readRecord(cluster.record), submitted)
  await setBroken(cluster, [])
  await cluster.server.ask({ redrive: submitted.publicId })
  await untilState(cluster, submitted, 'succeeded')
  const whole = allHosts.filter((host) => !broken.includes(host))
  const checks = (after: Effects): readonly Check[] => [
    {
      promise: 'DG-06 SE-43 a plan with targets that fail ends as partial failure that names each of them',
      complaints: namesEach(failed, broken),
    },
    {
      promise: 'DG-06 the targets that do not fail are done, each once, and nothing is done to the others',
      complaints: notOnce(before, whole),
    },
    {
      promise: 'DG-06 a redrive acts on what was not done, and on nothing else',
      complaints: [
        ...notOnce(after, allHosts),
        ...whole
          .filter((host) => after.arrivals.get(host) !== before.arrivals.get(host))
          .map((host) => `${host} was done, and was called again`),
      ],
    },
  ]
  return { submitted, checks }
}

async function setBroken({ target }: Cluster, broken: readonly string[]): Promise<void> {
  const query = new URLSearchParams(broken.map((host): [string, string] => ['host', host]))
  const answer = await fetch(`${target.ready?.address}/broken?${query}`, { method: 'PUT' })
  if (!answer.ok) throw new Error('the target does not know which hosts are broken')
}

interface End {
  readonly errorClass: string | null
  readonly error: string | null
  readonly result: string | null
}

function endOf(cluster: Cluster, { id }: Submitted): End {
  const opened = openSqlite({ path: cluster.database, readOnly: true })
  try {
    const views = opened.views()
    const execution = views.find(id)?.execution
    const { lastErrorClass: errorClass = null, lastError: error = null } = execution ?? {}
    return { errorClass, error, result: views.outcome(id)?.result ?? null }
  } finally {
    opened.close()
  }
}

function namesEach({ errorClass, error, result }: End, broken: readonly string[]): string[] {
  const told = JSON.parse(result ?? '{}') as { failed?: number; succeeded?: number; targets?: unknown[] }
  const isRight =
    errorClass === 'PartialFailure' && told.failed === broken.length && told.succeeded === hosts - broken.length
  const unnamed = broken.filter((host) => error?.includes(`install[${host}]`) !== true)
  const first = JSON.stringify(told.targets?.slice(0, broken.length))
  const untold = broken.filter((host) => !first.includes(`"${host}"`))
  return [
    ...(isRight ? [] : [JSON.stringify({ errorClass, error })]),
    ...unnamed.map((host) => `${host} is not named: ${error}`),
    ...untold.map((host) => `${host} is not among the first of the result`),
  ]
}

interface Effects {
  /** Requests that arrived, and those that were applied, by host. */
  readonly arrivals: ReadonlyMap<string, number>
  readonly applied: ReadonlyMap<string, number>
}

/** What the target's raw record says about one plan. */
function effectsOf(entries: ReturnType<typeof readRecord>, { publicId }: Submitted): Effects {
  const hostOfArrival = new Map<number, string>()
  const arrivals = new Map<string, number>()
  const applied = new Map<string, number>()
  const count = (counts: Map<string, number>, host: string): void => {
    counts.set(host, (counts.get(host) ?? 0) + 1)
  }
  for (const entry of entries) {
    if (entry.type === 'arrival' && entry.execution === publicId && entry.host !== undefined) {
      hostOfArrival.set(entry.arrival, entry.host)
      count(arrivals, entry.host)
    }
    const host = entry.type === 'applied' ? hostOfArrival.get(entry.arrival) : undefined
    if (host !== undefined) count(applied, host)
  }
  return { arrivals, applied }
}

function notOnce({ applied }: Effects, wanted: readonly string[]): string[] {
  const others = [...applied.keys()].filter((host) => !wanted.includes(host))
  return [
    ...wanted
      .filter((host) => applied.get(host) !== 1)
      .map((host) => `${host}: applied ${applied.get(host) ?? 0} times`),
    ...others.map((host) => `${host}: applied, and should not be`),
  ]
}
