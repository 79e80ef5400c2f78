/** A story that uses every command of the table, with everything that can be said in each. */
import { z } from 'zod'
import type { Operations } from '../../../src/operations/operations.ts'
import type { routes } from '../../../src/operations/routes.ts'
import type { Actions } from '../../../src/operations/shapes.ts'
import { action, NetworkError, Refused } from '../../../src/pawl.ts'
import { policing } from './policy-story.ts'

const ask = action({
  name: 'demo.ask',
  version: 1,
  input: z.object({}),
  run: async ({ waitForSignal }) => ({ answer: await waitForSignal('answer') }),
})

const doubtful = action({
  name: 'demo.doubtful',
  version: 1,
  input: z.object({}),
  run: ({ effect, step }) =>
    step('look', () => 1).then(() =>
      effect('post', {
        target: 'opaque',
        do: () => {
          throw new NetworkError('the line went dead')
        },
      }),
    ),
})

const rollOut = action({
  name: 'demo.roll_out',
  version: 1,
  input: z.object({}),
  plan: () => ({ summary: 'go on two', steps: ['a', 'b'].map((target) => ({ step: 'go', target, args: {} })) }),
  steps: { go: { run: ({ target }) => ({ on: target }) } },
})

const agreed = action({
  name: 'demo.agreed',
  version: 1,
  input: z.object({}),
  approval: 'step_by_step',
  approvals: { selfApproval: true },
  plan: () => ({ summary: 'go on one', steps: [{ step: 'go', target: 'a', args: {} }] }),
  steps: { go: { run: ({ target }) => ({ on: target }) } },
})

export type Api = Operations<Actions>
export type Known = Record<string, string>
type Part = [keyof typeof routes, (api: Api, known: Known) => Promise<unknown>]

const idOf = async (known: Known, name: string, submitted: Promise<{ readonly id: string }>) => {
  const answer = await submitted
  known[name] = answer.id
  return answer
}
const id = (known: Known, name: string): string => known[name] ?? 'none'
export const refused = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'not refused',
    (thrown: unknown) => {
      if (!(thrown instanceof Refused)) throw thrown
      return { ...thrown.refusal }
    },
  )
async function allOf<T>(many: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of many) all.push(one)
  return all
}
const page = { limit: 500 }

/** Everything that may be said about a new execution. */
const request = {
  action: 'demo.add',
  version: 1,
  input: { a: 1 },
  key: 'K',
  subject: 'quote:1',
  mode: 'background',
  priority: 1,
  runAt: '2026-01-01T00:00:00Z',
  deadline: '2035-01-01T00:00:00Z',
  seed: 'seed',
  recordOnly: false,
  traceId: '0'.repeat(31).concat('1'),
  slaClass: 'standard',
  actionClass: 'default',
  dedupe: 'first',
} as const

const approving: readonly Part[] = [
  [
    'submit',
    async (api, known) => {
      const answer = await idOf(known, 'agreed', api.run({ action: 'demo.agreed', input: {} }))
      known.hash = (await api.plan(answer.id)).planHash ?? ''
      return answer
    },
  ],
  ['plan diff', (api, known) => refused(api.planDiff(id(known, 'agreed')))],
  ['plan refresh', (api, known) => refused(api.replan(id(known, 'agreed'), { ifVersion: 1 }))],
  ['approvals', async (api) => (await api.approvals({ mine: true, limit: 5 })).items.length],
  ['approvals', (api) => refused(api.approvals({ cursor: 'x' }))],
  ['approve', (api, known) => refused(api.approve(id(known, 'agreed'), 'f'.repeat(64)))],
  ['approve', (api, known) => refused(api.approve(id(known, 'agreed'), id(known, 'hash'), { step: 'go[b]' }))],
  ['approve', (api, known) => refused(api.approve(id(known, 'agreed'), id(known, 'hash'), { ifVersion: 1 }))],
  ['resume', (api, known) => refused(api.resume(id(known, 'agreed')))],
  ['approve', (api, known) => api.approve(id(known, 'agreed'), id(known, 'hash'))],
  ['approval revoke', (api, known) => refused(api.revoke(id(known, 'agreed'), 'no', { voter: 'human:x', step: 0 }))],
  ['approval revoke', (api, known) => refused(api.revoke(id(known, 'agreed'), 'no', { ifVersion: 1 }))],
  ['approval revoke', (api, known) => api.revoke(id(known, 'agreed'), 'not yet')],
  ['approve', (api, known) => api.approve(id(known, 'agreed'), id(known, 'hash'))],
  ['approve', (api, known) => api.approve(id(known, 'agreed'), id(known, 'hash'), { step: 'go[a]' })],
  ['approval get', (api, known) => api.approval(id(known, 'agreed'))],
  ['resume', (api, known) => refused(api.resume(id(known, 'agreed'), { ifVersion: 1 }))],
  ['resume', (api, known) => api.resume(id(known, 'agreed')).then(() => 1)],
  ['wait', (api, known) => api.result(id(known, 'agreed'))],
  ['reject', (api, known) => refused(api.reject(id(known, 'agreed'), 'too late', { step: 0 }))],
  ['reject', (api, known) => refused(api.reject(id(known, 'agreed'), 'too late', { ifVersion: 1 }))],
]

