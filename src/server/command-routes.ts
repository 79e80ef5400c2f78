import type { Command, CommandContext, Denied, Identity } from '../commands/command.ts'
import { fieldsOf } from '../commands/fields.ts'
import { perform } from '../commands/perform.ts'
import { commands } from '../commands/table.ts'
import { isRefusal, type Refusal, refuse, toProblem } from '../errors/refusal.ts'
import type { OpenArtifact } from '../projections/artifact.ts'
import type { EventView } from '../projections/view.ts'
import { json, problem } from './answer.ts'
import { arrivalOf } from './arrival.ts'
import { fileAnswer } from './file.ts'
import type { Gate } from './gate.ts'
import type { OpenAnswer } from './open-answers.ts'
import type { App, AppOptions } from './options.ts'
import { type Binding, gatherInput } from './request.ts'
import { eventStream } from './stream.ts'

export interface RouteOptions extends AppOptions {
  readonly gate: Gate
  readonly onDenied: (denied: Denied) => void
}

/** One route for each command of the table. */
export function commandRoutes(app: App, options: RouteOptions): void {
  for (const command of commands) {
    const binding: Binding = { command, fields: fieldsOf(command.input) }
    const { method, path, answers } = command.http
    const isLong = answers === 'events' || command.name === 'wait'
    app.on(method, path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
      const traceId = c.get('traceId')
      const { gate, closing } = options
      const caller = await gate.enter(arrivalOf(c))
      if (isRefusal(caller)) return problem(caller, traceId)
      const open = gate.open(caller, isLong)
      if (isRefusal(open)) return problem(open, traceId)
      let isStream = false
      try {
        const gathered = await gatherInput(binding, c.req.raw, c.req.param())
        if (isRefusal(gathered)) return problem(gathered, traceId)
        const stop = new AbortController()
        const signals = [stop.signal, open.cut, c.req.raw.signal, ...(closing === undefined ? [] : [closing])]
        const context = contextOf(options, caller, traceId, AbortSignal.any(signals))
        const result = await perform(command, gathered.input, context)
        if (open.cut.aborted) return problem(over(), traceId)
        if (isRefusal(result)) return problem(result, traceId)
        const answer = await render(command, result, { options, request: c.req.raw, stop, open, traceId })
        isStream = command.http.answers === 'events'
        return isRefusal(answer) ? problem(answer, traceId) : answer
      } finally {
        if (!isStream) open.close()
      }
    })
  }
}

/** What whoever waits for an answer is told when he is not let in any more. */
export const over = (): Refusal =>
  refuse('invalid_token', 'The token or the session ended while the request was under way.')

export const contextOf = (
  { plane, bulks, clock, tokens, onDenied }: RouteOptions,
  caller: Identity,
  traceId: string,
  signal: AbortSignal,
): CommandContext => ({ plane, bulks, caller, clock, signal, traceId, tokens, onDenied })

interface Rendering {
  readonly options: RouteOptions
  readonly request: Request
  readonly stop: AbortController
  readonly open: OpenAnswer
  readonly traceId: string
}

async function render(
  command: Command,
  result: unknown,
  { options, request, stop, open, traceId }: Rendering,
): Promise<Response | Refusal> {
  switch (command.http.answers ?? 'json') {
    case 'events': {
      const { events } = result as { events: AsyncGenerator<EventView, Refusal | undefined> }
      const ended = () => toProblem(over(), `urn:pawl:trace:${traceId}`)
      return eventStream({ events, clock: options.clock, cut: open.cut, ended, onEnd: () => endStream(stop, open) })
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

function endStream(stop: AbortController, open: OpenAnswer): void {
  stop.abort()
  open.close()
}
