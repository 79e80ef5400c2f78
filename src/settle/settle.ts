import { type AnyAction, retryPolicyOf } from '../action/action.ts'
import { validate } from '../action/schema.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import { type Classified, classify, PartialFailure, ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { WorkerCommand } from '../execution/command.ts'
import type { Execution } from '../execution/execution.ts'
import { type RunOutcome, resultBytesMax } from '../execution/run-outcome.ts'
import { canonicalize } from '../json/canonical.ts'
import { sha256 } from '../json/hash.ts'
import { defaultRetryPolicy, type RetryPolicy } from '../time/backoff.ts'

/** 16 MiB: a result is held in memory as a whole, so it has a limit of its own. */
export const storedResultBytesMax = 16 * 1024 * 1024
/** The name of the artifact that holds a large result. */
export const resultArtifact = 'result'
const resultMediaType = 'application/json'

/** The one command that ends a claim, or null when it is somebody else's to end. The taxonomy decides, not the handler. */
export async function settlement(
  outcome: RunOutcome,
  execution: Pick<Execution, 'fence' | 'maxAttempts'>,
  action: AnyAction,
  defaults: RetryPolicy = defaultRetryPolicy,
  artifacts?: Pick<ArtifactStore, 'put'>,
): Promise<WorkerCommand | null> {
  const { fence } = execution
  const fail = (failure: Classified): WorkerCommand => {
    const { errorClass, message, retryable, retryAfterMs } = failure
    const policy = { ...retryPolicyOf(action, defaults), maxAttempts: execution.maxAttempts }
    return { type: 'fail', fence, errorClass, message, retryable, retryAfterMs, policy }
  }
  switch (outcome.kind) {
    case 'returned':
      try {
        return { type: 'succeed', fence, ...(await keptResult(await output(action, outcome.value), artifacts)) }
      } catch (thrown) {
        return fail(classify(thrown))
      }
    case 'planned':
      return { type: 'planned', fence, ...outcome.proposal }
    case 'partial': {
      const failed = fail(classify(new PartialFailure(outcome.message)))
      return failed.type === 'fail' ? { ...failed, result: outcome.result } : failed
    }
    case 'recorded_only': {
      const result = resultText({ recordedOnly: true, stoppedAt: outcome.effect }, resultBytesMax)
      return { type: 'succeed', fence, result, fingerprint: sha256(result) }
    }
    case 'threw':
      return fail(outcome.failure)
    case 'unknown_outcome':
      return { type: 'suspend', fence, reason: 'outcome', wakeAt: null }
    case 'suspended': {
      const { wakeAt, awaits, reason = awaits.length > 0 ? 'signal' : 'timer' } = outcome
      return { type: 'suspend', fence, reason, wakeAt, awaits }
    }
    case 'reconciled':
      return { type: 'end_reconciliation', fence }
    case 'stopped':
      return { type: 'hand_back', fence }
    case 'lost':
      return null
  }
}

async function output(action: AnyAction, value: unknown): Promise<unknown> {
  if (action.output === undefined) return value
  const checked = await validate(action.output, value)
  if (isRefusal(checked)) {
    throw new ValidationError(
      `The result does not fit the output that the action declares: ${issuesOf(checked.details)}`,
    )
  }
  return checked.value
}

/** Where it does not fit, without repeating values. */
function issuesOf(details: { readonly issues?: unknown } | undefined): string {
  const issues = details?.issues
  if (!Array.isArray(issues)) return 'no reason given'
  return (issues as readonly { path: string; message: string }[])
    .slice(0, 5)
    .map(({ path, message }) => (path === '' ? message : `${path}: ${message}`))
    .join('; ')
}

/** The fingerprint is that of the whole result, wherever it lies. */
async function keptResult(
  value: unknown,
  store: Pick<ArtifactStore, 'put'> | undefined,
): Promise<Pick<Extract<WorkerCommand, { type: 'succeed' }>, 'result' | 'fingerprint' | 'artifact'>> {
  const text = resultText(value, store === undefined ? resultBytesMax : storedResultBytesMax)
  if (store === undefined || Buffer.byteLength(text, 'utf8') <= resultBytesMax) {
    return { result: text, fingerprint: sha256(text) }
  }
  const stored = await store.put(Buffer.from(text, 'utf8'), { mediaType: resultMediaType })
  const { sha256: hash, bytes } = stored
  const result = resultText(
    { artifact: resultArtifact, sha256: hash, bytes, mediaType: resultMediaType },
    resultBytesMax,
  )
  return { result, fingerprint: hash, artifact: { name: resultArtifact, mediaType: resultMediaType, ...stored } }
}

function resultText(value: unknown, bytesMax: number): string {
  const text = canonicalize(value === undefined ? null : value, { bytesMax, depthMax: 64 })
  if (!isRefusal(text)) return text
  throw new ValidationError(
    text.code === 'input_too_large'
      ? `The result is larger than ${bytesMax} bytes; store it with ctx.artifact and return its address.`
      : `The result cannot be recorded: ${text.reason}`,
  )
}
