import { Hono } from 'hono'
import type { ProcessRole } from '../store/fleet.ts'
import { json } from './answer.ts'
import { type MeasuredHost, openMetricsRoute } from './metrics.ts'
import type { App, AppOptions } from './options.ts'

export interface HealthOptions {
  readonly role: ProcessRole
  /** Asks the store; throws when it does not answer. */
  readonly store: () => unknown
  /** What else keeps this process from doing its part, in a sentence; null when nothing does. */
  readonly lacks?: (() => string | null) | undefined
}

/** `healthz`: the process lives · `readyz`: it can do what its role is for. */
export function healthRoutes(app: App, { role, store, lacks = () => null }: HealthOptions): void {
  app.get('/healthz', () => json({ status: 'ok', role }))
  app.get('/readyz', async () => {
    try {
      await store()
    } catch {
      return json({ status: 'not_ready', role, why: 'The store does not answer.' }, 503)
    }
    const why = lacks()
    return why === null ? json({ status: 'ready', role }) : json({ status: 'not_ready', role, why }, 503)
  })
}

/** All that a process without the HTTP API serves; with a host to measure, the metrics that concern no tenant, too. */
export function createHealthApp(
  options: HealthOptions & Pick<AppOptions, 'delivery'> & { readonly host?: MeasuredHost | undefined },
): App {
  const app: App = new Hono()
  healthRoutes(app, options)
  if (options.host !== undefined) openMetricsRoute(app, options.host, options)
  app.notFound(() => json({ status: 'not_found', role: options.role }, 404))
  return app
}
