/** What a handler is given: its input, the means to record and to act, and everything that replaces clock and dice. */
export interface RunContext<Input = unknown, SecretName extends string = string> {
  readonly input: Input
  readonly executionId: string
  readonly tenant: string
  readonly subject: string | null
  readonly traceId: string
  /** Counts from 1; grows only after a failure or a lost lease. */
  readonly attempt: number
  /** Grows with every claim: hand it to systems that compare it, so that they refuse a worker that was overtaken. */
  readonly fence: number
  /** Aborted on cancel, timeout, lost lease and shutdown; its reason is the failure. */
  readonly signal: AbortSignal
  /** True if everything is recorded and no effect performed. */
  readonly recordOnly: boolean
  readonly secrets: Readonly<Record<SecretName, string>>
  /** Runs once and is recorded; after a crash the recorded value is given again. The value must be JSON. */
  step<T>(name: string, fn: () => T | Promise<T>): Promise<T>
  /** Changes the outside world: the intent is committed before the call, the outcome after it. */
  effect<T>(name: string, spec: EffectSpec<T>): Promise<T>
  /** Tells how far it is: a fraction from 0 to 1, or counts. */
  progress(progress: Progress): void | Promise<void>
  /**
   * Keeps a file, up to 1 GiB unless configured otherwise; a stream goes through in pieces and is hashed on the way.
   * Text of at most 10 KiB lies in the row, everything else in the artifact store.
   */
  artifact(
    name: string,
    content: Uint8Array | string | AsyncIterable<Uint8Array | string>,
    mediaType: string,
  ): Promise<Artifact>
  log(message: string, fields?: Readonly<Record<string, unknown>>): void
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Seeded: in [0, 1), the same sequence in every attempt. */
  random(): number
  /** Seeded: the same sequence in every attempt. */
  uuid(): string
  /** Time of admission in epoch ms, the same in every attempt. */
  now(): number
  /** Wall clock in epoch ms; different in every attempt. */
  clock(): number
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export type Progress = number | { readonly done: number; readonly total: number; readonly message?: string }

/** A stored file, addressed by its content. */
export interface Artifact {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly mediaType: string
  /** Where the artifact store keeps it; null for text that lies in the row. */
  readonly path: string | null
}

/** What an effect is told about itself. */
export interface EffectContext {
  /** The same over all attempts and redrives of one effect: hand it on as the idempotency key. */
  readonly effectKey: string
  readonly fence: number
  readonly signal: AbortSignal
}

/**
 * One change of the outside world.
 *
 * `target` says what happens if it is repeated: `keyed` honours `effectKey`, `fenced` compares `fence`, `opaque` does neither.
 */
export interface EffectSpec<T> {
  readonly target: EffectTarget
  do(context: EffectContext): Promise<T> | T
  /** In doubt, did it happen? Gives its value if it did, `undefined` or `null` if it did not. */
  reconcile?(context: EffectContext): Promise<T | null | undefined> | T | null | undefined
  /** Stands in for the value when the execution is record-only. */
  simulate?(): T
}

export type EffectTarget = 'keyed' | 'fenced' | 'opaque'