export const story: readonly Part[] = [
  ['submit', (api, known) => idOf(known, 'first', api.submit(request))],
  ['wait', (api, known) => api.wait(id(known, 'first'))],
  ['submit', (api) => refused(api.submit({ ...request, input: { a: 2 } }))],
  ['submit', (api) => refused(api.submit({ action: 'demo.none', input: {} }))],
  ['submit', (api) => api.run({ action: 'demo.add', input: { a: 3 } }, { windowMs: 10_000 })],
  ['submit', (api, known) => idOf(known, 'later', api.submit({ action: 'demo.add', input: { a: 1 }, delay: '1h' }))],
  [
    'submit-many',
    (api) =>
      api.submitMany([
        { action: 'demo.add', input: { a: 5 }, delay: '2h' },
        { action: 'demo.none', input: {} },
      ]),
  ],
  ['wait', (api, known) => refused(api.wait(id(known, 'later'), { timeoutMs: 1 }))],
  ['wait', (api, known) => api.result(id(known, 'first'))],
  ['status', (api, known) => api.get(id(known, 'first'))],
  ['status', (api) => refused(api.get('00000000-0000-8000-8000-000000000000'))],
  ['list', (api) => api.list({ query: 'state:succeeded', state: 'succeeded', action: 'demo.add', ...page })],
  ['list', (api) => api.list({ subject: 'quote:1', key: 'K' })],
  ['list', (api) => refused(api.list({ cursor: 'x' }))],
  ['list', (api) => refused(api.list({ query: 'colour:red' }))],
  ['why', (api, known) => api.why(id(known, 'first'))],
  ['events', (api, known) => api.events(id(known, 'first'), { after: 1, limit: 10 })],
  ['stream', async (api, known) => allOf(api.watch(id(known, 'first'), { after: 1 }))],
  ['stream', (api) => refused(allOf(api.watch('nothing')))],
  ['feed', (api) => api.feed({ after: 0, limit: 2 })],
  ['submit', (api, known) => idOf(known, 'note', api.run({ action: 'demo.write', input: { text: 'hello' } }))],
  ['artifacts', (api, known) => api.artifacts(id(known, 'note'))],
  [
    'artifact',
    async (api, known) => {
      const { content, ...about } = await api.artifact(id(known, 'note'), 'note.txt')
      return { ...about, text: await new Response(content).text() }
    },
  ],
  ['artifact', (api, known) => refused(api.artifact(id(known, 'note'), 'none'))],
  ['artifact sweep', (api) => api.sweepArtifacts({ dryRun: true })],
  ['submit', (api, known) => idOf(known, 'echo', api.run({ action: 'demo.echo', input: { text: 'x' } }))],
  ['logs', (api, known) => api.logs(id(known, 'echo'), { after: 0, limit: 10, level: 'warn' })],
  ['trace', (api, known) => api.trace(id(known, 'echo'))],
  ['submit', (api, known) => idOf(known, 'wrong', api.run({ action: 'demo.wrong', input: {}, key: 'W' }))],
  ['wait', (api, known) => api.result(id(known, 'wrong')).catch((thrown: unknown) => String(thrown))],
  ['dead-letter list', (api) => api.deadLetters.list({ action: 'demo.wrong', ...page })],
  ['dead-letter list', (api) => refused(api.deadLetters.list({ cursor: 'x' }))],
  ['dead-letter get', (api, known) => api.deadLetters.get(id(known, 'wrong'))],
  ['dead-letter get', (api, known) => refused(api.deadLetters.get(id(known, 'first')))],
  ['failures', (api) => api.failures({ since: '1h' })],
  ['failures', (api) => refused(api.failures({ since: 'yesterday' }))],
  ['dead-letter redrive', (api, known) => refused(api.deadLetters.redrive(id(known, 'wrong'), 'r', { ifVersion: 1 }))],
  ['dead-letter redrive', (api, known) => api.deadLetters.redrive(id(known, 'wrong'), 'again')],
  ['wait', (api, known) => api.wait(id(known, 'wrong'))],
  ['redrive', (api, known) => refused(api.redrive(id(known, 'wrong'), 'r', { ifVersion: 1 }))],
  ['rerun', (api, known) => idOf(known, 'rerun', api.rerun(id(known, 'wrong'), { seed: 'new', reason: 'once more' }))],
  ['wait', (api, known) => api.wait(id(known, 'rerun'))],
  ['idempotency get', (api) => api.idempotency.get('K')],
  ['idempotency get', (api) => refused(api.idempotency.get('none'))],
  ['idempotency list', (api) => api.idempotency.list(page)],
  ['idempotency list', (api) => refused(api.idempotency.list({ cursor: 'x' }))],
  ['retry', (api, known) => refused(api.retry(id(known, 'first'), { ifVersion: 99 }))],
  ['cancel', (api, known) => refused(api.cancel(id(known, 'later'), 'late', { ifVersion: 99 }))],
  ['cancel', (api, known) => api.cancel(id(known, 'later'), 'not needed')],
  ['cancel', (api, known) => refused(api.cancel(id(known, 'later'), '\u0007'.repeat(1001)))],
  ['submit', (api, known) => idOf(known, 'holder', api.submit({ action: 'demo.guarded', input: { lock: 'door' } }))],
  ['wait', (api, known) => running(api, id(known, 'holder'))],
  ['submit', (api, known) => idOf(known, 'next', api.submit({ action: 'demo.guarded', input: { lock: 'door' } }))],
  ['lock list', (api) => api.locks.list({ limit: 10 })],
  ['lock get', (api) => inLine(api, 'door')],
  ['lock get', (api) => api.locks.get('action:demo.guarded', { shared: true })],
  [
    'lock break',
    (api, known) => api.locks.break('door', 'replaced', { execution: id(known, 'holder'), shared: false }),
  ],
  ['lock break', (api, known) => refused(api.locks.break('door', '', { execution: id(known, 'holder') }))],
  ['cancel', (api, known) => api.cancel(id(known, 'next')).then(() => 'asked')],
  ['cancel', (api, known) => api.cancel(id(known, 'holder')).then(() => 'asked')],
  ['wait', async (api, known) => [await api.wait(id(known, 'holder')), await api.wait(id(known, 'next'))].length],
  ['limit set', (api) => api.limits.set('tenant', 5, 'quiet hours', { shared: false })],
  ['limit set', (api) => refused(api.limits.set('tenant', -1, 'negative'))],
  ['limit list', (api) => api.limits.list()],
  ['quarantine list', (api) => api.quarantine.list()],
  ['quarantine release', (api) => refused(api.quarantine.release(99))],
  ['limit remove', (api) => api.limits.remove('tenant', { reason: 'loud again', shared: false })],
  ['submit', (api, known) => idOf(known, 'asks', api.submit({ action: 'demo.ask', input: {} }))],
  [
    'submit',
    (api, known) => {
      const parent = { parentId: id(known, 'asks'), onParentCancel: 'abandon' } as const
      return idOf(known, 'child', api.submit({ action: 'demo.add', input: { a: 1 }, ...parent }))
    },
  ],
  ['children', (api, known) => api.children(id(known, 'asks'), page).then(({ items }) => items.length)],
  ['children', (api, known) => refused(api.children(id(known, 'asks'), { cursor: 'x' }))],
  ['signal', (api, known) => api.signal(id(known, 'asks'), 'answer', { by: 'alice' }, 'once').then(() => 'sent')],
  ['wait', (api, known) => api.result(id(known, 'asks'))],
  ['wait', (api, known) => api.result(id(known, 'child'))],
  ['signals', (api, known) => api.signals(id(known, 'asks'), { limit: 10 })],
  ['submit', (api, known) => idOf(known, 'doubt', api.submit({ action: 'demo.doubtful', input: {} }))],
  ['wait', (api, known) => until(api, id(known, 'doubt'), 'waiting')],
  ['steps', (api, known) => api.steps(id(known, 'doubt'))],
  ['effects', (api, known) => api.effects(id(known, 'doubt'))],
  [
    'effect list',
    async (api, known) => {
      const effects = await api.ledger.list({ inDoubt: true, limit: 10 })
      known.effect = effects[0]?.effectKey ?? ''
      return effects
    },
  ],
  ['effect resolve', (api) => refused(api.resolveEffect('00000000', 'happened', 'seen'))],
  [
    'effect resolve',
    (api, known) => api.ledger.resolve(id(known, 'effect'), 'happened', 'seen', { post: 7 }).then(() => 1),
  ],
  ['wait', (api, known) => api.result(id(known, 'doubt'))],
  ['submit', (api, known) => idOf(known, 'plan', api.run({ action: 'demo.roll_out', input: {} }))],
  ['plan show', (api, known) => api.plan(id(known, 'plan'))],
  ['plan show', (api, known) => refused(api.plan(id(known, 'first')))],
  ['plan steps', (api, known) => api.planSteps(id(known, 'plan'), 0, 5)],
  ...approving,
  ...policing(refused).map(([name, ask]): Part => [name, ask]),
  ['pause', (api) => api.pause({ action: 'demo.add' }, 'down')],
  ['pause', (api) => api.pause({ subject: 'quote:1' }, 'asked')],
  ['pause', (api) => refused(api.pause({ tenant: 'globex' }, 'theirs'))],
  ['pauses', (api) => api.pauses()],
  ['submit', (api, known) => idOf(known, 'held', api.submit({ action: 'demo.add', input: { a: 9 } }))],
  ['why', (api, known) => api.why(id(known, 'held'))],
  ['unpause', (api) => api.unpause({ action: 'demo.add' }, { pace: 10, reason: 'up' })],
  ['unpause', (api) => api.unpause({ subject: 'quote:1' })],
  ['unpause', (api) => refused(api.unpause({ tenant: 'globex' }))],
  ['bulk', (api) => api.bulk.preview({ command: 'cancel', query: 'state:queued', reason: 'wrong' })],
  ['bulk', (api, known) => idOf(known, 'bulk', api.bulk.start({ command: 'cancel', query: 'subject:none' }))],
  ['bulk', (api) => refused(api.bulk.start({ command: 'redrive', query: 'state:failed' }))],
  ['bulk list', (api) => api.bulk.list()],
  ['bulk get', (api, known) => api.bulk.get(id(known, 'bulk'))],
  ['bulk cancel', (api, known) => api.bulk.cancel(id(known, 'bulk'))],
  ['bulk cancel', (api) => refused(api.bulk.cancel('99'))],
  [
    'schedule create',
    (api) =>
      api.createSchedule({
        name: 'yearly',
        action: 'demo.add',
        version: 1,
        input: { a: 1 },
        cron: '0 0 1 1 *',
        timeZone: 'Europe/Rome',
        misfire: 'all',
        catchUpMax: 5,
      }),
  ],
  ['schedule create', (api) => refused(api.createSchedule({ name: 'x', action: 'demo.add', input: {}, cron: 'x' }))],
  ['schedule list', (api) => api.schedules({ limit: 10, cursor: 'a' })],
  ['schedule get', (api) => api.schedule('yearly')],
  ['schedule pause', (api) => api.pauseSchedule('yearly')],
  ['schedule unpause', (api) => api.unpauseSchedule('yearly')],
  ['schedule trigger', (api, known) => idOf(known, 'fired', api.triggerSchedule('yearly', 'once'))],
  [
    'schedule backfill',
    (api) => api.backfillSchedule('yearly', { from: '2020-01-01T00:00:00Z', to: '2022-06-01T00:00:00Z', dryRun: true }),
  ],
  ['schedule delete', (api) => api.deleteSchedule('yearly')],
  ['schedule get', (api) => refused(api.schedule('yearly'))],
  ['timeout-policy list', (api) => api.timeoutPolicies()],
  [
    'timeout-policy set',
    (api) =>
      api.setTimeoutPolicy({
        slaClass: 'gold',
        actionClass: 'sync',
        attempt: '5s',
        overall: 'none',
        reason: 'contract',
      }),
  ],
  ['timeout-policy history', (api) => api.timeoutPolicies({ history: true })],
  [
    'archive run',
    (api) => api.archive({ olderThan: '1ms', state: 'failed', tenant: 'default', dryRun: true, limit: 5 }),
  ],
  ['archive run', (api) => refused(api.archive({ olderThan: '1ms', tenant: 'globex' }))],
  ['archive list', (api) => api.archives({ limit: 5 })],
  ['archive list', (api) => refused(api.archives({ cursor: 'x' }))],
  ['archive restore', (api, known) => refused(api.restore(id(known, 'first')))],
  ['worker list', async (api) => (await api.workers.list()).length],
  ['worker list', async (api) => (await api.workers.list({ role: 'all', state: 'live' })).length],
  ['worker list', async (api) => (await api.workers.list({ role: 'leader' })).length],
  ['worker drain', (api) => refused(api.workers.drain('nobody', 'new kernel', { handBackAfter: '5m' }))],
  ['action list', (api) => api.actions.list()],
  ['action get', (api) => api.actions.get('demo.add', 1)],
  ['action get', (api) => refused(api.actions.get('demo.add', 2))],
  ['explain', (api) => api.explain('state_changed')],
  ['explain', (api) => refused(api.explain('nonsense'))],
  ['ops', async (api) => Object.keys(await api.ops())],
  [
    'role define',
    async (api) =>
      (await api.roles.define('seller', ['execution.submit', 'execution.cancel:own'], 'new team')).permissions,
  ],
  ['role define', (api) => refused(api.roles.define('admin', ['ops.read'], 'no'))],
  ['role define', (api) => refused(api.roles.define('seller', ['execution.destroy'], 'no'))],
  ['role list', async (api) => (await api.roles.list()).find(({ name }) => name === 'seller')],
  [
    'role grant',
    async (api, known) => {
      const narrowing = { actions: ['demo.*'], subjects: ['quote:*'], levelMax: 2 }
      const grant = await api.roles.grant('human:carol', 'operator', 'sells', narrowing)
      known.grant = String(grant.version)
      return { ...grant, version: 0 }
    },
  ],
  ['role grant', (api) => refused(api.roles.grant('human:carol', 'emperor', 'no'))],
  ['role grant', (api) => refused(api.roles.grant('agent:bot', 'operator', 'no'))],
  ['role grant', (api) => refused(api.roles.grant('human:carol', 'viewer', 'no', { actions: ['nothing.*'] }))],
  ['role holders', async (api) => (await api.roles.holders('human:carol')).map((one) => ({ ...one, grant: 0 }))],
  [
    'role revoke',
    async (api, known) => ({ ...(await api.roles.revoke(Number(known.grant), 'left')), version: 0, ref: '' }),
  ],
  ['role revoke', (api) => refused(api.roles.revoke(9_999, 'no'))],
  ['role history', async (api) => (await api.roles.history()).filter(({ kind }) => kind !== 'token').length],
  [
    'token create',
    async (api, known) => {
      const wanted = {
        name: 'bridge',
        role: 'viewer',
        principal: 'service:crm',
        expiresIn: '1h',
        permissions: ['execution.get'],
        actions: ['demo.add'],
      } as const
      return Object.keys(await idOf(known, 'token', api.tokens.create(wanted)))
    },
  ],
  ['token list', async (api) => (await api.tokens.list()).some(({ name }) => name === 'bridge')],
  ['token rotate', async (api, known) => (await api.tokens.rotate(id(known, 'token'), { overlap: '1h' })).role],
  ['token rotate', (api) => refused(api.tokens.rotate('none', { overlap: '1h', expiresIn: '1d' }))],
  ['sign-out', (api) => api.tokens.signOutEverywhere()],
  ['token revoke', async (api, known) => (await api.tokens.revoke(id(known, 'token'))).revokedAt !== null],
  ['token revoke', (api) => refused(api.tokens.revoke('none'))],
]

async function until(api: Api, execution: string, state: string): Promise<string> {
  for (let after = 0; (await api.get(execution)).state !== state; ) {
    for await (const { sequence, to } of api.watch(execution, { after })) {
      after = sequence
      if (to === state) break
    }
  }
  return state
}

/** The lock as soon as somebody stands in line for it: that is when a claim has looked at it. */
async function inLine(api: Api, key: string) {
  for (;;) {
    const lock = await api.locks.get(key)
    if (lock.waiting.length > 0) return lock
    await new Promise((resolve) => setImmediate(resolve))
  }
}

const running = (api: Api, execution: string): Promise<string> => until(api, execution, 'running')

/** The actions it uses beside those of every server. */
export const more = [ask, doubtful, rollOut, agreed]
