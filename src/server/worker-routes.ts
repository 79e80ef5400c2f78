import { isRefusal } from '../errors/refusal.ts'
import { json, problem } from './answer.ts'
import { arrivalOf } from './arrival.ts'
import { readJson } from './body.ts'
import { over, type RouteOptions } from './command-routes.ts'
import type { OpenAnswer } from './open-answers.ts'
import type { App } from './options.ts'
import { refuseWhole } from './whole-right.ts'

/** As large as a message over the local socket may be. */
/** The largest plan, with its canonical texts written as JSON strings. */
const bodyBytesMax = 10 * 1024 * 1024

/** The worker protocol over HTTP, for principals that may use it. */
export function protocolRoutes(app: App, options: RouteOptions): void {
  for (const route of options.protocolRoutes ?? []) {
    app.post(route.path, async (c) => {
      const traceId = c.get('traceId')
      const caller = await options.gate.enter(arrivalOf(c), { isUnlimited: true })
      if (isRefusal(caller)) return problem(caller, traceId)
      const wanted = { command: `worker ${route.name}`, permission: 'worker.protocol', narrowed } as const
      const refused = await refuseWhole(options, caller, wanted)
      if (refused !== null) return problem(refused, traceId)
      const open = options.gate.open(caller, false)
      if (isRefusal(open)) return problem(open, traceId)
      try {
        const body = await readJson(c.req.raw, bodyBytesMax)
        if (isRefusal(body)) return problem(body, traceId)
        // What was claimed for somebody who is not let in any more goes back, as for one who left.
        const answering = route.answer(body.value, () => c.req.raw.signal.aborted || open.cut.aborted)
        const answer = await Promise.race([answering, cutOf(open)])
        if (open.cut.aborted) {
          answering.catch(() => {})
          return problem(over(), traceId)
        }
        return isRefusal(answer) ? problem(answer, traceId) : json(answer)
      } finally {
        open.close()
      }
    })
  }
}

const narrowed = 'The token is narrowed to other permissions than that of the worker protocol.'

const cutOf = ({ cut }: OpenAnswer): Promise<null> =>
  new Promise((resolve) => {
    if (cut.aborted) resolve(null)
    cut.addEventListener('abort', () => resolve(null), { once: true })
  })
