import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  AuthError,
  NetworkError,
  type NotApplied,
  RateLimitError,
  TimeoutError,
  ValidationError,
} from '../../src/errors/failures.ts'
import { type AccountWrite, type CrmConnection, findAccountByKey, upsertAccount } from './crm.ts'
import { askForFaults, type FaultWish, sandboxState } from './sandbox/process.ts'
import { type Sandbox, startSandbox } from './sandbox/server.ts'

const route = 'PUT /crm/accounts'
const write: AccountWrite = {
  name: 'Brückner & Söhne GmbH',
  addressLines: ['Hafenstraße 12'],
  quote: { number: 'Q-1', currency: 'EUR', totalCents: 790_916 },
}

let sandbox: Sandbox
let connection: CrmConnection

beforeEach(async () => {
  sandbox = await startSandbox()
  connection = { url: sandbox.addresses.crmUrl, token: sandbox.addresses.crmToken }
})
afterEach(() => sandbox.close())

async function thrownBy(idempotencyKey: string, changed: Partial<CrmConnection> = {}): Promise<unknown> {
  return upsertAccount({ ...connection, ...changed }, write, { idempotencyKey }).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
}

async function revisions(): Promise<number[]> {
  return (await sandboxState(sandbox.addresses.url)).accounts.map((account) => account.revision)
}

test('CP-008d one key is one write, and is found again; another key is another write', async () => {
  const first = await upsertAccount(connection, write, { idempotencyKey: 'k1' })
  expect(await upsertAccount(connection, write, { idempotencyKey: 'k1' })).toEqual(first)
  expect(await findAccountByKey(connection, 'k1')).toEqual(first)
  expect(await findAccountByKey(connection, 'k2')).toBeNull()
  expect(await upsertAccount(connection, write, { idempotencyKey: 'k2' })).toEqual({ id: first.id, revision: 2 })
})

test.each<[FaultWish['kind'], FaultWish]>([
  ['drop', { kind: 'drop', when: 'after', route }],
  ['hang', { kind: 'hang', when: 'after', route }],
  ['status', { kind: 'status', when: 'after', status: 500, route }],
])(
  'CP-008d an answer lost by %s after the write is in doubt, and the look-up says that it happened',
  async (_kind, fault) => {
    await askForFaults(sandbox.addresses.url, fault)
    const thrown = await thrownBy('k1', { timeoutMs: 300 })
    expect(thrown).toBeInstanceOf(fault.kind === 'hang' ? TimeoutError : NetworkError)
    expect(await findAccountByKey(connection, 'k1')).toMatchObject({ revision: 1 })
    await upsertAccount(connection, write, { idempotencyKey: 'k1' })
    expect(await revisions()).toEqual([1])
  },
)

test('CP-008d a connection dropped before the write is in doubt all the same, and the look-up says that it did not happen', async () => {
  await askForFaults(sandbox.addresses.url, { kind: 'drop', when: 'before', route })
  expect(await thrownBy('k1')).toBeInstanceOf(NetworkError)
  expect(await findAccountByKey(connection, 'k1')).toBeNull()
})

test('CP-008d a refused connection and a clear refusal are NotApplied, retryable as their cause is', async () => {
  await askForFaults(sandbox.addresses.url, {
    kind: 'status',
    when: 'before',
    status: 429,
    retryAfterSeconds: 7,
    route,
  })
  const limited = await thrownBy('k1')
  expect(limited).toMatchObject({
    errorClass: 'NotApplied',
    retryable: true,
    cause: { errorClass: 'RateLimitError', retryAfterMs: 7_000 },
  })
  expect((limited as NotApplied).cause).toBeInstanceOf(RateLimitError)

  expect(await thrownBy('k1', { token: 'wrong' })).toMatchObject({
    errorClass: 'NotApplied',
    retryable: false,
    causeClass: 'AuthError',
  })
  const invalid = upsertAccount(connection, { ...write, name: '' }, { idempotencyKey: 'k1' })
  await expect(invalid).rejects.toMatchObject({
    errorClass: 'NotApplied',
    retryable: false,
    causeClass: 'ValidationError',
  })
  expect(await revisions()).toEqual([])

  const closed = await startSandbox()
  await closed.close()
  expect(await thrownBy('k1', { url: closed.addresses.crmUrl })).toMatchObject({
    errorClass: 'NotApplied',
    retryable: true,
    causeClass: 'NetworkError',
  })
})

test('CP-008d a failed look-up never says NotApplied', async () => {
  const closed = await startSandbox()
  await closed.close()
  await expect(findAccountByKey({ ...connection, url: closed.addresses.crmUrl }, 'k')).rejects.toBeInstanceOf(
    NetworkError,
  )
  await expect(findAccountByKey({ ...connection, token: 'wrong' }, 'k')).rejects.toBeInstanceOf(AuthError)
})

test('CP-008d a key that was used with another body is not taken for a write that did not happen', async () => {
  await upsertAccount(connection, write, { idempotencyKey: 'k1' })
  const other = upsertAccount(connection, { ...write, addressLines: [] }, { idempotencyKey: 'k1' })
  await expect(other).rejects.toBeInstanceOf(ValidationError)
})

test('an abort throws the reason of whoever aborted', async () => {
  await askForFaults(sandbox.addresses.url, { kind: 'hang', when: 'before', route })
  const stop = new AbortController()
  const writing = upsertAccount(connection, write, { idempotencyKey: 'k1', signal: stop.signal })
  const reason = new Error('lease lost')
  stop.abort(reason)
  await expect(writing).rejects.toBe(reason)
})
