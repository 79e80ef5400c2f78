import { expect, test } from 'vitest'
import { orThrow } from '../../../src/errors/refusal.ts'
import { metrics, standingNotices } from '../../../src/projections/metrics.ts'
import { createHealthApp } from '../../../src/server.ts'
import { bodyOf, serving } from './serving.ts'

const namesIn = (text: string): string[] =>
  [...text.matchAll(/^# TYPE (\w+) (?:gauge|counter)$/gm)].map(([, name = '']) => name)

test('DG-03 metrics are told in the text format of Prometheus, each with its help, of the tenant that asks', async () => {
  await using server = await serving({ slots: 0 })
  await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } })
  const answer = await server.send('/metrics')
  expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const text = await answer.text()
  expect(namesIn(text).sort()).toEqual(Object.keys(metrics).sort())
  expect(text).toContain('\npawl_queue_depth{action="demo.add",state="queued"} 1\n')
  expect(text).toContain('\npawl_ordered_feed_lag_seconds 0\n')
  expect(text).toMatch(/^pawl_ordered_feed_position [1-9]\d*$/m)
  expect(text.split('\n').filter((line) => !/^(# (HELP|TYPE) .+|\w+(\{.*\})? -?[\d.e-]+|)$/.test(line))).toEqual([])
  const other = { name: 'other', principal: 'human:other', tenant: 'other', role: 'viewer', expiresAt: null }
  const { token } = orThrow(await server.tokens.create(other))
  const theirs = await (await server.send('/metrics', { headers: { authorization: `Bearer ${token}` } })).text()
  expect(theirs).toContain('pawl_effects_in_doubt 0')
  expect(theirs).not.toContain('demo.add')
})

test('SE-32 metrics need a token that may read ops, whole or narrowed to that', async () => {
  await using server = await serving({ slots: 0 })
  const statusFor = async (role: string, permissions?: readonly string[]): Promise<number> => {
    const principal = role === 'agent' ? 'agent:a' : 'human:h'
    const scope = permissions === undefined ? null : { permissions: [...permissions] }
    const wanted = { name: 'm', principal, tenant: 'default', role, expiresAt: null, scope }
    const { token } = orThrow(await server.tokens.create(wanted))
    return (await server.send('/metrics', { headers: { authorization: `Bearer ${token}` } })).status
  }
  expect((await server.app.request('/metrics')).status).toBe(401)
  expect(await statusFor('viewer')).toBe(200)
  expect(await statusFor('viewer', ['ops.read'])).toBe(200)
  expect(await statusFor('viewer', ['execution.list'])).toBe(403)
  expect(await statusFor('agent')).toBe(403)
  expect(server.lines.filter((line) => line.includes('rbac_violation'))).toHaveLength(2)
})

test('a process that serves nobody tells without a token what concerns no tenant, and nothing else', async () => {
  await using server = await serving({ slots: 0 })
  await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } })
  const { host } = server.pawl.engine
  const app = createHealthApp({ role: 'leader', store: () => host.views.headPosition(), host })
  const text = await (await app.request('/metrics')).text()
  const open = Object.entries(metrics).flatMap(([name, { of }]) => (of === 'all' ? [name] : []))
  expect(namesIn(text).sort()).toEqual(open.sort())
  expect(text).toContain('pawl_build_info{version="0.1.0",role="leader"} 1')
  expect(text).not.toContain('demo.add')
})

test('ops says when a commit has been held up for seconds, and when the clocks differ', async () => {
  await using server = await serving({ slots: 0 })
  expect(standingNotices({ lagMs: 5_000, clockOffMs: -10_000 })).toEqual([])
  const { host } = server.pawl.engine
  Object.assign(host, { standing: () => Promise.resolve({ lagMs: 7_400, clockOffMs: -7_200_000 }) })
  expect((await bodyOf(await server.send('/v1/ops'))).anomalies).toEqual([
    'a commit has been under way for 7 s: something in the database holds it up',
    'the clocks of PostgreSQL and of this server differ by 7200 s',
  ])
})
