import type { ControlPlane } from '../../src/control/control-plane.ts'
import { fireDueSchedules } from '../../src/schedule/scheduler.ts'
import type { Changes } from '../../src/store/rows.ts'
import type { SqliteViews } from '../../src/store/sqlite/views.ts'
import { type CarrierPorts, carry } from './carrier.ts'
import type { Dice } from './dice.ts'
import { writeScript } from './script.ts'
import type { Report } from './violation.ts'

export interface TimetablePorts extends CarrierPorts {
  /** Of its own, so that worlds without schedules stay as they were. */
  readonly dice: Dice
  readonly views: Pick<SqliteViews, 'dueSchedules'>
  readonly controlPlane: () => ControlPlane
  readonly report: Report
  readonly count: (name: string) => void
}

const by = { principal: 'human:alice', tenant: 'acme' }
const name = 'rounds'

/** A schedule, two lookers whose clocks are set forward and back, and people who pause, backfill and delete it. */
export class Timetable {
  readonly #ports: TimetablePorts
  readonly #fired = new Map<string, number>()
  readonly #isThere: boolean
  #isOver = false
  #skewMs = 0

  constructor(ports: TimetablePorts) {
    this.#ports = ports
    this.#isThere = ports.dice.chance(0.2)
  }

  /** Some worlds have a schedule. */
  begin(): void {
    const { dice, scheduler } = this.#ports
    if (!this.#isThere) return
    const input = writeScript(dice, 'scheduled')
    const misfire = dice.pick(['skip', 'latest', 'all'] as const)
    const cron = dice.pick(['*/20 * * * * *', '* * * * *'])
    const request = { name, action: 'crm.sync', input, cron, misfire, catchUpMax: 3 }
    this.#person('schedule create', () => this.#ports.controlPlane().schedules.create(request, by))
    scheduler.after('operator', dice.between(20_000, 90_000), 'operates a schedule', () => this.#operate())
    scheduler.after('fate', dice.between(10_000, 60_000), 'sets the clock of a looker', () => {
      this.#skewMs = dice.pick([-45_000, 30_000, 130_000])
    })
  }

  /** The duty of a writer's process, twice: a former leader may not know yet that it is none. */
  look(owner: string): void {
    if (!this.#isThere) return
    this.#lookEvery(3_000, owner)
    this.#lookEvery(7_000, owner)
  }

  #lookEvery(ms: number, owner: string): void {
    const { scheduler, writer, dice, views, controlPlane } = this.#ports
    scheduler.after(owner, ms, 'looks at schedules', () => {
      if (this.#isOver) return
      const skewMs = dice.chance(0.5) ? this.#skewMs : 0
      const real = scheduler.clockOf(owner)
      const clock = { ...real, now: () => real.now() + skewMs }
      writer.ask(
        () =>
          fireDueSchedules({
            views,
            orders: writer.orders(),
            check: controlPlane().check,
            policies: controlPlane().policies,
            clock,
            log: () => {},
          }),
        (begun) => void begun.then((count) => count > 0 && this.#ports.count('schedule fired')).catch(() => {}),
        () => {},
      )
      this.#lookEvery(ms, owner)
    })
  }

  /** I23: an occurrence begins at most one execution, and not before its time. */
  committed(changes: Changes): void {
    const { report } = this.#ports
    for (const { request, execution } of changes.admitted) {
      // What a person runs again is no occurrence of its own.
      if (request.key?.startsWith('schedule:') !== true || request.rerunOf !== null) continue
      const at = Date.parse(request.key.slice(`schedule:${name}:`.length))
      if (this.#fired.has(request.key))
        report('I23', `${request.key} began ${this.#fired.get(request.key)} and ${request.id}`)
      if (execution.availableAt < at)
        report('I23', `${request.key} may run at ${execution.availableAt}, before its time`)
      this.#fired.set(request.key, request.id)
    }
  }

  /** Nothing fires any more, so that the world comes to rest. */
  end(): void {
    this.#isOver = true
  }

  #operate(): void {
    const { dice, scheduler, controlPlane } = this.#ports
    const now = scheduler.now()
    const range = { from: new Date(now - 120_000).toISOString(), to: new Date(now).toISOString() }
    const deed = dice.pick(['pause', 'backfill', 'delete'] as const)
    this.#person(`schedule ${deed}`, () => {
      const { schedules } = controlPlane()
      if (deed === 'backfill') return schedules.backfill(name, range, by)
      return deed === 'pause' ? schedules.pause(name, by) : schedules.delete(name, by)
    })
    if (deed !== 'pause') return
    scheduler.after('operator', dice.between(5_000, 60_000), 'unpauses a schedule', () =>
      this.#person('schedule unpause', () => controlPlane().schedules.unpause(name, by)),
    )
  }

  #person(what: string, deed: () => Promise<unknown>): void {
    carry(this.#ports, 'operator', what, deed).then(
      () => this.#ports.count(what),
      () => {},
    )
  }
}
