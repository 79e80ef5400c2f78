import { isRefusal } from '../errors/refusal.ts'
import { decideRight } from '../rights/decide-right.ts'
import { json, problem } from './answer.ts'
import { readJson } from './body.ts'
import type { RouteOptions } from './command-routes.ts'
import { identify } from './identify.ts'
import type { App } from './options.ts'

/** As large as a message over the local socket may be. */
/** The largest plan, with its canonical texts written as JSON strings. */
const bodyBytesMax = 10 * 1024 * 1024

/** The worker protocol over HTTP, for principals that may use it. */
export function protocolRoutes(app: App, options: RouteOptions): void {
  for (const route of options.protocolRoutes ?? []) {
    app.post(route.path, async (c) => {
      const traceId = c.get('traceId')
      const caller = await identify(c.req.raw, options.tokens)
      if (isRefusal(caller)) return problem(caller, traceId)
      c.set('principal', caller.principal)
      const { principal, role, tenant } = caller
      const permission = 'worker.protocol'
      const rights = await options.plane.whoMay.current()
      const asked = { principal, role, tenant, permission, about: null, now: options.clock.now() }
      const decided = decideRight(rights, asked)
      if (isRefusal(decided)) {
        options.onDenied({
          command: `worker ${route.name}`,
          permission,
          principal,
          role,
          executionId: null,
        })
        return problem(decided, traceId)
      }
      const body = await readJson(c.req.raw, bodyBytesMax)
      if (isRefusal(body)) return problem(body, traceId)
      const answer = await route.answer(body.value, () => c.req.raw.signal.aborted)
      return isRefusal(answer) ? problem(answer, traceId) : json(answer)
    })
  }
}
