import type { Answered, EventView, ExecutionView } from '../client.ts'
import { isTerminal } from '../execution/machine.ts'
import { plain, printJson } from './output.ts'
import type { CliContext } from './run-command.ts'

/** Prints events as they are committed, until the execution ends: exit 0 if it succeeded, 7 if not. */
export async function watchExecution(
  id: string,
  { after = 0 }: { after?: number },
  context: CliContext,
): Promise<number> {
  const { client, terminal, json, signal } = context
  for await (const event of client().watch(id, { after, signal })) {
    if (json) terminal.out(JSON.stringify({ schema: 1, ...event }))
    else terminal.out(eventLine(event))
  }
  if (signal.aborted) return 130
  return conclude(await client().get(id), context, { print: false })
}

/** Waits for the end, showing it: exit 0 if it succeeded, 7 if not. */
export async function waitForEnd(id: string, timeoutMs: number | undefined, context: CliContext): Promise<number> {
  const { client, signal } = context
  const ended = await client().wait(id, { signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) })
  return conclude(ended, context, { print: true })
}

/** Shows what an immediate submission came to: exit 0 if it succeeded, 7 if not, 8 while it goes on. */
export function ranImmediately({ status, body }: Answered, context: CliContext): number {
  const { why, next, ...execution } = body as ExecutionView & { why?: string; next?: string }
  if (status === 200) return conclude(execution, context, { print: true })
  const { terminal, json } = context
  if (json) printJson(terminal, { ...execution, why, next })
  else terminal.out(`${execution.id}  ${execution.state}`)
  terminal.err(`It goes on in the background. ${plain(why ?? '')}\n  next: ${plain(next ?? '')}`)
  return 8
}

function conclude(execution: ExecutionView, { terminal, json }: CliContext, { print }: { print: boolean }): number {
  const { id, state, lastError, result } = execution
  if (print) {
    if (json) printJson(terminal, execution)
    else terminal.out(`${id}  ${state}${result === null ? '' : `  ${plain(JSON.stringify(result))}`}`)
  }
  if (state === 'succeeded') return 0
  terminal.err(`${id} is ${state}${lastError === null ? '' : `: ${plain(lastError)}`}\n  next: pawl why ${id}`)
  return isTerminal(state) ? 7 : 8
}

const eventLine = ({ sequence, at, type, to, principal, attempt, reason, errorClass, data }: EventView): string =>
  plain(
    [
      at,
      String(sequence).padStart(3),
      type.padEnd(18),
      to.padEnd(16),
      principal,
      attempt > 0 ? `attempt ${attempt}` : '',
      errorClass ?? '',
      reason ?? '',
      type === 'progress' || type === 'step_recorded' ? JSON.stringify(data) : '',
    ]
      .filter((part) => part !== '')
      .join('  '),
  )
