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
  /**
   * Commits what you write through `tx` and the record of this step in one transaction, where Pawl's store is the PostgreSQL
   * database that holds your data: once, whatever crashes. The function may run again after a failure, its writes do not
   * come twice. In a record-only run nothing is written: `simulate` gives the value.
   */
  transaction<T>(
    name: string,
    fn: (tx: HandlerTransaction) => T | Promise<T>,
    options?: { readonly simulate?: () => T },
  ): Promise<T>
  /**
   * Sleeps for milliseconds or a text such as `3d`, at most ten years. What is longer than a second holds no slot: the
   * run ends here, and is taken up again when the time has come, at no attempt. What runs beside it must be steps and effects.
   */
  sleep(name: string, duration: number | string): Promise<void>
  /**
   * Waits for a signal that somebody sends to this execution by this name, and gives what it carries; null when it did
   * not come within `timeout`. Signals are taken in the order in which they came, each once; one that came early waits.
   */
  waitForSignal<T = unknown>(name: string, options?: { readonly timeout?: number | string }): Promise<T | null>
  /**
   * Submits an execution that belongs to this one: in its tenant, in the name of its requester, once for each place in
   * the journal. A cancel of this execution ends it, too, unless `onParentCancel` is `abandon`.
   */
  child<T = unknown>(name: string, request: ChildRequest): Promise<Child<T>>
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

/** A transaction that is open for a handler, on the database that is Pawl's store. */
export interface HandlerTransaction {
  /** One statement with its values; fails as the driver of the database fails. */
  query<Row = Readonly<Record<string, unknown>>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<{ readonly rows: Row[]; readonly rowCount: number | null }>
  /** The client of the database's driver itself, for libraries that want one. It must neither begin nor commit. */
  readonly client: unknown
}

export interface ChildRequest {
  readonly action: string
  readonly version?: number | undefined
  readonly input: unknown
  readonly subject?: string | undefined
  readonly priority?: number | undefined
  readonly runAt?: number | string | undefined
  readonly delay?: number | string | undefined
  readonly deadline?: number | string | undefined
  readonly recordOnly?: boolean | undefined
  readonly slaClass?: string | undefined
  readonly actionClass?: string | undefined
  readonly onParentCancel?: 'cancel' | 'abandon' | undefined
}

export interface Child<T> {
  readonly id: string
  /**
   * Waits for its end without a slot, and gives its result.
   *
   * @throws ChildFailed when it failed, expired or was canceled.
   */
  result(): Promise<T>
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
