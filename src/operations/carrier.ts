import { orThrow, type Refusal } from '../errors/refusal.ts'
import type { EventView } from '../projections/view.ts'
import type { routes } from './routes.ts'
import type { Download } from './shapes.ts'

/** The name of a command in the table. */
export type CommandName = keyof typeof routes

export interface Carried {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** Brings commands of the table to whatever answers them: a server, or the engine of this process. */
export interface Carrier {
  carry(command: CommandName, input: object, signal?: AbortSignal): Promise<Carried | Refusal>
  /** Every event above `after` as it is committed; ends with the execution. */
  follow(id: string, after: number, signal?: AbortSignal): AsyncGenerator<EventView, void>
  download(id: string, name: string, signal?: AbortSignal): Promise<Download | Refusal>
}

/** What a command answered. */
export async function answerOf<T>(
  carrier: Carrier,
  command: CommandName,
  input: object = {},
  signal?: AbortSignal,
): Promise<T> {
  return orThrow(await carrier.carry(command, input, signal)).body as T
}

/** What a list holds. */
export async function itemsOf<T>(carrier: Carrier, command: CommandName, input: object = {}): Promise<readonly T[]> {
  return (await answerOf<{ readonly items: readonly T[] }>(carrier, command, input)).items
}

/** Whether the submission found what its idempotency key already had. */
export const isReplayed = ({ headers }: Carried): boolean => headers.get('idempotent-replayed') === 'true'
