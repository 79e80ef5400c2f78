import type { z } from 'zod'
import type { BulkCommands } from '../control/bulk-commands.ts'
import type { Caller, ControlPlane } from '../control/control-plane.ts'
import type { Code } from '../errors/codes.ts'
import type { Refusal } from '../errors/refusal.ts'
import type { TokenScope } from '../store/sign-in.ts'
import type { Clock } from '../time/clock.ts'
import type { Permission } from './permissions.ts'
import type { TokenAuthority } from './token-authority.ts'

/** Who calls, with the role that decides what they may do. */
export interface Identity extends Caller {
  readonly role: string
  /** The token they signed in with. */
  readonly tokenId: string
  /** What the token is narrowed to. */
  readonly scope?: TokenScope | undefined
  /** The session of a browser that they came with. */
  readonly session?: string | undefined
  /** They hold the text before the last rotation: good for work until it ends, not for more tokens or sessions. */
  readonly isOldText?: true | undefined
}

/** What a command runs with. */
export interface CommandContext {
  readonly plane: ControlPlane
  readonly caller: Identity
  readonly clock: Clock
  readonly bulks: BulkCommands
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
  readonly traceId: string
  readonly tokens: TokenAuthority
  /** Told of every command that a role was denied. */
  readonly onDenied?: ((denied: Denied) => void) | undefined
}

export interface Denied {
  readonly command: string
  readonly permission: Permission
  readonly principal: string
  readonly role: string
  readonly executionId: string | null
}

/** `json`: one document · `events`: a stream of events · `file`: the bytes of an artifact. */
export type AnswerKind = 'json' | 'events' | 'file'

export interface HttpBinding {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Fields in braces come from the path; the rest from the query (GET, DELETE) or the body (POST). */
  readonly path: string
  /** Fields that a header carries. */
  readonly headers?: Readonly<Record<string, string>>
  readonly bodyBytesMax?: number
  readonly answers?: AnswerKind
  /** Status of a success; 200 unless the result says otherwise. */
  readonly statuses?: readonly number[]
}

export interface HttpAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: unknown
}

export interface CliBinding {
  /** Words behind `pawl`, for instance `dead-letter list`. */
  readonly words: string
  readonly aliases?: readonly string[]
  /** Fields given without a flag, in order; one with `…` takes many and calls the command for each. */
  readonly positionals?: readonly string[]
  /** Fields that have no flag. */
  readonly omit?: readonly string[]
  /** Columns of a list, in order, for people. */
  readonly columns?: readonly string[]
  /** Acts on several executions, so `--query` and `--yes` are offered. */
  readonly bulk?: boolean
  readonly examples?: readonly string[]
}

/** One thing a person or program can ask for: route, verb, documents and checks come from this. */
export interface Command {
  readonly name: string
  readonly summary: string
  readonly permission: Permission
  readonly input: z.ZodObject
  readonly http: HttpBinding
  readonly cli?: CliBinding | undefined
  /** The refusals it can give beside those of every command. */
  readonly refusals: readonly Code[]
  run(context: CommandContext, input: never): Promise<unknown>
  /** The HTTP answer, where it is more than status 200 and the result. */
  readonly respond?: (result: never) => HttpAnswer
}

type Definition<S extends z.ZodObject, R> = Omit<Command, 'input' | 'run' | 'respond'> & {
  readonly input: S
  run(context: CommandContext, input: z.output<S>): Promise<R>
  readonly respond?: (result: Exclude<R, Refusal>) => HttpAnswer
}

/** Declares a command; the types of input and result are checked here and erased afterwards. */
export function command<S extends z.ZodObject, R>(definition: Definition<S, R>): Command {
  return definition as Command
}

/** Refusals that any command can give. */
export const commonRefusals: readonly Code[] = [
  'not_signed_in',
  'invalid_token',
  'not_permitted',
  'ambiguous_credentials',
  'token_in_address',
  'unsupported_media_type',
  'rate_limited',
  'invalid_input',
  'invalid_json',
  'input_too_large',
  'input_too_deep',
  'store_busy',
  'store_closed',
  'quarantined',
]
