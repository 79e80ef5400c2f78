import { feedStanding, type StoreHost } from '../commit/host.ts'
import { isRefusal, refuse } from '../errors/refusal.ts'
import { metricsText } from '../projections/metrics.ts'
import { decideRight } from '../rights/decide-right.ts'
import { problem } from './answer.ts'
import { arrivalOf } from './arrival.ts'
import type { RouteOptions } from './command-routes.ts'
import type { App } from './options.ts'

const permission = 'ops.read'

/** `GET /metrics` for whoever may read `ops`: what concerns everybody, and what is the tenant's of the token. */
export function metricsRoute(app: App, options: RouteOptions): void {
  const { plane, gate, clock, version, role = 'all' } = options
  app.get('/metrics', async (c) => {
    const caller = await gate.enter(arrivalOf(c))
    if (isRefusal(caller)) return problem(caller, c.get('traceId'))
    const { principal, tenant, scope } = caller
    const asked = { principal, tenant, role: caller.role, permission, about: null, now: clock.now() }
    const decided = decideRight(await plane.whoMay.current(), asked)
    const isNarrower = scope !== undefined && (scope.actions !== undefined || !scope.permissions?.includes(permission))
    if (isRefusal(decided) || isNarrower) {
      options.onDenied({ command: 'metrics', permission, principal, role: caller.role, executionId: null })
      return problem(isRefusal(decided) ? decided : narrower(), c.get('traceId'))
    }
    return await answer(plane.host, { version, role, tenant, now: clock.now() })
  })
}

const narrower = () => refuse('not_permitted', `The token is narrowed; metrics need it whole, or with ${permission}.`)

/** What concerns no tenant, for whoever reaches a process that serves nobody else. */
export function openMetricsRoute(app: App, host: MeasuredHost, role: string): void {
  app.get('/metrics', () => answer(host, { role, tenant: null, now: 0 }))
}

export type MeasuredHost = Pick<StoreHost, 'views' | 'standing'>

interface Told {
  readonly version?: string | undefined
  readonly role: string
  readonly tenant: string | null
  readonly now: number
}

async function answer(host: MeasuredHost, { version = '0.1.0', ...told }: Told): Promise<Response> {
  const text = await metricsText({ views: host.views, standing: await feedStanding(host), version, ...told })
  return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } })
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
