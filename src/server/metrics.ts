import { feedStanding, type StoreHost } from '../commit/host.ts'
import { isRefusal } from '../errors/refusal.ts'
import { pawlVersion } from '../identity/version.ts'
import { metricsText } from '../projections/metrics.ts'
import { problem } from './answer.ts'
import { arrivalOf } from './arrival.ts'
import type { RouteOptions } from './command-routes.ts'
import type { App, AppOptions } from './options.ts'
import { refuseWhole } from './whole-right.ts'

/** `GET /metrics` for whoever may read `ops`: what concerns everybody, and what is the tenant's of the token. */
export function metricsRoute(app: App, options: RouteOptions): void {
  const { plane, gate, clock, version, role = 'all', delivery } = options
  app.get('/metrics', async (c) => {
    const caller = await gate.enter(arrivalOf(c))
    if (isRefusal(caller)) return problem(caller, c.get('traceId'))
    const refused = await refuseWhole(options, caller, { command: 'metrics', permission: 'ops.read', narrowed })
    if (refused !== null) return problem(refused, c.get('traceId'))
    return await answer(plane.host, { version, role, delivery, tenant: caller.tenant, now: clock.now() })
  })
}

const narrowed = 'The token is narrowed; metrics need it whole, or with ops.read.'

/** What concerns no tenant, for whoever reaches a process that serves nobody else. */
export function openMetricsRoute(app: App, host: MeasuredHost, of: Pick<Told, 'role' | 'delivery'>): void {
  app.get('/metrics', () => answer(host, { role: of.role, delivery: of.delivery, tenant: null, now: 0 }))
}

export type MeasuredHost = Pick<StoreHost, 'views' | 'standing'>

interface Told {
  readonly version?: string | undefined
  readonly role: string
  readonly delivery?: AppOptions['delivery']
  readonly tenant: string | null
  readonly now: number
}

async function answer(host: MeasuredHost, { version = pawlVersion, delivery, ...told }: Told): Promise<Response> {
  const log = delivery?.counts() ?? { waiting: 0, dropped: 0 }
  const text = await metricsText({ views: host.views, standing: await feedStanding(host), log, version, ...told })
  return new Response(text, { headers: { 'content-type': contentType, 'cache-control': 'no-store' } })
}

const contentType = 'text/plain; version=0.0.4; charset=utf-8'
