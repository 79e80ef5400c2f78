import { join } from 'node:path'
import { sha256 } from '../../src/json/hash.ts'
import { createPawl, type ExecutionView } from '../../src/pawl.ts'
import { Child } from './child.ts'
import { Dice, passMs } from './dice.ts'
import { leftovers } from './leftovers.ts'
import type { PrinterOptions } from './printer.ts'
import { printing } from './printing.ts'
import { short } from './profiles.ts'
import type { DrillReport } from './report.ts'
import { Signal } from './signal.ts'

export interface SameBytesOptions {
  readonly jobs: number
  readonly seed: string
  /** The handler takes chance from elsewhere: the drill must fail. */
  readonly isCareless?: boolean | undefined
}

interface RunPlan {
  readonly name: string
  readonly workers: number
  readonly slots: number
  readonly kills: number
  /** Null submits in order. */
  readonly shuffle: string | null
}

interface RunEnd {
  readonly name: string
  readonly kills: number
  readonly lostLeases: number
  readonly retries: number
  /** What each job ended with: the hash of its manifest, or its state. */
  readonly manifests: ReadonlyMap<number, string>
}

const patienceMs = 240_000

/**
 * DG-02: the same jobs, submitted in other orders, at other concurrencies, with workers killed on the way: the bytes of
 * every manifest, and through it of every file, are those of the calm run.
 */
export async function sameBytesDrill({ jobs, seed, isCareless = false }: SameBytesOptions): Promise<DrillReport> {
  const kills = Math.max(2, Math.round(jobs / 20))
  const plans: readonly RunPlan[] = [
    { name: 'calm', workers: 1, slots: 4, kills: 0, shuffle: null },
    { name: '1 at a time', workers: 1, slots: 1, kills, shuffle: `${seed} 1` },
    { name: '4 at a time', workers: 2, slots: 2, kills, shuffle: `${seed} 4` },
    { name: '16 at a time', workers: 2, slots: 8, kills, shuffle: `${seed} 16` },
  ]
  const ends: RunEnd[] = []
  for (const plan of plans) ends.push(await perform(plan, { jobs, seed, isCareless }))
  const [calm, ...others] = ends
  const known = calm?.manifests ?? new Map<number, string>()
  const ended = ends.flatMap(({ name, manifests }) =>
    [...manifests]
      .filter(([, manifest]) => !/^[0-9a-f]{64}$/.test(manifest))
      .map(([job, state]) => `${name}: job ${job} is ${state}`),
  )
  const different = others.flatMap(({ name, manifests }) =>
    [...manifests]
      .filter(([job, manifest]) => known.get(job) !== manifest)
      .map(([job]) => `${name}: job ${job} has other bytes`),
  )
  const lost = others.reduce((sum, { lostLeases }) => sum + lostLeases, 0)
  return {
    name: 'same-bytes',
    rounds: jobs,
    failedRounds: ended,
    checks: [
      {
        promise: 'DG-02 equal inputs give equal bytes in every order, at every concurrency, over kills',
        complaints: different,
      },
      {
        promise: 'the kills met runs under way',
        complaints: lost > 0 ? [] : ['no run lost its lease, so the comparison shows nothing about crashes'],
      },
    ],
    figures: {
      jobs,
      runs: ends.length,
      manifests: ends.reduce((sum, { manifests }) => sum + manifests.size, 0),
      'workers killed': ends.reduce((sum, end) => sum + end.kills, 0),
      'leases lost': lost,
      retries: ends.reduce((sum, { retries }) => sum + retries, 0),
      ...Object.fromEntries(ends.map((end) => [`SHA-256 of all manifests, ${end.name}`, hashOf(end)])),
    },
  }
}

const hashOf = ({ manifests }: RunEnd): string =>
  sha256(JSON.stringify([...manifests].sort(([one], [other]) => one - other)))

