import type { SubmitRequest } from '../../src/admit/request.ts'
import type { OrderOf } from '../../src/commit/order.ts'
import type { ControlPlane } from '../../src/control/control-plane.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import type { PersonCommand } from '../../src/execution/command.ts'
import type { Effect } from '../../src/execution/execution.ts'
import type { ExecutionView } from '../../src/projections/view.ts'
import type { Pause } from '../../src/store/rows.ts'
import { type CarrierPorts, carry } from './carrier.ts'
import type { Dice } from './dice.ts'
import type { Outside } from './outside.ts'
import { actionNames, type Script, signalNames, writeScript } from './script.ts'
import type { Report } from './violation.ts'
import { poison } from './writer.ts'

export interface PeoplePorts extends CarrierPorts {
  readonly dice: Dice
  readonly outside: Outside
  readonly report: Report
  readonly count: (name: string) => void
  readonly controlPlane: () => ControlPlane
  /** The executions that exist. */
  readonly known: () => readonly Known[]
  /** Open effects as people are shown them, with whether the process that called is dead. */
  readonly openEffects: () => readonly OpenEffect[]
}

export interface Known {
  /** Public id. */
  readonly id: string
  readonly tenant: string
}

export interface OpenEffect extends Known {
  readonly effect: Effect
  readonly isDead: boolean
}

interface KeyRecord {
  readonly id: string
  readonly text: string
}

const tenants = ['acme', 'globex'] as const

/** Clients that submit, and operators who cancel, retry, redrive, pause and decide; all over the same bad network. */
export class People {
  readonly #ports: PeoplePorts
  readonly #keys = new Map<string, KeyRecord>()
  /** Executions whose admission was acknowledged: they may never be lost. */
  readonly acknowledged = new Set<string>()
  readonly #pauses: Pick<Pause, 'scope' | 'value' | 'tenant'>[] = []
  #submissions = 0
  /** Keys whose execution somebody may have replaced or run again. */
  readonly #moving = new Set<string>()
  readonly #named = new Set<string>()
  #signals = 0
  waiting = 0

  constructor(ports: PeoplePorts) {
    this.#ports = ports
  }

