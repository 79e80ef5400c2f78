import { DatabaseSync } from 'node:sqlite'
import { targetKinds } from '../../src/execution/execution.ts'
import type { Check, Stroke } from './checks.ts'
import { close } from './closing.ts'
import { type Caught, Cluster, type DrillWorker } from './cluster.ts'
import { restingState } from './expected.ts'
import { progressFloor, rateOf, silence } from './kill.ts'
import { Load } from './load.ts'
import { type Point, points, type Submitted } from './messages.ts'
import type { Times } from './profiles.ts'
import { checkedFigures, type DrillReport } from './report.ts'

export interface StopOptions {
  readonly name: 'stop' | 'stop-default'
  readonly rounds: number
  readonly times: Times
  /** Rounds under way at a time; each has a frozen worker. */
  readonly together: number
  readonly slots: number
  /** Workers that are not frozen, at the least. */
  readonly spare: number
  /** Executions of background work at a time. */
  readonly lanes: number
  /** Called once every round under way has its frozen worker: from here on, there is mostly waiting. */
  readonly onFrozen?: (() => void) | undefined
}

const calmCount = 60

/**
 * SIGSTOP of the worker in the middle of a run; SIGCONT only when the execution has come to rest without it. Every other
 * woken handler does not listen to its abort signal and sends what it was about to send.
 */
export async function stopDrill(options: StopOptions): Promise<DrillReport> {
  const { name, rounds, times, together, slots, spare, lanes } = options
  const cluster = new Cluster({ times })
  try {
    await cluster.start()
    const names = Array.from({ length: together + spare }, (_, index) => `worker-${index + 1}`)
    await Promise.all(names.map((identity, index) => cluster.addWorker(identity, { slots, overHttp: index % 2 === 1 })))
    const strokes: Stroke[] = []
    const failedRounds: string[] = []
    const zombies = new Zombies(cluster, strokes)
    const load = new Load(cluster, lanes)
    await load.more(lanes)
    const calmRate = lanes === 0 ? 0 : await rateOf(load, () => load.more(calmCount))
    let next = 0
    let frozen = 0
    const lane = async (): Promise<void> => {
      while (next < rounds) {
        const round = next++
        const point = points[round % points.length] ?? 'settle'
        const failure = await zombies.round(point, `stop-${round}`, round % 2 === 0, () => {
          frozen += 1
          if (frozen === Math.min(together, rounds)) options.onFrozen?.()
        })
        if (failure !== null) failedRounds.push(`round ${round + 1} (${point}): ${failure}`)
      }
    }
    const rate = await rateOf(load, async () => {
      await Promise.all(Array.from({ length: together }, lane))
    })
    await load.stop()
    const checked = await close(cluster, strokes)
    const checks: Check[] = [...checked.checks, silence(cluster)]
    if (lanes > 0) checks.push(progressFloor(calmRate, rate, rounds))
    return {
      name,
      rounds,
      failedRounds,
      checks,
      figures: {
        ...checkedFigures(checked),
        'zombies whose write was refused': zombies.refused,
        'zombies that told the recorded result again': zombies.agreed,
        'zombies that heard of the loss before they wrote': zombies.silent,
        'asked a person': checked.waited,
        'calm executions per second': lanes === 0 ? null : Number(calmRate.toFixed(1)),
        'executions per second': lanes === 0 ? null : Number(rate.toFixed(1)),
      },
    }
  } finally {
    await cluster.discard()
  }
}

class Zombies {
  refused = 0
  agreed = 0
  silent = 0
  readonly #cluster: Cluster
  readonly #strokes: Stroke[]
  readonly #busy = new Set<DrillWorker>()

  constructor(cluster: Cluster, strokes: Stroke[]) {
    this.#cluster = cluster
    this.#strokes = strokes
  }

  async round(point: Point, key: string, deaf: boolean, onFrozen: () => void): Promise<string | null> {
    const { signal, onlooker } = this.#cluster
    const { submitted, caught, victim } = await this.#catchFree(point, key, deaf)
    try {
      victim.child.kill('SIGSTOP')
      this.#strokes.push({ worker: victim.key, at: Date.now() })
      onFrozen()
      await signal.until('another worker to settle', () => onlooker.isSettled(submitted.id), 120_000)
      const state = onlooker.of(submitted.id)?.state
      // From here on the frozen process finds all it needs to go on with what it was about to do.
      caught.goOn()
      victim.child.kill('SIGCONT')
      const verdict = await this.#end(submitted, caught, victim, deaf)
      const expected = this.#caughtTwice(submitted, victim) ? 'waiting' : restingState(point, false)
      return state === expected ? verdict : `it came to rest as ${state}, not ${expected}`
    } finally {
      this.#busy.delete(victim)
    }
  }

  /** A worker freezes for one round at a time; a run caught in one that is taken already goes on. */
  async #catchFree(point: Point, key: string, deaf: boolean) {
    for (let attempt = 1; ; attempt += 1) {
      const command = { key: `${key}-${attempt}`, hold: point, blind: true, deaf }
      const submitted = await this.#cluster.submit(command)
      const caught = await this.#cluster.catch(submitted)
      const victim = await this.#cluster.holderOf(submitted)
      if (!this.#busy.has(victim)) {
        this.#busy.add(victim)
        return { submitted, caught, victim }
      }
      caught.goOn()
    }
  }

  /**
   * Whoever took the work over may be frozen by another round in the middle of an opaque effect: then nobody can tell,
   * and a person is asked whatever this round did.
   */
  #caughtTwice({ id }: Submitted, victim: DrillWorker): boolean {
    const db = new DatabaseSync(this.#cluster.database, { readOnly: true })
    try {
      const doubted = db
        .prepare('select worker from execution_effects where execution = ? and target = ? and state in (1, 2)')
        .all(id, targetKinds.indexOf('opaque') + 1)
      const frozen = new Set(this.#strokes.map(({ worker }) => worker))
      return doubted.some(({ worker }) => worker !== victim.key && frozen.has(Number(worker)))
    } finally {
      db.close()
    }
  }

  /** Waits until the woken run has written its last, and says what became of it. */
  async #end(
    { id, publicId }: Submitted,
    { fence, point }: Caught,
    victim: DrillWorker,
    deaf: boolean,
  ): Promise<string | null> {
    const { signal, onlooker } = this.#cluster
    const isEnding = (command: string): boolean => !notEnding.has(command)
    await signal.until(
      'a woken run to end',
      () =>
        victim.left.has(publicId) ||
        victim.written.some((each) => each.id === id && each.fence === fence && isEnding(each.command)),
    )
    const said = victim.written.filter((each) => each.id === id && each.fence === fence)
    const accepted = said.filter(({ refused }) => refused === null)
    if (said.length === 0) {
      if (deaf) return 'the woken run wrote nothing, so nothing was shown'
      // It heard of the loss before it came to write.
      this.silent += 1
      return null
    }
    if (accepted.length === 0) {
      await signal.until('the refused write to be recorded', () => onlooker.wasFenced(victim.key, id))
      this.refused += 1
      return null
    }
    // The very result that is on record may be told again; nothing is written for it.
    const isRepetition = point === 'settle' && accepted.every(({ command }) => command === 'succeed')
    if (!isRepetition) return `a write of the woken process was accepted: ${accepted[0]?.command}`
    this.agreed += 1
    return null
  }
}

const notEnding: ReadonlySet<string> = new Set([
  'progress',
  'record_step',
  'intend_effect',
  'record_effect',
  'reconcile_effect',
])
