import type { ControlPlane } from '../../src/control/control-plane.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { isApproved } from '../../src/execution/approval.ts'
import type { PersonCommand } from '../../src/execution/command.ts'
import { isTerminal } from '../../src/execution/machine.ts'
import { type PublicIdKey, publicId } from '../../src/identity/public-id.ts'
import type { SqliteViews } from '../../src/store/sqlite/views.ts'
import { type CarrierPorts, carry } from './carrier.ts'
import type { Dice } from './dice.ts'
import type { Outside } from './outside.ts'
import { actionNames, type Script, writeScript } from './script.ts'

export interface ApproversPorts extends CarrierPorts {
  /** Of its own, so that worlds without these people stay as they were. */
  readonly dice: Dice
  readonly views: SqliteViews
  readonly idKey: PublicIdKey
  readonly outside: Pick<Outside, 'edition'>
  readonly controlPlane: () => ControlPlane
  readonly count: (name: string) => void
  readonly gated: () => readonly { readonly id: number; readonly tenant: string }[]
}

interface Known {
  readonly id: number
  readonly tenant: string
}

/** What a large enough run should have seen of them. */
export const approverKinds = [
  'begun at level confirm',
  'begun at level plan_review',
  'begun at level step_by_step',
  'the same plan again',
  'another plan',
  'an approval lost its right',
] as const

const tenants = ['acme', 'globex'] as const
const requester = 'human:ada'
const voters = ['human:bob', 'human:eve', 'human:kim'] as const

/** People who ask for what others must agree to, who agree, take it back, let it go, and lose and get their rights. */
export class Approvers {
  readonly #ports: ApproversPorts
  #wishes = 0
  waiting = 0

  constructor(ports: ApproversPorts) {
    this.#ports = ports
  }

  /** Plans what is asked for in this world, and when somebody has time for it. */
  plan(): void {
    const { dice, scheduler } = this.#ports
    if (!dice.chance(0.25)) return
    for (let wishes = dice.between(1, 3); wishes > 0; wishes -= 1)
      scheduler.after('client', dice.between(0, 20_000), 'asks for what needs agreement', () => this.#submit())
    for (let deeds = dice.between(8, 24); deeds > 0; deeds -= 1)
      scheduler.after('operator', dice.between(500, 110_000), 'has time to agree', () => this.#look())
  }

  #submit(): void {
    const { dice, scheduler, controlPlane, count } = this.#ports
    const action = dice.pick([...actionNames, 'fleet.deploy', 'fleet.deploy'])
    const levels = [
      'confirm',
      'plan_review',
      ...(action === 'fleet.deploy' ? (['step_by_step'] as const) : []),
    ] as const
    const script: Script = { ...writeScript(dice, `agreed ${this.#wishes++}`), level: dice.pick(levels) }
    const by = { principal: requester, tenant: dice.pick(tenants) }
    const deadline = dice.chance(0.3) ? { deadline: scheduler.wall() + dice.pick([21_000, 60_000]) } : {}
    this.#say(
      'submit',
      () => controlPlane().trySubmit({ action, input: script, ...deadline }, by),
      (answer) => count(isRefusal(answer) ? `refusal ${answer.code}` : `asked at level ${script.level}`),
    )
  }

