import { actionRegistry } from '../../src/action/action.ts'
import type { Answer, OrderKind, OrderOf } from '../../src/commit/order.ts'
import { ControlPlane } from '../../src/control/control-plane.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { publicId, publicIdKey } from '../../src/identity/public-id.ts'
import { sha256 } from '../../src/json/hash.ts'
import type { Changes } from '../../src/store/rows.ts'
import { Prepared } from '../../src/store/sqlite/prepared.ts'
import type { Statements } from '../../src/store/sqlite/statements.ts'
import { SqliteViews } from '../../src/store/sqlite/views.ts'
import { audit } from './audit.ts'
import { Beside } from './beside.ts'
import { Checks } from './checks.ts'
import { freshDatabase } from './database.ts'
import { Desk } from './desk.ts'
import { dice } from './dice.ts'
import { Faults } from './faults.ts'
import { Fleet } from './fleet.ts'
import { Outside } from './outside.ts'
import { People } from './people.ts'
import { Quiet } from './quiet.ts'
import { Scheduler } from './scheduler.ts'
import { scriptedActions } from './script.ts'
import type { StepPermits } from './step-permits.ts'
import { Timetable } from './timetable.ts'
import type { Report, Violation } from './violation.ts'
import { type Call, Writer, type WriterPorts } from './writer.ts'

export interface WorldOptions extends Pick<WriterPorts, 'tape'> {
  readonly seed: number
  readonly statements?: Partial<Statements> | undefined
}

export interface WorldEnd {
  readonly violations: readonly Violation[]
  /** Every step, oldest first. */
  readonly trace: readonly string[]
  readonly traceHash: string
  readonly steps: number
  readonly counts: ReadonlyMap<string, number>
}

export const idKey = publicIdKey(new Uint8Array(16).fill(7))
const quietStepsMax = 6_000

/** Plays one seed: faults and people for a while, then calm, until everything has ended or waits for a person. */
export async function playWorld({ seed, statements, tape }: WorldOptions): Promise<WorldEnd> {
  const world = new World(seed, statements, tape)
  try {
    return await world.play()
  } catch (error) {
    return world.crashed(error)
  } finally {
    world.close()
  }
}

class World {
  readonly #dice
  readonly #scheduler
  readonly #faults
  readonly #writer
  readonly #fleet
  readonly #outside
  readonly #people
  readonly #desk
  readonly #timetable
  readonly #checks
  readonly #quiet
  readonly #cancelDice
  #cancelAtCall: number
  #calls = 0
  readonly #limits: boolean
  readonly #tenantConcurrency: number | null
  readonly #views
  readonly #db = freshDatabase()
  readonly #clock
  readonly #controlPlane = (): ControlPlane => this.#newControlPlane()
  readonly #trace: string[] = []
  readonly #violations: Violation[] = []
  readonly #counts = new Map<string, number>()
  readonly #count = (name: string): void => void this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
  readonly #report: Report = (invariant, message) => void this.#violations.push({ invariant, message })
  #traces = 0