  /** A client wants something done, now and then twice, now and then with a key that was used before. */
  submit(): void {
    const { dice } = this.#ports
    const tenant = dice.pick(tenants)
    const note = dice.chance(0.04) ? poison : `wish ${this.#submissions++}`
    const script = writeScript(dice, note)
    const request: SubmitRequest = {
      action: dice.pick(actionNames),
      input: script,
      ...(dice.chance(0.7) ? { key: `key-${dice.int(5)}` } : {}),
      ...(dice.chance(0.5) ? { subject: `quote:${dice.int(2)}` } : {}),
      ...(dice.chance(0.3) ? { priority: dice.between(-2, 2) } : {}),
      ...(dice.chance(0.2) ? { delay: dice.pick([500, 20_000]) } : {}),
      ...(dice.chance(0.15) ? { deadline: this.#ports.scheduler.wall() + dice.pick([21_000, 60_000, 150_000]) } : {}),
      ...(dice.chance(0.06) ? { recordOnly: true } : {}),
      ...(dice.chance(0.1) ? { mode: 'immediate' as const } : {}),
      ...(dice.chance(0.15) ? { dedupe: dice.pick(['supersede', 'debounce'] as const), delay: 20_000 } : {}),
    }
    const again = dice.chance(0.25)
    this.#send(tenant, request, script, 0)
    if (again)
      this.#send(tenant, dice.chance(0.6) ? request : { ...request, input: { ...script, note: 'other' } }, script, 0)
  }

  /** More of them may run for a moment, and then fewer than by then do. */
  #squeeze(dice: Dice): void {
    const { scheduler } = this.#ports
    const set = (capacity: number | null): void =>
      this.#order({
        kind: 'limit',
        tenant: '',
        key: 'action:crm.sync',
        capacity,
        by: 'human:alice',
        reason: 'simulated',
      })
    set(3)
    scheduler.after('operator', dice.pick([0, 1, 20]), 'lowers a limit', () => set(1))
    scheduler.after('operator', dice.between(20_000, 60_000), 'lifts a limit', () => set(null))
  }

  /** Many at once, so that whoever is of a lower rank or came first has to be thought of. */
  crowd(dice: Dice): void {
    if (dice.chance(0.6)) this.#squeeze(dice)
    for (let index = 0; index < 40; index += 1) {
      const script: Script = { lines: [{ do: 'progress', name: 'progress' }], note: `crowd ${index}`, locks: [] }
      const request = { action: actionNames[0], input: script, priority: dice.pick([-2, 0, 1, 2]) }
      this.#send(dice.pick(tenants), request, script, 0)
    }
  }

  #send(tenant: string, request: SubmitRequest, script: Script, repeated: number): void {
    const { scheduler, controlPlane } = this.#ports
    const by = { principal: 'service:client', tenant }
    const key = keyName(tenant, request)
    if (key !== null) this.#named.add(key)
    if (key !== null && request.dedupe !== undefined) this.#moving.add(key)
    this.waiting += 1
    carry(this.#ports, 'client', 'submit', () => controlPlane().trySubmit(request, by)).then(
      (answer) => {
        this.waiting -= 1
        if (isRefusal(answer)) this.#refused(answer.code, tenant, request)
        else this.#admitted(answer.execution, tenant, request)
      },
      () => {
        this.waiting -= 1
        if (request.key === undefined || repeated >= 4) return
        scheduler.after('client', 700, 'submits again', () => this.#send(tenant, request, script, repeated + 1))
      },
    )
  }

  #admitted({ id, generation }: ExecutionView, tenant: string, request: SubmitRequest): void {
    this.acknowledged.add(id)
    if (generation > 1) this.#ports.count('a key moved on')
    const key = keyName(tenant, request)
    if (key === null) return
    const name = `${key} ${generation}`
    const text = JSON.stringify(request.input)
    const known = this.#keys.get(name)
    if (known === undefined) this.#keys.set(name, { id, text })
    else if (known.id !== id) this.#ports.report('I6', `${name} belongs to ${known.id} and to ${id}`)
    else if (known.text !== text) this.#ports.report('I7', `${name} answered another input`)
  }

  #refused(code: string, tenant: string, request: SubmitRequest): void {
    this.#ports.count(`refusal ${code}`)
    if (code !== 'idempotency_key_reused') return
    const key = keyName(tenant, request) ?? ''
    // A key that may have moved on is held by other input today.
    if (this.#moving.has(key)) return
    const known = this.#keys.get(`${key} 1`)
    if (known?.text === JSON.stringify(request.input))
      this.#ports.report('I6', `a repeated submit was refused: ${code}`)
  }

  /** An operator does something to some execution, sensible or not. */
  operate(): void {
    const { dice, known, openEffects } = this.#ports
    const executions = known()
    if (executions.length === 0) return
    const roll = dice.next()
    const open = openEffects()
    if (open.length > 0 && roll < 0.35) this.#resolve(dice.pick(open))
    else if (roll < 0.5) this.#pause()
    else if (roll < 0.58) this.#limit()
    else if (roll < 0.8) this.#signal(dice.pick(executions))
    else this.#commandOne(dice.pick(executions))
  }

  /** Now and then twice, as one who got no answer does. */
  #signal(known: Known): void {
    const { dice, scheduler } = this.#ports
    const dedupe = dice.chance(0.5) ? `signal ${this.#signals++}` : null
    const command = { type: 'signal' as const, name: dice.pick(signalNames), payload: `${this.#signals}`, dedupe }
    this.#command(known, command, undefined)
    if (dedupe === null || dice.chance(0.5)) return
    scheduler.after('operator', dice.between(1, 9_000), 'signals again', () => this.#command(known, command, undefined))
  }

  #commandOne(known: Known): void {
    const { dice, scheduler } = this.#ports
    if (dice.chance(0.25)) {
      this.#rerun(known)
      return
    }
    const command = dice.pick<PersonCommand>([
      { type: 'cancel', reason: 'changed my mind' },
      { type: 'cancel', reason: null },
      { type: 'retry' },
      { type: 'redrive', reason: 'try once more' },
    ])
    this.#command(known, command, dice.chance(0.15) ? dice.between(1, 12) : undefined)
    if (command.type !== 'cancel' || dice.chance(0.6)) return
    scheduler.after('operator', dice.between(500, 20_000), 'redrives', () =>
      this.#command(known, { type: 'redrive', reason: 'changed it again' }, undefined),
    )
  }

  #rerun({ id, tenant }: Known): void {
    const { controlPlane, count } = this.#ports
    this.waiting += 1
    const by = { principal: 'human:alice', tenant }
    carry(this.#ports, 'operator', 'rerun', () => controlPlane().rerun(id, by)).then(
      (answer) => {
        this.waiting -= 1
        count(isRefusal(answer) ? `refusal ${answer.code}` : 'command rerun')
        if (!isRefusal(answer)) this.acknowledged.add(answer.id)
      },
      () => {
        this.waiting -= 1
      },
    )
    this.mayMoveKeys()
  }

  /** Whatever key is run again, known here or not, may move on. */
  mayMoveKeys(): void {
    for (const name of this.#named) this.#moving.add(name)
  }

  /** Operators look before they say "no": only where nothing can arrive any more. */
  #resolve({ id, tenant, effect, isDead }: OpenEffect): void {
    const { dice, outside } = this.#ports
    const place = { execution: id, name: effect.name }
    const isCertain = isDead && !outside.isUnderWay(place)
    const no = isCertain && dice.chance(0.7) ? 'not_applied' : 'unknown_accepted'
    const verdict = outside.happened(place) ? 'applied' : no
    const value = verdict === 'applied' ? JSON.stringify(`did ${effect.name}`) : null
    const { effectKey } = effect
    this.#command({ id, tenant }, { type: 'resolve_effect', effectKey, verdict, value, reason: 'looked' }, undefined)
  }

  /** Decides every effect that is still open. */
  resolveAll(): void {
    for (const open of this.#ports.openEffects()) this.#resolve(open)
  }

  #command({ id, tenant }: Known, command: PersonCommand, ifVersion: number | undefined): void {
    const { dice, controlPlane, count, report } = this.#ports
    const isStranger = dice.chance(0.05)
    const by = { principal: 'human:alice', tenant: isStranger ? 'initech' : tenant }
    this.waiting += 1
    carry(this.#ports, 'operator', command.type, () => controlPlane().command(id, command, by, ifVersion)).then(
      (answer) => {
        this.waiting -= 1
        count(isRefusal(answer) ? `refusal ${answer.code}` : `command ${command.type}`)
        if (isStranger && !(isRefusal(answer) && answer.code === 'not_found')) {
          report('I26', `${command.type} of another tenant reached execution ${id}`)
        }
      },
      () => {
        this.waiting -= 1
      },
    )
  }

  #pause(): void {
    const { dice } = this.#ports
    const scope = dice.pick(['all', 'tenant', 'action', 'subject'] as const)
    const value = { all: '', tenant: dice.pick(tenants), action: dice.pick(actionNames), subject: 'quote:0' }[scope]
    const pause = { scope, value, tenant: dice.chance(0.3) ? dice.pick(tenants) : null }
    this.#pauses.push(pause)
    this.#orderPause(pause, true)
    if (dice.chance(0.3)) this.#orderPause(pause, false)
    const { scheduler } = this.#ports
    scheduler.after('operator', dice.between(1_000, 40_000), 'unpauses', () => this.#orderPause(pause, false))
  }

  #orderPause(pause: Pick<Pause, 'scope' | 'value' | 'tenant'>, on: boolean): void {
    const { writer, count } = this.#ports
    this.waiting += 1
    const pacePerSecond = on ? undefined : this.#ports.dice.pick([undefined, 1, 40])
    const order = {
      kind: 'pause' as const,
      pause: { ...pause, reason: 'simulated', by: 'human:alice' },
      on,
      pacePerSecond,
    }
    carry(this.#ports, 'operator', on ? 'pause' : 'unpause', () => writer.orders().give<'pause'>(order)).then(
      () => {
        this.waiting -= 1
        count(on ? 'command pause' : 'command unpause')
      },
      () => {
        this.waiting -= 1
        if (!on) this.#ports.scheduler.after('operator', 2_000, 'unpauses again', () => this.#orderPause(pause, false))
      },
    )
  }

  /** Sets or lifts a capacity, or breaks a lock, whether it is one that somebody needs or not. */
  #limit(): void {
    const { dice } = this.#ports
    const shared = dice.chance(0.3)
    const of = shared
      ? { tenant: '', key: 'action:crm.sync' }
      : { tenant: dice.pick(tenants), key: dice.pick(['asset:a', 'asset:b', 'asset:d', 'tenant']) }
    const order: OrderOf<'limit' | 'break'> = dice.chance(0.5)
      ? { kind: 'limit', ...of, capacity: dice.pick([null, 1, 2, 3, 3, -1, 0]), by: 'human:alice', reason: 'simulated' }
      : { kind: 'break', ...of, execution: null, principal: 'human:alice', reason: 'simulated' }
    this.#order(order)
  }

  #order(order: OrderOf<'limit' | 'break'>): void {
    const { writer } = this.#ports
    this.waiting += 1
    carry(this.#ports, 'operator', order.kind, () => writer.orders().give<'limit' | 'break'>(order)).then(
      () => {
        this.waiting -= 1
      },
      () => {
        this.waiting -= 1
      },
    )
  }

  /** Nothing stays paused. */
  unpauseAll(): void {
    for (const pause of this.#pauses) this.#orderPause(pause, false)
  }
}

function keyName(tenant: string, { action, key, recordOnly }: SubmitRequest): string | null {
  return key === undefined ? null : `${tenant} ${action} ${recordOnly ?? false} ${key}`
}
