/** One time that a process took up the duties of the store: the newest has them, and no older epoch may do any. */
export interface Leader {
  readonly epoch: number
  /** Names the process among all that ever were. */
  readonly holder: string
  readonly host: string
  readonly pid: number
  readonly since: number
  /** When somebody else may take them up; null where nobody else can hold the store. */
  readonly until: number | null
  /** When it gave them up by itself. */
  readonly endedAt: number | null
  /** Duties that were given under this epoch after another had begun, and when the last of them was. */
  readonly refused: number
  readonly refusedAt: number | null
}

/** What a process is started as: everything · HTTP and admission · executions · what is done once for all. */
export const processRoles = ['all', 'api', 'worker', 'leader'] as const
export type ProcessRole = (typeof processRoles)[number]

/** One process that holds the store, for people who look after it: no work, slot or lease hangs on this row. */
export interface FleetProcess {
  /** Names it among all that ever were, as the holder of an epoch of the leader does. */
  readonly id: string
  readonly role: ProcessRole
  readonly name: string
  readonly host: string
  readonly pid: number
  /** As of a worker: what proves a death. */
  readonly startedTicks: string | null
  readonly bootId: string | null
  /** Of Pawl, and the number of the newest migration that it knows. */
  readonly version: string
  readonly schema: number
  readonly startedAt: number
  readonly seenAt: number
  readonly endedAt: number | null
  /** How its death is known; null while it lives, and where it has ended by itself. */
  readonly proof: string | null
}
