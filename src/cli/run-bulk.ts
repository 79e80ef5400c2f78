import type { BulkReport, Client } from '../client.ts'
import type { Command } from '../commands/command.ts'
import { codes } from '../errors/codes.ts'
import { type Bulk, bulkCommands } from '../store/rows.ts'
import { createSystemClock } from '../time/clock.ts'
import { usage } from './inputs.ts'
import { printJson } from './output.ts'
import { type CliContext, confirmed, type Input } from './run-command.ts'

const lookFirstMs = 50
const lookMaxMs = 1_000

/**
 * Has the server run a command on everything that a query finds now: says first how many that is, shows how far it is, and
 * ends with the exit code of what was refused most, or 0.
 */
export async function runBulk(
  command: Command,
  { query: written, input }: { readonly query: string; readonly input: Input },
  context: CliContext,
): Promise<number> {
  const { client: clientOf, terminal, json, yes } = context
  const { reason, ...others } = input
  const [other] = Object.keys(others)
  if (other !== undefined) throw usage(`${other} is for one execution: name its id, or leave it out.`)
  const { verb, query } = meaning(command, written)
  const client = clientOf()
  const why = reason === undefined ? {} : { reason: reason as string }
  const asked = { command: verb, query, ...why }
  const preview = await client.bulk.preview(asked)
  if (preview.count === 0) {
    if (json) printJson(terminal, { total: 0, done: 0, refused: 0, refusals: {} })
    else terminal.err('The query finds nothing, so nothing was done.')
    return 0
  }
  const states = Object.entries(preview.byState).map(([state, count]) => `${count} ${state}`)
  terminal.err(`The query finds ${preview.count} executions: ${states.join(', ')}.`)
  if (!yes && !(await confirmed(`${command.name} ${preview.count} executions?`, context))) return 2
  const started = await client.bulk.start(asked)
  const ended = await followed(client, started.id, context)
  if (ended === null) {
    terminal.err(
      `Bulk command ${started.id} goes on.\n  next: pawl bulk get ${started.id}, or pawl bulk cancel ${started.id}`,
    )
    return 130
  }
  return conclude(ended, context)
}

/** A dead letter is what failed for good; everything else is named like its command. */
function meaning({ name }: Command, query: string): { readonly verb: Bulk['command']; readonly query: string } {
  const verb = bulkCommands.find((each) => each === name.replace('dead-letter ', ''))
  if (verb === undefined) throw usage(`${name} takes no --query.`)
  return { verb, query: verb === name ? query : `${query} state:failed` }
}

/** Looks until it is over, at first often; null when whoever looks was interrupted. */
async function followed(client: Client, id: string, { terminal, signal }: CliContext): Promise<BulkReport | null> {
  const clock = createSystemClock()
  for (let waitMs = lookFirstMs, shown = 0; !signal.aborted; waitMs = Math.min(lookMaxMs, waitMs * 2)) {
    const bulk = await client.bulk.get(id)
    if (bulk.finishedAt !== null) return bulk
    const { done, refused, total } = bulk
    if (done + refused > shown) terminal.err(`${done + refused} of ${total}, ${refused} refused`)
    shown = done + refused
    await clock.sleep(waitMs, signal).catch(() => {})
  }
  return null
}

function conclude(bulk: BulkReport, { terminal, json }: CliContext): number {
  const { id, state, done, refused, total, refusals } = bulk
  if (json) printJson(terminal, bulk)
  else {
    terminal.out(`${id}  ${state}  ${done} of ${total}`)
    for (const [code, count] of Object.entries(refusals)) terminal.out(`${count} refused: ${code}`)
    terminal.err(`${done} done, ${refused} refused.`)
  }
  if (state === 'canceled') return 7
  const [most] = Object.keys(refusals)
  return most === undefined ? 0 : codes[most as keyof typeof codes].exit
}
