import { BulkCommands, type BulkRequest } from '../../src/control/bulk-commands.ts'
import type { ControlPlane } from '../../src/control/control-plane.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { type CarrierPorts, carry } from './carrier.ts'
import type { Dice } from './dice.ts'
import type { People } from './people.ts'

export interface DeskPorts extends CarrierPorts {
  /** Of its own, so that worlds without these deeds stay as they were. */
  readonly dice: Dice
  readonly controlPlane: () => ControlPlane
  readonly people: Pick<People, 'mayMoveKeys'>
  readonly count: (name: string) => void
  /** Executions in an archive. */
  readonly archived: () => readonly { readonly id: string; readonly tenant: string }[]
}

/** What a large enough run should have seen of them. */
export const deskKinds = [
  'bulk cancel',
  'bulk retry',
  'bulk redrive',
  'bulk rerun',
  'bulk canceled',
  'archive run',
  'restored',
  'timeout policy set',
  'refusal execution_archived',
] as const

const tenants = ['acme', 'globex'] as const

/** Operators who command many executions at once, put away what has ended, bring it back and change timeouts meanwhile. */
export class Desk {
  readonly #ports: DeskPorts
  #bulks: BulkCommands | undefined

  constructor(ports: DeskPorts) {
    this.#ports = ports
  }

  /** Comes and goes with the writer's process: a new one goes on with what a former one left. */
  begin(): void {
    const { scheduler, writer, controlPlane, count } = this.#ports
    const { owner } = writer
    const bulks = new BulkCommands(controlPlane(), scheduler.clockOf(owner), () => {})
    this.#bulks = bulks
    const open = controlPlane().host.views.openBulks() as readonly { readonly state: string }[]
    if (open.some(({ state }) => state === 'running')) count('bulk resumed')
    const resume = (): void => {
      bulks.resume(Number.POSITIVE_INFINITY).catch(() => scheduler.after(owner, 1_000, 'resumes bulk commands', resume))
    }
    if (open.length > 0) resume()
  }

  /** Plans what is done in this world, and when. */
  plan(): void {
    const { dice, scheduler } = this.#ports
    for (let deeds = dice.pick([0, 0, 1, 2, 3]); deeds > 0; deeds -= 1)
      scheduler.after('operator', dice.between(300, 110_000), 'sits at a desk', () => this.#operate())
  }

  #operate(): void {
    const { dice } = this.#ports
    const by = { principal: 'human:bob', tenant: dice.pick(tenants) }
    const roll = dice.next()
    if (roll < 0.35) this.#bulk(by)
    else if (roll < 0.6) this.#archive(by)
    else if (roll < 0.75) this.#squeeze()
    else if (roll < 0.85) this.#restore()
    else this.#policy(by)
  }

  #bulk(by: { principal: string; tenant: string }): void {
    const { dice, people, scheduler } = this.#ports
    const command = dice.pick(['cancel', 'retry', 'redrive', 'rerun'] as const)
    const left = dice.pick(['failed', 'expired', 'canceled'] as const)
    const state = { cancel: 'queued', retry: 'retryable_failed', redrive: left, rerun: 'succeeded' }[command]
    const where = dice.chance(0.6) ? [] : [{ field: 'state' as const, not: false, anyOf: [state] }]
    const request: BulkRequest = { command, query: 'simulated', where, reason: 'simulated' }
    if (command === 'rerun') people.mayMoveKeys()
    this.#person(`bulk ${command}`, async () => {
      const begun = await this.#mine().start(request, by)
      if (!isRefusal(begun) && dice.chance(0.3)) {
        scheduler.after('operator', dice.between(1, 400), 'ends a bulk command', () =>
          this.#person('bulk canceled', () => this.#mine().cancel(begun.id, by)),
        )
      }
      return begun
    })
  }

  #archive(by: { principal: string; tenant: string }): void {
    const { dice, controlPlane, scheduler } = this.#ports
    const request = {
      olderThan: dice.pick([1, 5_000, 30_000]),
      dryRun: dice.chance(0.1),
      ...(dice.chance(0.3) ? { limit: dice.between(1, 3) } : {}),
      ...(dice.chance(0.2) ? { state: 'succeeded' as const } : {}),
    }
    this.#person('archive run', () => controlPlane().archives.run(request, by))
    if (!dice.chance(0.6)) return
    scheduler.after('operator', dice.between(2_000, 30_000), 'looks into the archive', () => this.#restore())
  }

  /** More than one, and then fewer than by then may hold it. */
  #squeeze(): void {
    const { dice, scheduler } = this.#ports
    const key = dice.pick(['action:crm.sync', 'action:crm.sync', 'action:fleet.deploy'])
    this.#limit(key, 3)
    scheduler.after('operator', dice.between(500, 15_000), 'lowers a limit', () => this.#limit(key, 1))
    scheduler.after('operator', dice.between(20_000, 60_000), 'lifts a limit', () => this.#limit(key, null))
  }

  #limit(key: string, capacity: number | null): void {
    const { writer } = this.#ports
    const order = { kind: 'limit', tenant: '', key, capacity, by: 'human:bob', reason: 'simulated' } as const
    this.#person('limit squeezed', () => writer.orders().give<'limit'>(order))
  }

  #restore(): void {
    const { dice, archived, controlPlane } = this.#ports
    const found = archived()
    if (found.length === 0) return
    const { id, tenant } = dice.pick(found)
    this.#person('restored', () => controlPlane().restore(id, { principal: 'human:bob', tenant }))
  }

  #policy(by: { principal: string; tenant: string }): void {
    const { dice, controlPlane } = this.#ports
    const policy = {
      slaClass: dice.pick(['*', 'standard', 'critical']),
      actionClass: dice.pick(['*', 'default']),
      attemptMs: dice.pick([null, 6_000, 30_000]),
      overallMs: dice.pick([null, 70_000, 40_000]),
      reason: 'simulated',
    }
    this.#person('timeout policy set', () => controlPlane().policies.setTimeouts(policy, by))
  }

  #mine(): BulkCommands {
    if (this.#bulks === undefined) throw new Error('nobody sits at the desk')
    return this.#bulks
  }

  #person(what: string, deed: () => Promise<unknown>): void {
    const { count } = this.#ports
    carry(this.#ports, 'operator', what, deed).then(
      (answer) => count(isRefusal(answer) ? `refusal ${answer.code}` : what),
      () => {},
    )
  }
}
