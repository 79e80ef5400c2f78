import { afterAll, describe, expect, test } from 'vitest'
import type { ControlCommand, WorkerCommand } from '../../../src/execution/command.ts'
import { sqlite } from '../../../src/sqlite.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { admissionOf, type Op, StoreDriver } from '../../approvals/drivers.ts'
import type { Rules } from '../../approvals/oracle.ts'
import { gateOf } from '../../approvals/setting.ts'

const clock = new VirtualClock()
const host = await sqlite({ path: ':memory:', clock, soon: queueMicrotask })
afterAll(() => host.close())

const digest = 'd'.repeat(64)
let number = 0

/** One execution whose plan, and each step of it, human:bob has approved; given to a worker. */
class Approved {
  readonly #name = `between${++number}`
  readonly driver = new StoreDriver(host, clock, this.#name)
  readonly #rules: Rules
  hash = ''

  constructor(level: Rules['level']) {
    const ways = { quorum: 1, groups: [], useByMs: null, selfApproval: false, planMaxAgeMs: null }
    this.#rules = { level, ...ways, resume: 'manual', isPlanned: true, steps: 2 }
  }

  async begin(): Promise<void> {
    // Rights are a tenant's.
    await this.driver.begin(admissionOf(gateOf(this.#rules), true, this.#name))
    await this.plan('web')
    this.hash = (await this.driver.row()).gate.planHash ?? ''
    const steps = this.#rules.level === 'step_by_step' ? [null, 0, 1] : [null]
    for (const step of steps) await this.say({ type: 'approve', planHash: this.hash, step, groups: [] })
    await this.say({ type: 'resume' })
  }

  async plan(on: string): Promise<void> {
    const fence = (await this.driver.claim()) ?? 0
    const handler = { handlers: ['go'], handlerDigest: digest, secrets: [], reads: '[]', parallel: 1, ordered: true }
    const steps = [0, 1].map((idx) => ({ step: 'go', target: `${on}-${idx}`, args: '{}', effects: ['do'] }))
    await this.work({ type: 'planned', fence, summary: 's', ...handler, steps })
  }

  async say(command: ControlCommand): Promise<string | null> {
    return await this.give({ kind: 'command', who: 'human:bob', command })
  }

  async give(op: Op): Promise<string | null> {
    return (await this.driver.give([op]))[0] ?? null
  }

  async work(command: WorkerCommand): Promise<string | null> {
    return (await this.driver.give([{ kind: 'work', command }]))[0] ?? null
  }
}

/** All that a worker says about both steps, in order. */
function statements(fence: number): readonly WorkerCommand[] {
  const told = [0, 1].flatMap((idx): WorkerCommand[] => {
    const effectKey = `${idx}`.repeat(64)
    const effect = { effectKey, step: `go[web-${idx}]`, name: 'do', ordinal: 0, target: 'keyed' as const }
    const settled = { state: 'succeeded' as const, value: '1', errorClass: null, error: null }
    return [
      { type: 'begin_target', fence, idx, tries: 1 },
      { type: 'intend_effect', fence, worker: 1, idx, ...effect, reconcilable: false },
      { type: 'record_effect', fence, effectKey, outcome: { kind: 'applied', value: '1' } },
      { type: 'settle_target', fence, idx, ...settled },
    ]
  })
  return [...told, { type: 'succeed', fence, result: '1', fingerprint: digest }]
}

const saidByBob = (command: ControlCommand): Op => ({ kind: 'command', who: 'human:bob', command })
const revoke = (step: number | null): Op =>
  saidByBob({ type: 'revoke_approval', voter: 'human:bob', step, reason: 'r' })
/** Whoever is granted something has what he was granted, and nothing else from then on. */
const grant = (principal: string, role: string, levelMax: number | null = null): Op => ({
  kind: 'rights',
  wanted: { kind: 'grant', principal, role, levelMax, actions: null, subjects: null, permissions: null, ref: null },
})
const all = () => true
const ways: Readonly<Record<string, { readonly op: Op; readonly stops: (idx: number) => boolean }>> = {
  'a revocation': { op: revoke(null), stops: all },
  'a revocation of the first step': { op: revoke(0), stops: (idx) => idx === 0 },
  'a revocation of the second step': { op: revoke(1), stops: (idx) => idx === 1 },
  'a cancel': { op: saidByBob({ type: 'cancel', reason: null }), stops: all },
  'the loss of the right to agree': { op: grant('human:bob', 'submitter'), stops: all },
  'a lower level for whoever has agreed': { op: grant('human:bob', 'operator', 0), stops: all },
  'the loss of the right to ask': { op: grant('human:ada', 'viewer'), stops: all },
}
const count = statements(0).length

describe.each(['confirm', 'plan_review', 'step_by_step'] as const)('at level %s', (level) => {
  const some = Object.keys(ways).filter((name) => level === 'step_by_step' || !name.includes('step'))
  test.each(some)('SE-31 SE-32 %s between any two statements of the worker stops the next effect', async (name) => {
    const { op, stops } = ways[name] ?? { op: revoke(null), stops: all }
    for (let at = 0; at < count; at += 1) {
      const one = new Approved(level)
      await one.begin()
      const fence = (await one.driver.claim()) ?? 0
      expect(fence).toBeGreaterThan(0)
      for (const [index, statement] of statements(fence).entries()) {
        if (index === at) expect([at, await one.give(op)]).toEqual([at, null])
        const code = await one.work(statement)
        const isStopped = index >= at && statement.type === 'intend_effect' && stops(statement.idx ?? -1)
        if (index < at) expect([at, index, code]).toEqual([at, index, null])
        else if (isStopped) expect([at, index, code === null]).toEqual([at, index, false])
      }
      await one.driver.end()
    }
  })

  test('SE-31 an edit of what a plan finds stops everything when it comes before the claim, and nothing after it', async () => {
    const before = new Approved(level)
    await before.begin()
    expect(await before.say({ type: 'replan' })).toBeNull()
    await before.plan('db')
    expect(await before.driver.row()).toMatchObject({ state: 'requested', gate: { approvedHash: null } })
    expect(await before.say({ type: 'resume' })).toBe('approval_missing')
    expect(await before.driver.claim()).toBeNull()
    await before.driver.end()
    const after = new Approved(level)
    await after.begin()
    const fence = (await after.driver.claim()) ?? 0
    for (const statement of statements(fence)) {
      expect(await after.say({ type: 'replan' })).toBe('plan_frozen')
      expect(await after.work(statement)).toBeNull()
    }
    expect(await after.driver.row()).toMatchObject({ state: 'succeeded', gate: { planHash: after.hash } })
  })

  test('SE-31 SE-32 what stood on the vote of somebody who lost the right goes on when somebody entitled agrees', async () => {
    for (let at = 0; at < count; at += 1) {
      const one = new Approved(level)
      await one.begin()
      const fence = (await one.driver.claim()) ?? 0
      const lines = statements(fence)
      for (const line of lines.slice(0, at)) expect(await one.work(line)).toBeNull()
      expect(await one.give(grant('human:bob', 'viewer'))).toBeNull()
      const next = lines.slice(at).find(({ type }) => type === 'begin_target' || type === 'intend_effect')
      if (next === undefined) break
      for (const line of lines.slice(at, lines.indexOf(next))) expect(await one.work(line)).toBeNull()
      expect([at, await one.work(next)]).toEqual([at, 'lease_lost'])
      const hasEffects = lines.indexOf(next) > 1
      expect([at, (await one.driver.row()).state]).toEqual([at, hasEffects ? 'waiting' : 'requested'])
      const approve = { type: 'approve' as const, planHash: one.hash, groups: [] }
      const steps = level === 'step_by_step' ? [null, 0, 1] : [null]
      const answers: (string | null)[] = []
      for (const step of steps) {
        answers.push(await one.give({ kind: 'command', who: 'human:eve', command: { ...approve, step } }))
      }
      expect([at, answers[0]]).toEqual([at, null])
      const resumed = await one.give({ kind: 'command', who: 'human:eve', command: { type: 'resume' } })
      expect([at, resumed]).toEqual([at, null])
      const again = (await one.driver.claim()) ?? 0
      expect(again).toBeGreaterThan(fence)
      await one.driver.end()
    }
  })
})