  constructor(seed: number, statements: Partial<Statements> | undefined, tape: WriterPorts['tape']) {
    const random = dice(`world ${seed}`)
    const log = (line: string): void => void this.#trace.push(`  ${line}`)
    const scheduler = new Scheduler(random, random.pick([0, 0.01, 0.05, 0.15]))
    const faults = new Faults(random, this.#count)
    this.#dice = random
    this.#scheduler = scheduler
    this.#clock = scheduler.clockOf('nobody')
    this.#faults = faults
    this.#limits = random.chance(0.6)
    this.#tenantConcurrency = this.#limits ? random.pick([null, 1, 2]) : null
    this.#views = new SqliteViews(this.#db, new Prepared(this.#db))
    this.#checks = new Checks({
      db: this.#db,
      views: this.#views,
      report: this.#report,
      count: this.#count,
      isDead: (worker) => this.#fleet.isDead(worker),
      isCellOf: (cell, parent) => this.#fleet.isCellOf(cell, parent),
    })
    this.#quiet = new Quiet({ views: this.#views, scheduler, told: () => this.#checks.replay.executions.values() })
    this.#cancelDice = dice(`cancel ${seed}`)
    this.#cancelAtCall = this.#cancelDice.chance(0.4) ? this.#cancelDice.between(20, 1_200) : 0
    const onCall = (call: Call): void => this.#called(call)
    const onCommitted: WriterPorts['onCommitted'] = (changes, limits) => this.#committed(changes, limits)
    const onAnswer = (order: OrderOf<OrderKind>, answer: Answer): void => this.#answered(order, answer)
    this.#writer = new Writer({
      db: this.#db,
      idKey,
      scheduler,
      faults,
      statements,
      onCall,
      onCommitted,
      onAnswer,
      log,
      tape,
    })
    const carrier = { scheduler, faults, writer: this.#writer, dice: random }
    this.#outside = new Outside({
      scheduler,
      faults,
      dice: random,
      report: this.#report,
      isDead: (owner) => this.#fleet.isOver(owner),
      ledger: (execution, effectKey) => this.#told(execution)?.effects.get(effectKey),
      holds: (execution, fence) => {
        const told = this.#told(execution)
        return told?.state === 'running' && told.fence === fence
      },
    })
    const beside = new Beside({
      report: this.#report,
      count: this.#count,
      isAlone: (execution, fence) => {
        const told = this.#told(execution)
        return told?.fence === fence && told.isAlone
      },
    })
    this.#fleet = new Fleet(
      { ...carrier, outside: this.#outside, beside, isolation: dice(`isolation ${seed}`), idKey, log },
      random.between(2, 4),
    )
    this.#timetable = new Timetable({
      ...carrier,
      dice: dice(`timetable ${seed}`),
      views: this.#views,
      controlPlane: this.#controlPlane,
      report: this.#report,
      count: this.#count,
    })
    this.#people = new People({
      ...carrier,
      outside: this.#outside,
      report: this.#report,
      count: this.#count,
      controlPlane: this.#controlPlane,
      known: () => this.#executions(),
      openEffects: () =>
        this.#executions().flatMap(({ key, id, tenant }) =>
          this.#views
            .effects({ id: key, open: true, limit: 100 })
            .map((effect) => ({ id, tenant, effect, isDead: this.#fleet.isDead(effect.worker) })),
        ),
    })
    this.#desk = new Desk({
      ...carrier,
      dice: dice(`desk ${seed}`),
      controlPlane: this.#controlPlane,
      people: this.#people,
      count: this.#count,
      archived: () =>
        this.#executions().filter(({ key }) => this.#checks.replay.executions.get(key)?.isArchived === true),
    })
  }

  #newControlPlane(): ControlPlane {
    const unused = {
      owner: 'nobody',
      clock: this.#clock,
      outside: this.#outside,
      limits: this.#limits,
      stepPermits: nobodys,
      beside: null,
    }
    return new ControlPlane({
      host: {
        orders: this.#writer.orders(),
        views: this.#views,
        idKey,
        newestAt: 0,
        onCommit: () => () => {},
        onDue: () => () => {},
        port: () => null,
        close: async () => {},
      },
      actions: actionRegistry(scriptedActions(unused)),
      clock: this.#clock,
      queueMax: 25,
      retryPolicy: { maxAttempts: 3, baseMs: 1_000, multiplier: 2, capMs: 20_000, jitter: 'full' },
      newTraceId: () => `trace-${this.#traces++}`,
      tenantConcurrency: this.#tenantConcurrency,
    })
  }

  #told(execution: string) {
    for (const told of this.#checks.replay.executions.values()) if (publicId(told.id, idKey) === execution) return told
    return undefined
  }

  readonly #tenants = new Map<number, string>()

  #executions(): { key: number; id: string; tenant: string }[] {
    return [...this.#tenants].map(([key, tenant]) => ({ key, id: publicId(key, idKey), tenant }))
  }

  #committed(changes: Changes, limits: readonly OrderOf<'limit'>[]): void {
    for (const { request } of changes.admitted) this.#tenants.set(request.id, request.tenant)
    this.#timetable.committed(changes)
    this.#checks.committed(changes, limits)
  }

  #answered(order: OrderOf<OrderKind>, answer: Answer): void {
    if (!isRefusal(answer) && order.kind === 'register' && 'worker' in answer) {
      this.#fleet.registered(answer.worker as number, order.hello)
    }
    this.#checks.answered(order, answer)
  }

  /** Somebody wants to cancel just as the store is called, whatever for: one call in each world, another in every world. */
  #called(call: Call): void {
    this.#calls += 1
    if (this.#calls !== this.#cancelAtCall) return
    const running = [...this.#checks.replay.executions.values()].filter(({ state }) => state === 'running')
    if (running.length === 0) {
      this.#cancelAtCall += 1
      return
    }
    const { id } = this.#cancelDice.pick(running)
    this.#count(`cancel at a ${call} of the store`)
    const command = { type: 'cancel', reason: 'just now' } as const
    const order = { kind: 'command', id, tenant: null, command, principal: 'human:carol' } as const
    this.#writer
      .orders()
      .give<'command'>(order)
      .catch(() => {})
  }

  async play(): Promise<WorldEnd> {
    await this.#startWriter()
    this.#scheduleFate()
    this.#timetable.begin()
    this.#desk.plan()
    const stormSteps = this.#dice.between(80, 220)
    let steps = 0
    for (; steps < stormSteps && this.#violations.length === 0; steps += 1) await this.#step()
    this.#timetable.end()
    this.#faults.end()
    this.#fleet.recover()
    this.#endPauses()
    steps += await this.#untilQuiet('everything has ended or waits for a person')
    this.#people.resolveAll()
    steps += await this.#untilQuiet('everything has ended after people decided')
    if (this.#violations.length === 0) {
      audit({
        views: this.#views,
        tables: this.#checks.tables,
        report: this.#report,
        committed: this.#executions(),
        acknowledged: this.#people.acknowledged,
        told: (id) => this.#told(id),
      })
    }
    return this.#end(steps)
  }

  /** Something threw where nothing may. */
  crashed(error: unknown): WorldEnd {
    this.#report('crash', error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error))
    return this.#end(this.#trace.length)
  }

  #end(steps: number): WorldEnd {
    return {
      violations: this.#violations,
      trace: this.#trace,
      traceHash: sha256(this.#trace.join('\n')),
      steps,
      counts: this.#counts,
    }
  }

  /** Again and again: a pause that was under way may arrive behind the order that ends it. */
  #endPauses(): void {
    this.#people.unpauseAll()
    this.#scheduler.after('fate', 60_000, 'pauses end', () => this.#endPauses())
  }

  async #step(): Promise<void> {
    const label = this.#scheduler.step()
    this.#trace.push(`${this.#scheduler.now() - Date.UTC(2026, 0, 1)} ${label ?? 'nothing'}`)
    await drain()
    if (!this.#writer.isUp && !this.#isRestarting) this.#restartWriter()
  }

  async #untilQuiet(goal: string): Promise<number> {
    let most = quietStepsMax
    for (let steps = 1; this.#violations.length === 0; steps += 1) {
      await this.#step()
      if (this.#people.waiting === 0 && this.#writer.isUp && this.#quiet.isReached()) return steps
      if (steps > most) {
        if (this.#quiet.setsClockRight()) {
          this.#count('clock set right')
          most += quietStepsMax
          continue
        }
        const left = this.#quiet.left()
        const who = left.map(({ id, state, n }) => `${id} ${state} n ${n}`).join('; ')
        this.#trace.push(...this.#checks.tables.dump())
        this.#report('liveness', `not reached after ${steps} steps without faults: ${goal}. Left: ${who}`)
      }
    }
    return 0
  }

  #isRestarting = false

  #restartWriter(): void {
    this.#isRestarting = true
    this.#scheduler.after('fate', this.#dice.between(10, 4_000), 'restarts the writer', () => {
      void this.#startWriter()
    })
  }

  async #startWriter(): Promise<void> {
    this.#checks.restarted()
    await this.#writer.start(() => {
      this.#isRestarting = false
      this.#sweep(this.#writer.owner)
      this.#timetable.look(this.#writer.owner)
      this.#desk.begin()
    })
  }

  #sweep(owner: string): void {
    this.#scheduler.after(owner, 8_000, 'sweeps', () => {
      this.#writer.ask(
        () => this.#writer.orders().give<'sweep'>({ kind: 'sweep' }),
        (answer) => void answer.catch(() => {}),
        () => {},
      )
      this.#sweep(owner)
    })
  }

  /** People and blows of fate come at their own times. */
  #scheduleFate(): void {
    const { between, chance } = this.#dice
    for (let wishes = between(2, 6); wishes > 0; wishes -= 1) {
      this.#scheduler.after('client', between(0, 20_000), 'submits', () => this.#people.submit())
    }
    for (let deeds = between(0, 6); deeds > 0; deeds -= 1) {
      this.#scheduler.after('operator', between(200, 120_000), 'operates', () => this.#people.operate())
    }
    for (let blows = between(0, 4); blows > 0; blows -= 1) {
      this.#scheduler.after('fate', between(100, 90_000), 'disturbs', () => this.#fleet.disturb())
    }
    const crowd = this.#cancelDice
    if (crowd.chance(0.04))
      this.#scheduler.after('client', between(0, 5_000), 'comes in a crowd', () => this.#people.crowd(crowd))
    if (chance(0.2)) this.#scheduler.after('fate', between(1_000, 60_000), 'sets the clock', () => this.#jump())
  }

  #jump(): void {
    if (!this.#faults.isOn) return
    const byMs = this.#dice.pick([3_000, 31_000, 200_000, -500, -31_000, -3_600_000])
    this.#faults.note(byMs > 0 ? 'clock jumps forward' : 'clock jumps back')
    this.#scheduler.jump(byMs)
  }

  close(): void {
    this.#db.close()
  }
}

/** Actions of the control plane are never run. */
const nobodys: StepPermits = { take: () => Promise.resolve(), give: () => Promise.resolve() }

/** Lets every promise settle that can settle without the scheduler. */
const drain = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })
