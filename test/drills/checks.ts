import type { OpenedSqlite } from '../../src/store/sqlite/open.ts'
import { readHistory } from './history.ts'
import type { Submitted } from './messages.ts'
import { provenBoundMs, type Times } from './profiles.ts'
import type { Arrival, Entry } from './record.ts'

/** A process that was killed or frozen, and when. */
export interface Stroke {
  readonly worker: number
  readonly at: number
  /** Time that the bound does not count: while there is no server, nobody can recover anything. */
  readonly graceMs?: number | undefined
}

/** All that is left of a drill: tables, the target's raw record, and what the drill itself did. */
export interface Evidence {
  readonly opened: OpenedSqlite
  readonly entries: readonly Entry[]
  readonly acknowledged: ReadonlyMap<string, Submitted>
  readonly strokes: readonly Stroke[]
  readonly times: Times
  /** Longest time by which the machine kept the server from running. */
  readonly heldUpMs: number
}

export interface Check {
  readonly promise: string
  readonly complaints: readonly string[]
}

export interface Checked {
  readonly checks: readonly Check[]
  /** Milliseconds until lost work went on, by what proved the loss. */
  readonly recoveryMs: {
    readonly proven: readonly number[]
    readonly lease: readonly number[]
    readonly starved: number
  }
  readonly heldUpMs: number
  readonly fencedWrites: number
  readonly executions: number
  readonly applied: number
}

/** Looks at the evidence alone; takes no part in what happened. */
export function check(evidence: Evidence): Checked {
  const history = readHistory(evidence.opened)
  const world = readWorld(evidence.entries)
  const recovery = recoveryOf(evidence, history.recoveries)
  const checks: Check[] = [
    {
      promise: 'CP-004a every acknowledged submit is on record, once for each key, and has succeeded in the end',
      complaints: lost(evidence, history.executions),
    },
    {
      promise: 'CP-001d CP-004b every event is legal and gapless, written by the holder, and says what the rows hold',
      complaints: history.complaints,
    },
    { promise: 'CP-008d a keyed effect is applied exactly once', complaints: once(world, history.executions, 'keyed') },
    {
      promise: 'CP-008d a fenced effect is applied exactly once',
      complaints: once(world, history.executions, 'fenced'),
    },
    {
      promise: 'CP-008d an opaque effect is applied exactly once and called again only after a "no" that counts',
      complaints: [
        ...once(world, history.executions, 'opaque'),
        ...once(world, history.executions, 'blind'),
        ...repeated(world, history.noes),
      ],
    },
    {
      promise: 'CP-008d every request that arrived had an intent of its own, committed before',
      complaints: unintended(world, history.intents),
    },
    { promise: 'CP-004a REL-10b lost work goes on within the bound', complaints: recovery.complaints },
    {
      promise: 'SE-13 a recovered execution tells its worker, its attempt and what the last one ended with',
      complaints: untold(evidence, history.recoveries),
    },
  ]
  return {
    checks,
    recoveryMs: recovery,
    heldUpMs: evidence.heldUpMs,
    fencedWrites: history.fencedWrites,
    executions: history.executions.size,
    applied: world.applied.size,
  }
}

interface World {
  readonly arrivals: readonly Arrival[]
  readonly arrivalsOf: ReadonlyMap<string, readonly Arrival[]>
  /** How often it was applied, by effect key. */
  readonly applied: ReadonlyMap<string, number>
}

function readWorld(entries: readonly Entry[]): World {
  const arrivals: Arrival[] = []
  const arrivalsOf = new Map<string, Arrival[]>()
  const applied = new Map<string, number>()
  for (const entry of entries) {
    if (entry.type === 'applied') applied.set(entry.effectKey, (applied.get(entry.effectKey) ?? 0) + 1)
    if (entry.type !== 'arrival') continue
    arrivals.push(entry)
    const known = arrivalsOf.get(entry.effectKey)
    if (known === undefined) arrivalsOf.set(entry.effectKey, [entry])
    else known.push(entry)
  }
  return { arrivals, arrivalsOf, applied }
}

type Executions = ReturnType<typeof readHistory>['executions']

function lost({ opened, acknowledged }: Evidence, executions: Executions): string[] {
  const rows = opened.raw.prepare('select id, public_id, idem_key from requests').all()
  const ids = new Map(rows.map((row) => [row.idem_key, row.public_id]))
  const complaints = [...acknowledged]
    .filter(([key, { publicId }]) => ids.get(key) !== publicId)
    .map(([key, { publicId }]) => `${key} was acknowledged as ${publicId} and is on record as ${ids.get(key)}`)
  for (const { id, state } of executions.values()) {
    if (state !== 'succeeded') complaints.push(`execution ${id} is ${state}`)
  }
  return complaints
}

