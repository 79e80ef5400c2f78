import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import { messages, type RouteName, readMessage } from './messages.ts'
import { remoteProtocol } from './remote.ts'

const sha256 = 'a'.repeat(64)
const key = { fence: 3, effectKey: sha256 }
const artifact = {
  name: 'quote.pdf',
  sha256,
  bytes: 10,
  mediaType: 'application/pdf',
  path: `artifacts/aa/${sha256}`,
}

type Sent = Exclude<WorkerCommand, { type: 'renew' }> | PermitCommand

const samples: { readonly [T in Sent['type']]: Extract<Sent, { type: T }> } = {
  progress: { type: 'progress', fence: 3, value: '0.5' },
  record_step: { type: 'record_step', fence: 3, name: 's', ordinal: 0, value: '1', startedAt: 1, artifact },
  intend_effect: {
    ...key,
    type: 'intend_effect',
    worker: 1,
    step: 'run',
    name: 'e',
    ordinal: 0,
    target: 'keyed',
    reconcilable: true,
  },
  record_effect: {
    ...key,
    type: 'record_effect',
    outcome: { kind: 'in_doubt', errorClass: 'NetworkError', error: '' },
  },
  reconcile_effect: { ...key, type: 'reconcile_effect', happened: false, value: null },
  succeed: { type: 'succeed', fence: 3, result: '{}', fingerprint: sha256 },
  fail: {
    type: 'fail',
    fence: 3,
    errorClass: 'RateLimitError',
    message: 'slow',
    retryable: true,
    retryAfterMs: 5,
    policy: { maxAttempts: 3, baseMs: 1, multiplier: 2, capMs: 10, jitter: 'full' },
  },
  crashed: {
    type: 'crashed',
    fence: 3,
    evidence: { exitCode: null, signal: 'SIGKILL', memoryMb: 300, lastStep: 'load' },
  },
  suspend: { type: 'suspend', fence: 3, reason: 'outcome', wakeAt: null },
  hand_back: { type: 'hand_back', fence: 3 },
  log: {
    type: 'log',
    fence: 3,
    said: 2,
    lines: [{ at: 1, level: 'warn', message: 'slow', fields: '{"ms":7}', line: 2 }],
  },
  end_reconciliation: { type: 'end_reconciliation', fence: 3 },
  take_permits: { type: 'take_permits', fence: 3, step: 'install', keys: ['asset:web-17'] },
  give_permits: { type: 'give_permits', fence: 3, step: 'install' },
  planned: {
    type: 'planned',
    fence: 3,
    summary: 'Install on one host',
    reads: '[]',
    parallel: 1,
    ordered: false,
    steps: [{ step: 'install', target: 'web-01', args: '{}', effects: ['install'] }],
    handlers: ['install'],
    handlerDigest: sha256,
    secrets: [],
  },
  begin_target: { type: 'begin_target', fence: 3, idx: 0, tries: 1 },
  settle_target: {
    type: 'settle_target',
    fence: 3,
    idx: 0,
    state: 'succeeded',
    value: '1',
    errorClass: null,
    error: null,
  },
  skip_rest: { type: 'skip_rest', fence: 3 },
}

test('whatever a worker may say reaches its route and passes its schema unchanged', async () => {
  const taken: unknown[] = []
  const protocol = remoteProtocol((route, body) => {
    const message = readMessage(route, JSON.parse(JSON.stringify(body)))
    if (!isRefusal(message)) taken.push((message as { command: unknown }).command)
    return Promise.resolve(message)
  })
  for (const command of Object.values(samples)) await protocol.work(1, 2, command)
  expect(taken).toEqual(Object.values(samples))
})

test('a failure without a wish to wait passes, too', () => {
  const command = { ...samples.fail, retryAfterMs: undefined }
  expect(readMessage('fail', { worker: 1, id: 1, command })).toMatchObject({ worker: 1 })
})

test('a route takes only its own commands, and no field it does not know', () => {
  const routes = (Object.keys(messages) as RouteName[]).filter((route) => {
    return !isRefusal(readMessage(route, { worker: 1, id: 1, command: samples.succeed }))
  })
  expect(routes).toEqual(['complete'])
  expect(
    readMessage('complete', { worker: 1, id: 1, command: { ...samples.succeed, principal: 'human:root' } }),
  ).toMatchObject({
    code: 'invalid_input',
  })
})

test.each([null, 7, 'text', [], { worker: -1 }, { worker: 1, id: 1 }, { worker: 1e300, id: 1, command: {} }])(
  'bad input %j is refused on every route with a sentence',
  (body) => {
    for (const route of Object.keys(messages) as RouteName[]) {
      expect(readMessage(route, body)).toMatchObject({
        code: 'invalid_input',
        reason: expect.stringMatching(/ at .+\.$/),
      })
    }
  },
)

test('SE-31 a child may be sent with what people must agree to, and with nothing that they have agreed to', () => {
  const rules = { quorum: 1, groups: [], useByMs: null, selfApproval: false, resume: 'manual', planMaxAgeMs: null }
  const gate = {
    rules: { level: 'plan_review', ...rules },
    planHash: sha256,
    plannedAt: null,
    approvedHash: null,
    useBy: null,
    isDue: false,
    replan: null,
    isFrozen: false,
  }
  const admission = {
    tenant: 'acme',
    action: 'a',
    version: 1,
    subject: null,
    key: null,
    recordOnly: false,
    input: '{}',
    inputHash: sha256,
    seed: 's',
    traceId: 't',
    requestedBy: 'human:ada',
    mode: 'background',
    priority: 0,
    slaClass: 'standard',
    actionClass: 'default',
    maxAttempts: 3,
    availableAt: null,
    delayMs: null,
    deadlineAt: null,
    parentId: null,
    permits: null,
    depth: 1,
    onParentCancel: 'cancel',
  }
  const sent = (of: unknown): boolean => {
    const spawn = {
      fence: 1,
      name: 'n',
      ordinal: 0,
      startedAt: 1,
      admission: { ...admission, isPlanned: true, gate: of },
    }
    return !isRefusal(readMessage('spawn', { worker: 1, id: 1, spawn }))
  }
  expect(sent(gate)).toBe(true)
  expect(sent({ ...gate, approvedHash: sha256 })).toBe(false)
  expect(sent({ ...gate, isDue: true })).toBe(false)
  expect(sent({ planHash: null })).toBe(false)
})