async function perform(plan: RunPlan, options: SameBytesOptions & { readonly isCareless: boolean }): Promise<RunEnd> {
  const folder = leftovers.folder()
  const dice = new Dice(`${options.seed} ${plan.name}`)
  const inputs = inputsOf(options)
  const pawl = await createPawl({
    store: `sqlite:${join(folder, 'pawl.db')}`,
    actions: [printing(options.isCareless)],
    slots: 0,
    settings: short,
  })
  const signal = new Signal()
  const socket = join(folder, 'worker.sock')
  const workers = new Map<number, Child>()
  const startWorker = async (index: number): Promise<void> => {
    const identity = `printer-${index}`
    const given: PrinterOptions = {
      socket,
      dataDir: folder,
      slots: plan.slots,
      identity,
      isCareless: options.isCareless,
    }
    const child = new Child('printer', given, signal, () => {})
    workers.set(index, child)
    await signal.until('a printer to be ready', () => child.ready)
  }
  try {
    await pawl.start()
    await pawl.engine.listen(socket)
    for (let index = 0; index < plan.workers; index += 1) await startWorker(index)
    const order = plan.shuffle === null ? inputs : shuffled(inputs, new Dice(plan.shuffle))
    const submitted = await Promise.all(order.map((input) => pawl.submit({ action: 'drill.print', input })))
    const jobOf = new Map(submitted.map(({ id }, index) => [id, order[index]?.job ?? -1]))
    const ends = new Map<string, ExecutionView>()
    const waiting = submitted.map(async ({ id }) => {
      const stop = AbortSignal.timeout(patienceMs)
      const end = await pawl.ended(id, { signal: stop }).catch(() => pawl.get(id))
      ends.set(id, end)
      signal.raise()
    })
    let kills = 0
    for (let kill = 1; kill <= plan.kills; kill += 1) {
      const share = Math.floor((kill / (plan.kills + 1)) * submitted.length)
      await signal.until('enough jobs to have ended', () => (ends.size >= share ? true : undefined))
      // Somewhere inside of what runs then.
      await passMs(1 + dice.below(20))
      const index = dice.below(plan.workers)
      await workers.get(index)?.end()
      kills += 1
      await startWorker(index)
    }
    await Promise.all(waiting)
    const counted = await Promise.all(submitted.map(({ id }) => countsOf(pawl, id)))
    const manifests = new Map<number, string>()
    for (const [id, { state, result }] of ends) {
      const manifest = state === 'succeeded' ? (result as { manifest: string }).manifest : state
      manifests.set(jobOf.get(id) ?? -1, manifest)
    }
    const sum = (key: 'lost' | 'retries'): number => counted.reduce((total, counts) => total + counts[key], 0)
    return { name: plan.name, kills, lostLeases: sum('lost'), retries: sum('retries'), manifests }
  } finally {
    for (const child of workers.values()) await child.end()
    await pawl.stop()
    leftovers.discard(folder)
  }
}

async function countsOf(pawl: { readonly engine: Awaited<ReturnType<typeof createPawl>>['engine'] }, id: string) {
  const events = await pawl.engine.plane.events(id, 0, 1_000, { principal: 'service:drill', tenant: 'default' })
  const types = Array.isArray(events) ? events.map(({ type }) => type) : []
  const count = (type: string): number => types.filter((each) => each === type).length
  return { lost: count('lease_expired'), retries: count('fail_retryable') }
}

function inputsOf({ jobs, seed }: SameBytesOptions): { job: number; files: number; fails: number }[] {
  const dice = new Dice(`${seed} inputs`)
  return Array.from({ length: jobs }, (_, job) => ({ job, files: 1 + dice.below(4), fails: dice.below(3) }))
}

function shuffled<T>(list: readonly T[], dice: Dice): T[] {
  const all = [...list]
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = dice.below(last + 1)
    const kept = all[last] as T
    all[last] = all[other] as T
    all[other] = kept
  }
  return all
}