/** Applied once in the world, for each time the ledger says so. */
function once(world: World, executions: Executions, name: string): string[] {
  const complaints: string[] = []
  for (const [key, arrivals] of world.arrivalsOf) {
    if (arrivals[0]?.name !== name) continue
    const count = world.applied.get(key) ?? 0
    if (count !== 1) complaints.push(`${name} effect ${key.slice(0, 8)} was applied ${count} times`)
  }
  if (name !== 'keyed') return complaints
  for (const { id, effects } of executions.values()) {
    for (const [key, { state }] of effects) {
      if (state === 'applied' && !world.applied.has(key)) {
        complaints.push(`execution ${id} says that effect ${key.slice(0, 8)} was applied, and it never was`)
      }
    }
  }
  return complaints
}

function repeated(world: World, noes: ReadonlyMap<string, number>): string[] {
  const complaints: string[] = []
  for (const [key, arrivals] of world.arrivalsOf) {
    const name = arrivals[0]?.name
    if (name !== 'opaque' && name !== 'blind') continue
    const calm = 1 + (noes.get(key) ?? 0)
    if (arrivals.length > calm) {
      complaints.push(`${name} effect ${key.slice(0, 8)} was called ${arrivals.length} times after ${calm - 1} noes`)
    }
  }
  return complaints
}

function unintended(world: World, intents: ReadonlyMap<string, number>): string[] {
  const complaints: string[] = []
  const seen = new Map<string, number>()
  for (const { name, effectKey, fence, arrival, isIntended } of world.arrivals) {
    const intent = `${effectKey} ${fence}`
    const times = (seen.get(intent) ?? 0) + 1
    seen.set(intent, times)
    // Within one claim, a step of a plan may try again what has certainly not happened: with an intent of its own.
    if (times > (intents.get(intent) ?? 0)) {
      const what = times === 1 ? 'without an intent' : `once more under fence ${fence} without an intent of its own`
      complaints.push(`request ${arrival} (${name}) came ${what}`)
    }
    if (!isIntended) complaints.push(`request ${arrival} (${name}) came before its intent was committed`)
  }
  return complaints
}

function untold({ opened }: Evidence, recoveries: ReturnType<typeof readHistory>['recoveries']): string[] {
  const rows = opened.raw.prepare('select id, worker, attempt, last_error_class from executions').all()
  const executions = new Map(rows.map((row) => [row.id, row]))
  return recoveries
    .filter(({ wasClaimed }) => wasClaimed)
    .map(({ execution }) => executions.get(execution))
    .filter((row) => row?.worker === null || row?.last_error_class === null || Number(row?.attempt) < 1)
    .map((row) => `execution ${row?.id} says ${JSON.stringify(row)}`)
}

/** Counts from the stroke, or from the claim where work was handed to a process that was frozen already. */
function recoveryOf({ strokes, times, heldUpMs }: Evidence, recoveries: ReturnType<typeof readHistory>['recoveries']) {
  const proven: number[] = []
  const lease: number[] = []
  const complaints: string[] = []
  let starved = 0
  const leaseBoundMs = times.leaseMs + times.sweepMs + times.pollMs
  for (const { worker, cause, claimedAt, wentOnAt, execution } of recoveries) {
    const stroke = strokes.findLast((each) => each.worker === worker && each.at <= wentOnAt)
    // A machine that is too busy for the drill starves living workers of their short leases, which is what leases are
    // for; but nobody may call a living process dead.
    if (stroke === undefined && cause === 'sweep') {
      starved += 1
      continue
    }
    if (stroke === undefined) {
      complaints.push(
        `execution ${execution} was taken from worker ${worker} (${cause}), to which nothing had happened`,
      )
      continue
    }
    const tookMs = wentOnAt - Math.max(stroke.at, claimedAt)
    const boundMs = (cause === 'sweep' ? leaseBoundMs : provenBoundMs) + (stroke.graceMs ?? 0)
    if (cause === 'sweep') lease.push(tookMs)
    else proven.push(tookMs)
    // Sweep, commit and claim are each as late as the machine lets them be.
    if (tookMs > boundMs + 3 * heldUpMs)
      complaints.push(`execution ${execution} took ${tookMs} ms (${cause}), over ${boundMs} ms`)
  }
  return { proven, lease, starved, complaints }
}
