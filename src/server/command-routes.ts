import type { Command, CommandContext, Denied, Identity } from '../commands/command.ts'
import { fieldsOf } from '../commands/fields.ts'
import { perform } from '../commands/perform.ts'
import { commands } from '../commands/table.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import type { OpenArtifact } from '../projections/artifact.ts'
import type { EventView } from '../projections/view.ts'
import { json, problem } from './answer.ts'
import { fileAnswer } from './file.ts'
import { identify } from './identify.ts'
import type { App, AppOptions } from './options.ts'
import { type Binding, gatherInput } from './request.ts'
import { eventStream } from './stream.ts'

export interface RouteOptions extends AppOptions {
  readonly onDenied: (denied: Denied) => void
}

/** One route for each command of the table. */
export function commandRoutes(app: App, options: RouteOptions): void {
  for (const command of commands) {
    const binding: Binding = { command, fields: fieldsOf(command.input) }
    const { method, path } = command.http
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
      const traceId = c.get('traceId')
      const caller = await identify(c.req.raw, options.tokens)
      if (isRefusal(caller)) return problem(caller, traceId)
      c.set('principal', caller.principal)
      const gathered = await gatherInput(binding, c.req.raw, c.req.param())
      if (isRefusal(gathered)) return problem(gathered, traceId)
      const stop = new AbortController()
      const signal = AbortSignal.any([stop.signal, c.req.raw.signal, ...(options.closing ? [options.closing] : [])])
      const context = contextOf(options, caller, traceId, signal)
      const result = await perform(command, gathered.input, context)
      if (isRefusal(result)) return problem(result, traceId)
      const answer = await render(command, result, { options, request: c.req.raw, stop: () => stop.abort() })
      return isRefusal(answer) ? problem(answer, traceId) : answer
    })
  }
}

export const contextOf = (
  { plane, bulks, clock, tokens, onDenied }: RouteOptions,
  caller: Identity,
  traceId: string,
  signal: AbortSignal,
): CommandContext => ({ plane, bulks, caller, clock, signal, traceId, tokens, onDenied })

interface Rendering {
  readonly options: RouteOptions
  readonly request: Request
  readonly stop: () => void
}

async function render(
  command: Command,
  result: unknown,
  { options, request, stop }: Rendering,
): Promise<Response | Refusal> {
  switch (command.http.answers ?? 'json') {
    case 'events': {
      const { events } = result as { events: AsyncGenerator<EventView, Refusal | undefined> }
      return eventStream({ events, clock: options.clock, stop })
    }
    case 'file':
      return fileAnswer(result as OpenArtifact, request.headers.get('if-none-match'))
    case 'json': {
      if (command.respond === undefined) return json(result)
      const { status, headers, body } = command.respond(result as never)
      return json(body, status, headers)
    }
  }
}
