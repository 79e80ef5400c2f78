import { Hono } from 'hono'
import type { Denied } from '../commands/command.ts'
import { openapi } from '../commands/openapi.ts'
import { codes } from '../errors/codes.ts'
import { refuse } from '../errors/refusal.ts'
import { problem, refusalOf } from './answer.ts'
import { arrivalOf, headerCountOf } from './arrival.ts'
import { commandRoutes } from './command-routes.ts'
import { Gate } from './gate.ts'
import { healthRoutes } from './health.ts'
import { metricsRoute } from './metrics.ts'
import type { App, AppOptions } from './options.ts'
import { pageRoutes } from './page-routes.ts'
import { addSecurityHeaders } from './security-headers.ts'
import { headerCountMax } from './wire.ts'
import { protocolRoutes } from './worker-routes.ts'

/** The HTTP side: routes of the command table, of the worker protocol and of the page, with one log line for each request. */
export function createApp(options: AppOptions): App {
  const { clock, random, plane } = options
  const log = options.log.module('server')
  const gate = new Gate(options, log)
  const app: App = new Hono()
  app.use(async (c, next) => {
    const startedAt = clock.now()
    const traceId = traceOf(c.req.header('traceparent')) ?? random.uuid().replaceAll('-', '')
    c.set('traceId', traceId)
    const { request, remoteAddress } = arrivalOf(c)
    const { address, isSecure } = gate.peer(request, remoteAddress)
    if (headerCountOf(c) > headerCountMax)
      c.res = problem(refuse('headers_too_large', codes.headers_too_large.why), traceId)
    else await next()
    addSecurityHeaders(c.res.headers, isSecure)
    c.res.headers.set('x-trace-id', traceId)
    const { method, path } = c.req
    log.info(
      {
        traceId,
        method,
        path,
        status: c.res.status,
        principal: c.get('principal') ?? null,
        address,
        ms: clock.now() - startedAt,
      },
      'request',
    )
  })
  const { role = 'all' } = options
  healthRoutes(app, { role, store: () => plane.host.views.headPosition() })
  const document = JSON.stringify(openapi(options.version))
  app.get('/openapi.json', () => new Response(document, { headers: { 'content-type': 'application/json' } }))

  const onDenied = (denied: Denied): void => log.warn({ event: 'rbac_violation', ...denied }, 'denied')
  commandRoutes(app, { ...options, gate, onDenied })
  protocolRoutes(app, { ...options, gate, onDenied })
  metricsRoute(app, { ...options, gate, onDenied })
  pageRoutes(app, { ...options, gate, onDenied })
  app.notFound((c) => {
    const what = `${c.req.method} ${c.req.path.slice(0, 200)}`.toWellFormed()
    return problem(
      refuse('not_found', `There is no route ${what}.`, undefined, 'See /openapi.json for all routes.'),
      c.get('traceId'),
    )
  })
  app.onError((error, c) => {
    const refusal = refusalOf(error)
    const traceId = c.get('traceId')
    log.error({ traceId, code: refusal.code, error: error.message, stack: error.stack }, 'request failed')
    return problem(refusal, traceId)
  })
  return app
}

/** The trace id of a W3C `traceparent`. */
const traceOf = (header: string | undefined): string | undefined =>
  /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(header ?? '')?.[1]
