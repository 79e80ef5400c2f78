import { actionRegistry } from '../../src/action/action.ts'
import { artifactMemory } from '../../src/artifacts/memory.ts'
import type { ArtifactStore } from '../../src/artifacts/store.ts'
import type { Hello } from '../../src/commit/order.ts'
import { internalId, type PublicIdKey } from '../../src/identity/public-id.ts'
import type { CellLimits } from '../../src/isolate/limits.ts'
import { inProcess } from '../../src/protocol/in-process.ts'
import type { WorkerProtocol } from '../../src/protocol/protocol.ts'
import type { Clock } from '../../src/time/clock.ts'
import { createWorker, type Worker } from '../../src/worker.ts'
import type { Beside } from './beside.ts'
import { type CarrierPorts, lossyProtocol } from './carrier.ts'
import { SimulatedCell } from './cell.ts'
import type { Dice } from './dice.ts'
import type { Outside } from './outside.ts'
import { scriptedActions } from './script.ts'
import { type StepPermits, stepPermits } from './step-permits.ts'

interface Process {
  readonly owner: string
  readonly worker: Worker
  isFrozen: boolean
  isStopping: boolean
}

export interface FleetPorts extends CarrierPorts {
  readonly dice: Dice
  readonly outside: Outside
  readonly beside: Beside
  /** Whether a process runs some of its work in processes of their own. */
  readonly isolation: Dice
  readonly idKey: PublicIdKey
  readonly log: (line: string) => void
}

const settings = { leaseMs: 30_000, heartbeatMs: 10_000, pollMs: 25_000, stallLimitMs: 60_000, cancelGraceMs: 10_000 }

/** The worker processes of one world: they are started, crash, freeze, stop and are started anew. */
export class Fleet {
  readonly #ports: FleetPorts
  readonly #processes: (Process | null)[] = []
  readonly #starts: number[] = []
  /** Processes of isolated runs, by their pid. */
  readonly #cells = new Map<number, SimulatedCell>()
  #nextPid = 1_000
  /** Process and identity behind each worker key, as they signed on. */
  readonly #owners = new Map<number, { readonly owner: string; readonly identity: string }>()

  constructor(ports: FleetPorts, size: number) {
    this.#ports = ports
    for (let slot = 0; slot < size; slot += 1) {
      this.#processes.push(null)
      this.#starts.push(0)
      this.#start(slot)
    }
  }

  registered(key: number, { incarnation, identity, pid }: Hello): void {
    this.#owners.set(key, { owner: this.#cells.get(pid)?.owner ?? incarnation, identity })
  }

  /** Whether one key is that of an isolated run's process, and the other that of the worker that started it. */
  isCellOf(cell: number, parent: number): boolean {
    const owner = this.#owners.get(cell)?.owner
    const found = [...this.#cells.values()].find((each) => each.owner === owner)
    return found !== undefined && found.parent === this.#owners.get(parent)?.owner
  }

  /** Whether the process behind this key is truly dead, whatever anybody knows. */
  isDead(key: number): boolean {
    const owner = this.#owners.get(key)?.owner
    return owner !== undefined && this.isOver(owner)
  }

  /** The key under which a process signed on last. */
  #keyOf(owner: string): number {
    let found = 0
    for (const [key, known] of this.#owners) if (known.owner === owner) found = key
    return found
  }

  isOver(owner: string): boolean {
    return this.#ports.scheduler.isKilled(owner)
  }

  #start(slot: number): void {
    const { scheduler, faults, writer, dice, outside, beside, isolation } = this.#ports
    const identity = `worker-${slot}`
    const starts = (this.#starts[slot] ?? 0) + 1
    this.#starts[slot] = starts
    const owner = `${identity}.${starts}`
    const clock = scheduler.clockOf(owner)
    const inner = () =>
      inProcess({
        orders: writer.orders(),
        settings,
        onRegistered: (key, name) => this.#lookAfterEarlier(key, name),
      })
    const memory = artifactMemory({ now: () => clock.now() })
    const artifacts: ArtifactStore = {
      ...memory,
      put: async (content, options) => {
        const stored = await memory.put(content, options)
        return new Promise((resolve) => {
          scheduler.post(owner, 'stores a file', () => resolve(stored))
        })
      },
    }
    const protocol = lossyProtocol({ scheduler, faults, writer }, owner, inner)
    const permits = this.#stepPermits(owner, clock, protocol)
    const isolates = isolation.chance(0.4)
    const worker = createWorker({
      protocol,
      actions: actionRegistry(scriptedActions({ owner, clock, outside, stepPermits: permits, beside, isolates })),
      ...(isolates ? { actionsModule: { module: 'simulated' } } : {}),
      openCell: (limits) => this.#openCell(owner, limits, protocol),
      identity,
      incarnation: owner,
      host: { host: 'simulated', pid: slot + 1, startedTicks: null, bootId: null },
      slots: dice.between(1, 2),
      clock,
      random: dice,
      artifacts,
      retry: { maxAttempts: 3, baseMs: 1_000, multiplier: 2, capMs: 20_000, jitter: 'full' },
      log: () => {},
    })
    this.#processes[slot] = { owner, worker, isFrozen: false, isStopping: false }
    scheduler.post(owner, 'starts', () => {
      worker.start().catch(() => {})
    })
  }

  #stepPermits(owner: string, clock: Clock, protocol: WorkerProtocol): StepPermits {
    const { idKey } = this.#ports
    return stepPermits({
      clock,
      send: (execution, command) => protocol.work(this.#keyOf(owner), internalId(execution, idKey) ?? 0, command),
    })
  }

  #openCell(parent: string, limits: CellLimits, protocol: WorkerProtocol): SimulatedCell {
    const { scheduler, outside, beside, faults } = this.#ports
    const pid = this.#nextPid++
    const owner = `${parent}/cell-${pid}`
    const clock = scheduler.clockOf(owner)
    const permits = this.#stepPermits(parent, clock, protocol)
    const actions = () => scriptedActions({ owner, clock, outside, stepPermits: permits, beside, isolates: true })
    const cell = new SimulatedCell(limits, { scheduler, faults, parent, owner, pid, actions })
    this.#cells.set(pid, cell)
    return cell
  }

