import { readGate } from '../../execution/approval.ts'
import type { Effect, Ending, Execution, LogLine, Outcome, Request, Step } from '../../execution/execution.ts'
import { stateOf } from '../../execution/machine.ts'
import type { Permit } from '../../execution/permit.ts'
import type { TimeoutPolicy } from '../../execution/timeout-policy.ts'
import type {
  ArchiveEntry,
  Artifact,
  Bulk,
  Depth,
  Limit,
  Misfire,
  Parked,
  Pause,
  PauseInterval,
  Queue,
  RateState,
  Ready,
  Release,
  Schedule,
  Timer,
  Waiter,
} from '../rows.ts'
import type { FailurePattern } from '../store.ts'
import { executionWidth } from './columns.ts'
import { nameOf } from './lookups.ts'

/**
 * Reads rows as SQLite gives them, as arrays in the order of the statements' columns. STRICT tables and NOT NULL
 * warrant the types that are claimed here.
 */
export type Row = readonly unknown[]

const integer = (value: unknown): number => value as number
const integerOrNull = (value: unknown): number | null => value as number | null
const text = (value: unknown): string => value as string
const textOrNull = (value: unknown): string | null => value as string | null

export function executionOf(row: Row): Execution {
  return {
    id: integer(row[0]),
    tenant: text(row[1]),
    queue: integer(row[2]),
    state: stateOf(integer(row[3])),
    n: integer(row[4]),
    attempt: integer(row[5]),
    maxAttempts: integer(row[6]),
    fence: integer(row[7]),
    head: integer(row[8]),
    rank: integer(row[9]),
    availableAt: integer(row[10]),
    deadlineAt: integerOrNull(row[11]),
    worker: integerOrNull(row[12]),
    // A lease to plan has a column of its own, so that the tables can tell it from a lease to run.
    leaseUntil: integerOrNull(row[13] ?? row[28]),
    leaseRenewals: integer(row[14]),
    waitingFor: row[15] === null ? null : nameOf.wait(integer(row[15])),
    ending: row[16] === null ? null : (stateOf(integer(row[16])) as Ending),
    openEffects: integer(row[17]),
    journal: integer(row[18]),
    reconciles: integer(row[19]),
    cancelledBy: textOrNull(row[20]),
    cancelledAt: integerOrNull(row[21]),
    cancelChecks: integer(row[22]),
    lastErrorClass: textOrNull(row[23]),
    lastError: textOrNull(row[24]),
    updatedAt: integer(row[25]),
    startedAt: integerOrNull(row[26]),
    finishedAt: integerOrNull(row[27]),
    waitingOn: textOrNull(row[29]),
    losses: integer(row[30]),
    loneLosses: integer(row[31]),
    idleSince: integerOrNull(row[32]),
    holdUntil: integerOrNull(row[33]),
    parent: integerOrNull(row[34]),
    gate: readGate(textOrNull(row[35])),
  }
}

export function requestOf(row: Row, from = 0): Request {
  return {
    id: integer(row[from]),
    publicId: text(row[from + 1]),
    tenant: text(row[from + 2]),
    action: text(row[from + 3]),
    actionVersion: integer(row[from + 4]),
    subject: textOrNull(row[from + 5]),
    key: textOrNull(row[from + 6]),
    generation: integer(row[from + 7]),
    recordOnly: row[from + 8] === 1,
    input: text(row[from + 9]),
    inputHash: text(row[from + 10]),
    seed: text(row[from + 11]),
    traceId: text(row[from + 12]),
    requestedBy: text(row[from + 13]),
    mode: nameOf.mode(integer(row[from + 14])),
    priority: integer(row[from + 15]),
    slaClass: text(row[from + 16]),
    actionClass: text(row[from + 17]),
    policyVersion: integer(row[from + 18]),
    parentId: integerOrNull(row[from + 19]),
    position: integer(row[from + 20]),
    at: integer(row[from + 21]),
    depth: integer(row[from + 22]),
    rerunOf: integerOrNull(row[from + 23]),
    permits: textOrNull(row[from + 24]),
    onParentCancel: textOrNull(row[from + 25]) as Request['onParentCancel'],
  }
}

