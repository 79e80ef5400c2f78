import { expect, test } from 'vitest'
import { bullPriority } from './names.ts'
import { faultInAccess, faultInServer } from './server-faults.ts'

const said = (facts: Record<string, string>): string =>
  Object.entries({
    redis_version: '7.0.15',
    redis_mode: 'standalone',
    role: 'master',
    maxmemory_policy: 'noeviction',
    ...facts,
  })
    .map(([name, value]) => `${name}:${value}`)
    .join('\r\n')

test.each([
  [{}, undefined],
  [{ redis_version: '6.2.0' }, undefined],
  [{ redis_version: '6.0.16' }, 'redis_too_old'],
  [{ redis_version: '5.0.3' }, 'redis_too_old'],
  [{ redis_version: 'unknown' }, 'redis_too_old'],
  [{ maxmemory_policy: 'allkeys-lru' }, 'redis_evicts'],
  [{ maxmemory_policy: 'volatile-ttl' }, 'redis_evicts'],
  [{ role: 'slave' }, 'redis_read_only'],
  [{ redis_mode: 'cluster' }, 'redis_cluster'],
  [{ cluster_enabled: '1' }, 'redis_cluster'],
])('SE-50 a server that says %j of itself is judged as %s', (facts, code) => {
  expect(faultInServer(said(facts))?.code).toBe(code)
})

test('SE-50 a wrong password is told from a server that is away', () => {
  for (const message of [
    'WRONGPASS invalid username-password pair',
    'NOAUTH Authentication required.',
    'NOPERM no rights',
  ])
    expect(faultInAccess(message)?.code).toBe('redis_denied')
  expect(faultInAccess('connect ECONNREFUSED 127.0.0.1:6379')).toBeNull()
})

test('DG-01 every claim order is a legal priority of BullMQ, and the order stays', () => {
  const ranks = [-11_000, -10_100, -10_000, -100, -1, 0, 1, 100, 1_000]
  const priorities = ranks.map(bullPriority)
  expect(priorities).toEqual([...priorities].sort((a, b) => a - b))
  expect(new Set(priorities).size).toBe(ranks.length)
  for (const extreme of [-1e15, 1e15, ...ranks].map(bullPriority)) {
    expect(extreme).toBeGreaterThanOrEqual(1)
    expect(extreme).toBeLessThanOrEqual(2 ** 21)
  }
})