  /** A successor signed on: whoever had the identity before and is dead is declared gone. */
  #lookAfterEarlier(key: number, identity: string): void {
    for (const [earlier, process] of this.#owners) {
      if (earlier === key || process.identity !== identity || !this.isDead(earlier)) continue
      this.#ports.faults.note('worker is declared gone by its successor')
      this.#declareGone(earlier, 'restart')
    }
  }

  #declareGone(key: number, cause: 'exit' | 'restart'): void {
    const { scheduler, writer } = this.#ports
    scheduler.post('supervisor', `declares worker ${key} gone`, () => {
      if (!writer.isUp) {
        scheduler.after('supervisor', 1_000, `tries again for ${key}`, () => this.#declareGone(key, cause))
        return
      }
      const order = { kind: 'gone' as const, worker: key, proof: `simulated ${cause}`, cause }
      writer.ask(
        () => writer.orders().give<'gone'>(order),
        (answer) => void answer.catch(() => this.#again(key, cause)),
        () => this.#again(key, cause),
      )
    })
  }

  #again(key: number, cause: 'exit' | 'restart'): void {
    const { scheduler } = this.#ports
    scheduler.after('supervisor', 1_000, `tries again for ${key}`, () => this.#declareGone(key, cause))
  }

  /** One blow of fate to one process. */
  disturb(): void {
    const { dice, faults, scheduler, log } = this.#ports
    const slot = dice.int(this.#processes.length)
    const process = this.#processes[slot]
    if (process === null || process === undefined || process.isFrozen || !faults.isOn) return
    const roll = dice.next()
    if (roll < 0.4) {
      faults.note('worker crashes')
      log(`${process.owner} crashes`)
      this.#end(slot, process, dice.chance(0.7))
    } else if (roll < 0.8) {
      const ms = dice.pick([2_000, 35_000, 90_000])
      faults.note(ms > settings.leaseMs ? 'worker freezes beyond its lease' : 'worker freezes for a moment')
      log(`${process.owner} freezes for ${ms} ms`)
      process.isFrozen = true
      scheduler.freeze(process.owner)
      scheduler.after('fate', ms, `thaws ${process.owner}`, () => this.#thaw(process))
    } else if (!process.isStopping) {
      faults.note('worker is asked to stop')
      this.#stop(slot, process)
    }
  }

  #thaw(process: Process): void {
    process.isFrozen = false
    this.#ports.scheduler.thaw(process.owner)
  }

  #stop(slot: number, process: Process): void {
    process.isStopping = true
    process.worker.stop({ graceMs: 3_000, abortMs: 1_000 }).then(
      () => this.#ports.scheduler.post(process.owner, 'ends', () => this.#end(slot, process, true)),
      () => this.#ports.scheduler.post(process.owner, 'ends', () => this.#end(slot, process, true)),
    )
  }

  #end(slot: number, process: Process, isSeen: boolean): void {
    const { scheduler, faults, dice } = this.#ports
    scheduler.kill(process.owner)
    this.#processes[slot] = null
    const cells = [...this.#cells.values()].filter(({ parent }) => parent === process.owner)
    for (const cell of cells) {
      if (scheduler.isKilled(cell.owner)) continue
      faults.note('cell is lost with its worker')
      // It notices by itself that its worker is gone.
      scheduler.after('fate', dice.int(500), `ends ${cell.owner}`, () => cell.kill())
    }
    const own = new Set([process.owner, ...cells.map((cell) => cell.owner)])
    for (const [key, { owner }] of this.#owners) {
      if (!own.has(owner) || !isSeen) continue
      faults.note('worker is declared gone after its exit')
      scheduler.after('supervisor', 500 + dice.int(8_000), `sees the end of ${owner}`, () =>
        this.#declareGone(key, 'exit'),
      )
    }
    scheduler.after('fate', dice.between(100, 20_000), `restarts worker-${slot}`, () => this.#restart(slot))
  }

  #restart(slot: number): void {
    if (this.#processes[slot] === null) this.#start(slot)
  }

  /** No more faults: everything frozen goes on. What was crashed is restarted by what is under way already. */
  recover(): void {
    for (const process of this.#processes) if (process?.isFrozen) this.#thaw(process)
  }
}