export const foundOf = (row: Row): { execution: Execution; request: Request } => ({
  execution: executionOf(row),
  request: requestOf(row, executionWidth),
})

export const outcomeOf = (row: Row): Outcome => ({
  id: integer(row[0]),
  n: integer(row[1]),
  tenant: text(row[2]),
  state: stateOf(integer(row[3])),
  result: textOrNull(row[4]),
  fingerprint: textOrNull(row[5]),
  position: integer(row[6]),
  at: integer(row[7]),
})

export const stepOf = (row: Row): Step => ({
  id: integer(row[0]),
  name: text(row[1]),
  ordinal: integer(row[2]),
  value: text(row[3]),
  fence: integer(row[4]),
  startedAt: integer(row[5]),
  at: integer(row[6]),
})

export const effectOf = (row: Row): Effect => ({
  id: integer(row[0]),
  effectKey: text(row[1]),
  step: text(row[2]),
  name: text(row[3]),
  ordinal: integer(row[4]),
  target: nameOf.target(integer(row[5])),
  reconcilable: row[6] === 1,
  state: nameOf.effect(integer(row[7])),
  intents: integer(row[8]),
  fence: integer(row[9]),
  worker: integer(row[10]),
  intendedAt: integer(row[11]),
  concludedAt: integerOrNull(row[12]),
  value: textOrNull(row[13]),
  errorClass: textOrNull(row[14]),
  error: textOrNull(row[15]),
})

export const artifactOf = (row: Row): Artifact => ({
  execution: integer(row[0]),
  name: text(row[1]),
  sha256: text(row[2]),
  bytes: integer(row[3]),
  mediaType: text(row[4]),
  path: textOrNull(row[5]),
  ...(row[6] === null ? {} : { content: text(row[6]) }),
  at: integer(row[7]),
})

export const logLineOf = (row: Row): LogLine => ({
  id: integer(row[0]),
  seq: integer(row[1]),
  at: integer(row[2]),
  level: nameOf.level(integer(row[3])),
  message: text(row[4]),
  fields: textOrNull(row[5]),
  fence: integer(row[6]),
  line: integer(row[7]),
  bytes: integer(row[8]),
  dropped: integer(row[9]),
})

export const queueOf = (row: Row): Queue => ({
  key: integer(row[0]),
  action: text(row[1]),
  version: integer(row[2]),
})

export const readyOf = (row: Row): Ready => ({
  queue: integer(row[0]),
  rank: integer(row[1]),
  turn: integer(row[2]),
  id: integer(row[3]),
  availableAt: integer(row[4]),
  paid: row[5] === 1,
})

export const timerOf = (row: Row): Timer => ({
  at: integer(row[0]),
  kind: nameOf.timer(integer(row[1])),
  id: integer(row[2]),
})

export const parkedOf = (row: Row): Parked => ({
  key: text(row[0]),
  rank: integer(row[1]),
  turn: integer(row[2]),
  id: integer(row[3]),
  queue: integer(row[4]),
  availableAt: integer(row[5]),
  paid: row[6] === 1,
})

export const permitOf = (row: Row): Permit => ({
  tenant: text(row[0]),
  key: text(row[1]),
  slot: integer(row[2]),
  execution: integer(row[3]),
  fence: integer(row[4]),
  step: textOrNull(row[5]),
  takenAt: integer(row[6]),
  granted: row[7] === 1,
})

export const waiterOf = (row: Row): Waiter => ({
  tenant: text(row[0]),
  key: text(row[1]),
  rank: integer(row[2]),
  turn: integer(row[3]),
  since: integer(row[4]),
  execution: integer(row[5]),
  fence: integer(row[6]),
  step: text(row[7]),
})

