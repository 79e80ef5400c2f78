import { setTimeout as sleep } from 'node:timers/promises'
import type { LogLineView } from '../client.ts'
import { isTerminal } from '../execution/machine.ts'
import { plain, printJson } from './output.ts'
import type { CliContext } from './run-command.ts'

export interface LogFlags {
  readonly after?: number | undefined
  readonly limit?: number | undefined
  readonly level?: LogLineView['level'] | undefined
  readonly follow: boolean
}

const everyMs = 1_000

/** Prints what handlers have said; with `follow` until the execution has ended. */
export async function printLogs(
  id: string,
  { after = 0, limit, level, follow }: LogFlags,
  context: CliContext,
): Promise<number> {
  const { client, terminal, json, signal } = context
  const page = (from: number) =>
    client().logs(id, {
      after: from,
      ...(limit === undefined ? {} : { limit }),
      ...(level === undefined ? {} : { level }),
    })
  if (!follow) {
    const items = await page(after)
    if (json) printJson(terminal, { items })
    else for (const line of items) terminal.out(lineText(line))
    return 0
  }
  for (let seen = after; !signal.aborted; ) {
    const { state } = await client().get(id)
    const items = await page(seen)
    for (const line of items) terminal.out(json ? JSON.stringify({ schema: 1, ...line }) : lineText(line))
    seen = items.at(-1)?.seq ?? seen
    if (items.length > 0) continue
    if (isTerminal(state)) return 0
    await sleep(everyMs, undefined, { signal }).catch(() => {})
  }
  return 130
}

const lineText = ({ at, level, message, fields }: LogLineView): string =>
  plain(
    [at, level.padEnd(5), message.replaceAll('\n', ' '), ...(fields === null ? [] : [JSON.stringify(fields)])].join(
      '  ',
    ),
  )
