import { createInterface } from 'node:readline/promises'
import type { Client } from '../client.ts'
import type { Command } from '../commands/command.ts'
import { explain } from '../commands/operating.ts'
import { codes } from '../errors/codes.ts'
import { isRefusal, toProblem } from '../errors/refusal.ts'
import { callCommand } from './call.ts'
import { humanText, printJson, printRefusal, type Terminal } from './output.ts'

export interface CliContext {
  readonly client: () => Client
  readonly url: () => string
  readonly terminal: Terminal
  readonly json: boolean
  readonly yes: boolean
  readonly signal: AbortSignal
}

export type Input = Readonly<Record<string, unknown>>

/** Runs one command once and prints its answer. Returns the exit code. */
export async function runOnce(command: Command, input: Input, context: CliContext): Promise<number> {
  const { terminal, json, signal } = context
  if (command.name === 'explain') {
    const answer = explain(String(input.code))
    if (isRefusal(answer)) return printRefusal(terminal, answer, json)
    return show(answer, command, context)
  }
  const answer = await callCommand(context.client(), command, input, signal)
  if (isRefusal(answer)) return printRefusal(terminal, answer, json)
  return show(answer.body, command, context)
}

function show(body: unknown, command: Command, { terminal, json, url }: CliContext): number {
  const document =
    command.name === 'sign-in' ? { ...(body as object), url: `${url()}${(body as { path: string }).path}` } : body
  if (json) printJson(terminal, document as object)
  else {
    terminal.out(changed(command, document) ?? humanText(document, command.cli?.columns))
    const { next } = document as { next?: unknown }
    if (typeof next === 'string' && command.cli?.columns !== undefined) terminal.err(`More with: --cursor ${next}`)
  }
  return 0
}

/** Whoever has commanded an execution wants to know how it stands, not all there is to know about it. */
function changed({ http }: Command, document: unknown): string | null {
  const { id, state, action } = document as { id?: unknown; state?: unknown; action?: unknown }
  return http.method === 'POST' && typeof state === 'string' && typeof action === 'string'
    ? `${String(id)}  ${state}`
    : null
}

const parallelMax = 8

/** Runs a command on each of the executions that were named. */
export async function runOnEach(
  command: Command,
  asked: { readonly ids: readonly string[]; readonly input: Input },
  context: CliContext,
): Promise<number> {
  const { terminal, json } = context
  const ids = [...new Set(asked.ids)]
  const [only] = ids
  if (ids.length === 1) return runOnce(command, { ...asked.input, id: only }, context)
  const items: { id: string; ok: boolean; [field: string]: unknown }[] = []
  const queue = [...ids]
  const client = context.client()
  const work = async (): Promise<void> => {
    for (let id = queue.shift(); id !== undefined; id = queue.shift()) {
      const answer = await callCommand(client, command, { ...asked.input, id }, context.signal)
      items.push(
        isRefusal(answer)
          ? { id, ok: false, error: toProblem(answer) }
          : { id, ok: true, state: (answer.body as { state?: unknown }).state },
      )
    }
  }
  await Promise.all(Array.from({ length: Math.min(parallelMax, ids.length) }, work))
  const failed = items.find(({ ok }) => !ok)
  const done = items.filter(({ ok }) => ok).length
  if (json) printJson(terminal, { items, done, refused: items.length - done })
  else {
    for (const { id, ok, state, error } of items) {
      terminal.out(ok ? `${id}  ${String(state)}` : `${id}  refused: ${(error as { code: string }).code}`)
    }
    terminal.err(`${done} done, ${items.length - done} refused.`)
  }
  return failed === undefined ? 0 : codes[(failed.error as { code: keyof typeof codes }).code].exit
}

export async function confirmed(question: string, { terminal }: CliContext): Promise<boolean> {
  if (!process.stdin.isTTY) {
    terminal.err(`${question} Nobody can be asked here; add --yes.`)
    return false
  }
  const prompt = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} [y/N] `)).trim())
  } finally {
    prompt.close()
  }
}