export const limitOf = (row: Row): Limit => ({
  tenant: text(row[0]),
  key: text(row[1]),
  capacity: integer(row[2]),
  by: text(row[3]),
  reason: text(row[4]),
  at: integer(row[5]),
})

export const rateOf = (row: Row): RateState => ({
  tenant: text(row[0]),
  key: text(row[1]),
  dueUs: integer(row[2]),
  wakeAt: integerOrNull(row[3]),
})

export const depthOf = (row: Row): Depth => ({
  queue: integer(row[0]),
  tenant: text(row[1]),
  count: integer(row[2]),
})

export const bulkOf = (row: Row): Bulk => ({
  key: integer(row[0]),
  tenant: text(row[1]),
  command: text(row[2]) as Bulk['command'],
  query: text(row[3]),
  reason: textOrNull(row[4]),
  by: text(row[5]),
  state: text(row[6]) as Bulk['state'],
  total: integer(row[7]),
  done: integer(row[8]),
  refused: integer(row[9]),
  createdAt: integer(row[10]),
  finishedAt: integerOrNull(row[11]),
})

export const pauseOf = (row: Row): Pause => ({
  scope: nameOf.scope(integer(row[0])),
  value: text(row[1]),
  tenant: textOrNull(row[2]),
  reason: text(row[3]),
  by: text(row[4]),
  at: integer(row[5]),
})

export const archiveEntryOf = (row: Row): ArchiveEntry => ({
  id: integer(row[0]),
  publicId: text(row[1]),
  tenant: text(row[2]),
  action: text(row[3]),
  subject: textOrNull(row[4]),
  state: stateOf(integer(row[5])),
  finishedAt: integer(row[6]),
  archivedAt: integer(row[7]),
  key: textOrNull(row[8]),
  bytes: integer(row[9]),
  sha256: text(row[10]),
})

export const scheduleOf = (row: Row): Schedule => ({
  id: text(row[0]),
  tenant: text(row[1]),
  name: text(row[2]),
  action: text(row[3]),
  actionVersion: integerOrNull(row[4]),
  input: text(row[5]),
  cron: text(row[6]),
  timeZone: text(row[7]),
  misfire: text(row[8]) as Misfire,
  catchUpMax: integer(row[9]),
  isPaused: integer(row[10]) === 1,
  nextAt: integerOrNull(row[11]),
  lastAt: integerOrNull(row[12]),
  lastError: textOrNull(row[13]),
  createdBy: text(row[14]),
  createdAt: integer(row[15]),
  updatedAt: integer(row[16]),
  version: integer(row[17]),
})

export const timeoutPolicyOf = (row: Row): TimeoutPolicy => ({
  version: integer(row[0]),
  slaClass: text(row[1]),
  actionClass: text(row[2]),
  attemptMs: integerOrNull(row[3]),
  overallMs: integerOrNull(row[4]),
  by: text(row[5]),
  reason: text(row[6]),
  at: integer(row[7]),
  fromPosition: integer(row[8]),
})

export const pauseIntervalOf = (row: Row): PauseInterval => ({
  scope: nameOf.scope(integer(row[0])),
  value: text(row[1]),
  tenant: textOrNull(row[2]),
  fromAt: integer(row[3]),
  toAt: integerOrNull(row[4]),
})

export const releaseOf = (row: Row): Release => ({
  key: text(row[0]),
  id: integer(row[1]),
  scope: nameOf.scope(integer(row[2])),
  value: text(row[3]),
  tenant: textOrNull(row[4]),
  pacePerSecond: integer(row[5]),
  since: integer(row[6]),
})

export const failurePatternOf = (row: Row): FailurePattern => ({
  action: row[0] as string,
  state: stateOf(row[1] as number),
  errorClass: row[2] as string,
  count: row[3] as number,
  newestAt: row[4] as number,
})
