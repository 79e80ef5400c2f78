import {
  type AnyAction,
  handlerDigest,
  type PlanContext,
  type ProposedPlan,
  type ProposedStep,
} from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import { JournalMismatch, LeaseLost, TerminalError, ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import { type PlannedStep, type Proposal, planBytesMax, refuseProposal } from '../execution/plan.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import { canonicalize } from '../json/canonical.ts'
import { threwMasked } from './conclude.ts'
import { createContext } from './context.ts'
import { ShuttingDown } from './halt.ts'
import { type RunPorts, readInput, timeLimits } from './prepare.ts'
import { recorded, replayed } from './recorded-value.ts'
import { Running } from './running.ts'
import { unlock } from './secrets.ts'

/** Runs `plan()` of one requested execution. It reads only: nothing of the world is changed before there is a plan. */
export async function planExecution(claimed: Claimed, action: AnyAction, ports: RunPorts): Promise<RunOutcome> {
  const { abort, secrets } = ports
  let mask = (text: string): string => text
  const timers = timeLimits(claimed, action, ports)
  try {
    const { plan, steps } = action
    if (plan === undefined || steps === undefined) {
      throw new JournalMismatch(`${action.name} version ${action.version} was admitted with a plan and has none here.`)
    }
    const unlocked = await unlock(secrets, claimed.request.tenant, action.secrets)
    mask = unlocked.mask
    const input = await readInput(action, claimed.request.input)
    const running = new Running(claimed, ports.work, abort, mask)
    const reads: { name: string; value: unknown }[] = []
    const context = planContext(createContext(running, input, unlocked.values, ports), running, reads)
    const proposed = await plan(context)
    await running.finish()
    abort.signal.throwIfAborted()
    const proposal = proposalOf(proposed, reads, action)
    const told = [proposal.summary, proposal.reads, ...proposal.steps.map(({ args }) => args)]
    if (told.some((text) => mask(text) !== text)) {
      throw new ValidationError('The plan holds the value of a secret; name what it belongs to instead.')
    }
    return { kind: 'planned', proposal }
  } catch (thrown) {
    const reason: unknown = abort.signal.aborted ? abort.signal.reason : undefined
    if (reason instanceof LeaseLost) return { kind: 'lost', message: reason.message }
    if (reason instanceof ShuttingDown) return { kind: 'stopped' }
    return threwMasked(mask, reason ?? thrown)
  } finally {
    for (const timer of timers) timer.cancel()
  }
}

function planContext(
  context: ReturnType<typeof createContext>,
  running: Running,
  reads: { name: string; value: unknown }[],
): PlanContext {
  const { input, executionId, tenant, subject, traceId, signal, recordOnly, secrets, log, random, uuid, now, clock } =
    context
  const refused = (what: string) => (): never => {
    throw new TerminalError(`plan() only reads; ${what} belongs into a step.`)
  }
  const own: PlanContext = {
    input,
    executionId,
    tenant,
    subject,
    traceId,
    signal,
    recordOnly,
    secrets,
    log,
    random,
    uuid,
    now,
    clock,
    read: (name, fn) =>
      running.call(`read ${name}`, async () => {
        const value: unknown = JSON.parse(recorded(await running.chance.within('read', name, 0, fn), `read ${name}`))
        reads.push({ name, value })
        return replayed(JSON.stringify(value))
      }),
  }
  // For programs without types, which would otherwise be told that undefined is not a function.
  return Object.assign(own, { effect: refused('an effect'), step: refused('a step'), artifact: refused('an artifact') })
}

const summaryCharactersMax = 2_000
const targetCharactersMax = 120

function proposalOf(proposed: ProposedPlan, reads: readonly unknown[], action: AnyAction): Proposal {
  if (typeof proposed !== 'object' || proposed === null || !Array.isArray(proposed.steps)) {
    throw new ValidationError('plan() must return { summary, steps }.')
  }
  const { summary } = proposed
  if (!isText(summary, summaryCharactersMax)) {
    throw new ValidationError(`The summary of a plan must be text of 1 to ${summaryCharactersMax} characters.`)
  }
  const steps = action.steps ?? {}
  const proposal: Proposal = {
    summary,
    reads: textOf([...reads].sort(byName), 'what the plan has read'),
    parallel: action.parallel ?? 1,
    ordered: proposed.ordered ?? false,
    steps: proposed.steps.map(plannedStep),
    handlers: Object.keys(steps),
    handlerDigest: handlerDigest(action),
    secrets: action.secrets ?? [],
  }
  const refusal = refuseProposal(proposal)
  if (refusal !== null) throw new TerminalError(`${refusal.code}: ${refusal.reason}`)
  return proposal
}

function plannedStep({ step, target, args, effects = [] }: ProposedStep): PlannedStep {
  if (!isText(step, targetCharactersMax) || !isText(target, targetCharactersMax)) {
    throw new ValidationError(`Step and target must be text of 1 to ${targetCharactersMax} characters.`)
  }
  if (!Array.isArray(effects) || effects.length > 100 || !effects.every((name) => isText(name, 200))) {
    throw new ValidationError(`effects of ${step}[${target}] must be at most 100 names.`)
  }
  return { step, target, args: recorded(args, `args of ${step}[${target}]`), effects: [...effects] }
}

/** Reads may run side by side: what they found must not depend on which was first. */
const byName = (a: unknown, b: unknown): number => {
  const [left, right] = [a, b].map((read) => JSON.stringify(read)) as [string, string]
  return left < right ? -1 : left > right ? 1 : 0
}

function textOf(value: unknown, what: string): string {
  const text = canonicalize(value, { bytesMax: planBytesMax, depthMax: 68 })
  if (isRefusal(text)) throw new TerminalError(`plan_too_large: ${what}: ${text.reason}`)
  return text
}

const isText = (value: unknown, charactersMax: number): value is string =>
  typeof value === 'string' && value.length > 0 && value.length <= charactersMax && value.isWellFormed()