  #look(): void {
    const { dice, gated } = this.#ports
    const all = gated()
    if (all.length === 0) return
    const one = dice.pick(all)
    const roll = dice.next()
    if (roll < 0.62) this.#attend(one)
    else if (roll < 0.7) this.#command(one, { type: 'resume' }, dice.pick(voters))
    else if (roll < 0.78) this.#revoke(one)
    else if (roll < 0.86) this.#edit(one)
    else if (roll < 0.88) this.#command(one, { type: 'reject', step: null, reason: 'no' }, dice.pick(voters))
    else this.#changeRights(one)
  }

  /** Does what is missing: agrees, or lets it go. */
  #attend(one: Known): void {
    const { dice, views } = this.#ports
    const found = views.find(one.id)
    if (found === null || isTerminal(found.execution.state)) return
    const { gate } = found.execution
    const hash = gate?.planHash ?? null
    if (gate === null || hash === null) return
    const next = gate.rules.level === 'step_by_step' ? this.#nextStep(one.id) : null
    const isToAgree = !isApproved(gate) || (next !== null && dice.chance(0.7))
    if (!isToAgree) {
      this.#command(one, { type: 'resume' }, dice.pick(voters))
      return
    }
    const step = isApproved(gate) ? next : null
    const planHash = dice.chance(0.04) ? 'f'.repeat(64) : hash
    const who = dice.chance(0.1) ? [requester] : dice.chance(0.04) ? ['agent:bot'] : voters.slice(0, dice.between(1, 3))
    for (const voter of who) this.#command(one, { type: 'approve', planHash, step, groups: [] }, voter)
    if (dice.chance(0.5)) this.#command(one, { type: 'resume' }, dice.pick(voters))
  }

  #nextStep(id: number): number | null {
    const steps = this.#ports.views.planSteps(id, -1, 100)
    const next = steps.find(
      ({ state, approvedAt }) => approvedAt === null && (state === 'pending' || state === 'running'),
    )
    return next?.idx ?? null
  }

  #revoke(one: Known): void {
    const { dice, views } = this.#ports
    const step = dice.chance(0.3) ? this.#nextStep(one.id) : null
    const standing = views.votes(one.id).filter(({ endedAt }) => endedAt === null)
    const { voter, ...vote } = standing.length === 0 ? { voter: dice.pick(voters), step } : dice.pick(standing)
    this.#command(
      one,
      { type: 'revoke_approval', voter, step: vote.step, reason: 'changed my mind' },
      dice.pick(voters),
    )
  }

  /** The world that planners look at is another one, or only said to be. */
  #edit(one: Known): void {
    const { dice, outside } = this.#ports
    if (dice.chance(0.5)) outside.edition += 1
    this.#command(one, { type: 'replan' }, dice.pick(voters))
  }

  /** Takes somebody's rights for a while; the last who asked for something now and then among them. */
  #changeRights({ tenant }: Known): void {
    const { dice, scheduler } = this.#ports
    const principal = dice.chance(0.25) ? requester : dice.pick(voters)
    this.#grant(tenant, principal, 'viewer')
    if (dice.chance(0.8))
      scheduler.after('operator', dice.between(300, 20_000), 'gives a right back', () =>
        this.#grant(tenant, principal, 'operator'),
      )
  }

  /** In place of whatever he held. */
  #grant(tenant: string, principal: string, role: string): void {
    const { writer, count, views } = this.#ports
    const unsaid = { actions: null, subjects: null, levelMax: null, permissions: null, ref: null }
    const by = { tenant, principal: 'human:root', role: 'admin' }
    const granted = views
      .rights(0)
      .filter((change) => change.tenant === tenant && change.principal === principal && change.kind === 'grant')
    for (const { version } of granted) {
      const wanted = { ...unsaid, kind: 'revoke' as const, principal: null, role: '', ref: String(version) }
      this.#say('takes a right', () => writer.orders().give<'rights'>({ kind: 'rights', wanted, by, reason: 'r' }))
    }
    const wanted = { ...unsaid, kind: 'grant' as const, principal, role }
    this.#say(
      'gives a right',
      () => writer.orders().give<'rights'>({ kind: 'rights', wanted, by, reason: 'r' }),
      () => count(`granted ${role}`),
    )
  }

  #command({ id, tenant }: Known, command: PersonCommand, principal: string): void {
    const { controlPlane, count, idKey } = this.#ports
    const by = { principal, tenant }
    this.#say(
      command.type,
      () => controlPlane().command(publicId(id, idKey), command, by),
      (answer) => count(isRefusal(answer) ? `refusal ${answer.code}` : `command ${command.type}`),
    )
  }

  #say<T>(what: string, call: () => Promise<T>, then: (answer: T) => void = () => {}): void {
    this.waiting += 1
    carry(this.#ports, 'operator', what, call).then(
      (answer) => {
        this.waiting -= 1
        then(answer)
      },
      () => {
        this.waiting -= 1
      },
    )
  }
}
