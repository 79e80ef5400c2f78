import type { Client } from '../client.ts'
import type { Command } from '../commands/command.ts'
import type { Refusal } from '../errors/refusal.ts'

/** Sends a command of the table to the server: path, then query or body. */
export function callCommand(
  client: Client,
  { http }: Command,
  input: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<{ readonly status: number; readonly headers: Headers; readonly body: unknown } | Refusal> {
  const rest: Record<string, unknown> = { ...input }
  const path = http.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => {
    const value = String(rest[field])
    delete rest[field]
    return encodeURIComponent(value)
  })
  const { method } = http
  return method === 'POST'
    ? client.tryAsk({ method, path, body: rest, signal })
    : client.tryAsk({ method, path, query: rest, signal })
}
