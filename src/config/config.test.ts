import { expect, test } from 'vitest'
import { isRefusal, orThrow } from '../errors/refusal.ts'
import {
  type Config,
  configReference,
  defaults,
  type Environment,
  envExample,
  loadConfig,
  reclaimBoundMs,
} from './config.ts'
import { addressSecrets, serverAddresses, storeSecrets } from './store-address.ts'
import { variables } from './variables.ts'

const load = (env: Environment): Config => orThrow(loadConfig(env))

test('REL-12 an empty environment gives the documented defaults', () => {
  const config = load({ PAWL_PORT: '', PATH: '/bin' })
  expect(config).toMatchObject({
    leaseMs: 30_000,
    heartbeatMs: 10_000,
    sweepMs: 5000,
    pollMs: 1000,
    stallLimitMs: 60_000,
  })
  expect(config).toMatchObject({ store: defaults.store, host: '127.0.0.1', port: 7070, url: 'http://127.0.0.1:7070' })
  expect(config.retryPolicy).toEqual({ maxAttempts: 3, baseMs: 5000, multiplier: 2, capMs: 900_000, jitter: 'full' })
  expect(reclaimBoundMs(config)).toBe(36_000)
})

test('REL-12 the names of the sources are read, and the own name beats them', () => {
  const aliases = {
    QUOTEY_EXEC_CLAIM_TIMEOUT_SEC: '120',
    QUOTEY_EXEC_MAX_RETRIES: '5',
    QUOTEY_EXEC_BACKOFF_BASE_SEC: '7',
  }
  expect(load(aliases)).toMatchObject({ leaseMs: 120_000, retryPolicy: { maxAttempts: 5, baseMs: 7000 } })
  expect(load({ ...aliases, PAWL_LEASE_SECONDS: '60' }).leaseMs).toBe(60_000)
  expect(load({ DOCUGEN_QUEUE_CONCURRENCY: '4', retry_backoff_multiplier: '1.5' })).toMatchObject({
    concurrency: 4,
    retryPolicy: { multiplier: 1.5 },
  })
})

test('REL-12 profile rel has a lease of 300 s unless one is given', () => {
  expect(load({ PAWL_PROFILE: 'rel' })).toMatchObject({ leaseMs: 300_000, heartbeatMs: 10_000 })
  expect(load({ PAWL_PROFILE: 'rel', PAWL_LEASE_SECONDS: '90' }).leaseMs).toBe(90_000)
})

test('SE-22 a lease shorter than three heartbeats is refused with what to set instead', () => {
  const refusal = loadConfig({ PAWL_LEASE_SECONDS: '30', PAWL_HEARTBEAT_SECONDS: '11' })
  expect(refusal).toMatchObject({ code: 'bad_configuration', details: { leaseMs: 30_000, heartbeatMs: 11_000 } })
  expect(isRefusal(refusal) && refusal.next).toBe(
    'Set PAWL_LEASE_SECONDS to at least 33, or PAWL_HEARTBEAT_SECONDS to at most 10.',
  )
  expect(load({ PAWL_LEASE_SECONDS: '30', PAWL_HEARTBEAT_SECONDS: '10' }).heartbeatMs).toBe(10_000)
})

test('SE-22 a short lease brings its own heartbeat', () => {
  expect(load({ PAWL_LEASE_SECONDS: '2' }).heartbeatMs).toBe(666)
})

test.each([
  ['PAWL_PORT', '70000'],
  ['PAWL_PORT', '7070x'],
  ['PAWL_CONCURRENCY', '0'],
  ['PAWL_LEASE_SECONDS', '-5'],
  ['PAWL_LEASE_SECONDS', '1e9'],
  ['PAWL_BACKOFF_MULTIPLIER', '0.5'],
  ['PAWL_LOG_LEVEL', 'loud'],
  ['PAWL_URL', 'ftp://x'],
  ['PAWL_PROFILE', 'fast'],
  ['QUOTEY_EXEC_MAX_RETRIES', 'many'],
])('%s=%s is refused and named', (name, value) => {
  const refusal = loadConfig({ [name]: value })
  expect(refusal).toMatchObject({ code: 'bad_configuration' })
  expect(isRefusal(refusal) && refusal.reason).toContain(`${name}=${JSON.stringify(value)} must`)
})

test.each(['mysql://u:hunter2@h/d', 'postgres://u:hunter2@h:port/d', 'postgres://u:hunter2@h,/d', 'sqlite:'])(
  'PAWL_STORE=%s is refused, and not repeated: it may hold a password',
  (value) => {
    const refusal = loadConfig({ PAWL_STORE: value })
    expect(refusal).toMatchObject({ code: 'bad_configuration' })
    expect(isRefusal(refusal) && refusal.reason).toContain('PAWL_STORE must')
    expect(JSON.stringify(refusal)).not.toContain('hunter2')
  },
)

test('an address of several servers stands for one address each, and its password stays secret', () => {
  const store = 'postgres://u:hunter%402@one:5433,two,[::1]:5434/d?target_session_attrs=read-write'
  expect(load({ PAWL_STORE: store }).store).toBe(store)
  expect(serverAddresses(store)).toEqual([
    'postgres://u:hunter%402@one:5433/d?target_session_attrs=read-write',
    'postgres://u:hunter%402@two/d?target_session_attrs=read-write',
    'postgres://u:hunter%402@[::1]:5434/d?target_session_attrs=read-write',
  ])
  expect(serverAddresses('postgres:///d?host=/run/postgresql')).toHaveLength(1)
  expect(storeSecrets(store)).toEqual(['hunter%402', 'hunter@2'])
  expect(addressSecrets('redis://:s3cret@h:6379')).toContain('s3cret')
})

test('every mistake is told at once, and no secret is repeated', () => {
  const refusal = loadConfig({ PAWL_PORT: 'x', PAWL_CONCURRENCY: 'y', PAWL_TOKEN: 'hunter 2' })
  expect(isRefusal(refusal) && refusal.details).toMatchObject({
    mistakes: [expect.any(String), expect.stringContaining('PAWL_PORT'), expect.stringContaining('PAWL_CONCURRENCY')],
  })
  expect(isRefusal(refusal) && refusal.reason).toContain('PAWL_TOKEN must')
  expect(JSON.stringify(refusal)).not.toContain('hunter 2')
})

test('the reference and .env.example name every variable and every alias', () => {
  for (const { name, ...rest } of Object.values(variables)) {
    for (const each of [name, ...('aliases' in rest ? rest.aliases : [])]) {
      expect(configReference()).toContain(`\`${each}\``)
      expect(envExample()).toContain(each)
    }
  }
  expect(envExample()).toMatch(/^# PAWL_LEASE_SECONDS=30$/m)
})

test('what the reference shows as default is accepted and changes nothing', () => {
  const shown = Object.fromEntries(
    [...envExample().matchAll(/^# (PAWL_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
  expect(load(shown)).toEqual(load({}))
})
