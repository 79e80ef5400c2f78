import { hasFallenBack, type PlanStep, scopeOf, type TargetState } from './plan.ts'

export interface Aggregate {
  /** Canonical JSON of at most the bytes asked for. */
  readonly text: string
  /** One sentence naming what failed; null when nothing did. */
  readonly failure: string | null
}

const errorCharactersMax = 300
const valueCharactersMax = 1_024
/** Bytes of a message as failures keep it. */
const messageBytesMax = 2_048
/** What failed is what people look for first. */
const shownFirst: readonly TargetState[] = ['failed', 'skipped', 'running', 'pending', 'succeeded']

/**
 * The result of a plan over its targets: how many of each kind, then the targets themselves, failed ones first, as far as
 * they fit into `bytesMax`. A value of more than 1,024 characters stays in the list of plan steps.
 */
export function aggregate(summary: string, steps: readonly PlanStep[], bytesMax: number): Aggregate {
  const count = (state: TargetState): number => steps.filter((step) => step.state === state).length
  const failed = steps.filter(({ state }) => state === 'failed')
  const sorted = [...steps].sort((a, b) => shownFirst.indexOf(a.state) - shownFirst.indexOf(b.state) || a.idx - b.idx)
  const head = (omitted: number): string =>
    `{"failed":${failed.length},"fellBack":${steps.filter(hasFallenBack).length},"omitted":${omitted},"skipped":${count('skipped')},"succeeded":${count('succeeded')},"summary":${JSON.stringify(summary)},"targets":[`
  const foot = `],"total":${steps.length}}`
  const targets: string[] = []
  let bytes = Buffer.byteLength(head(steps.length)) + Buffer.byteLength(foot)
  for (const step of sorted) {
    const text = targetText(step)
    bytes += Buffer.byteLength(text) + 1
    if (bytes > bytesMax) break
    targets.push(text)
  }
  const text = `${head(steps.length - targets.length)}${targets.join(',')}${foot}`
  return { text, failure: failed.length === 0 ? null : failureOf(count('succeeded'), steps.length, failed) }
}

function failureOf(succeeded: number, total: number, failed: readonly PlanStep[]): string {
  let message = `${succeeded} of ${total} succeeded; failed: `
  for (const [index, step] of failed.entries()) {
    const named = `${index === 0 ? '' : ', '}${scopeOf(step)} (${reasonOf(step)})`
    const left = failed.length - index
    if (Buffer.byteLength(message) + Buffer.byteLength(named) > messageBytesMax - 40)
      return `${message} and ${left} more`
    message += named
  }
  return message
}

function reasonOf({ errorClass, error }: PlanStep): string {
  const text = error ?? ''
  const short = text.length > errorCharactersMax ? `${text.slice(0, errorCharactersMax).toWellFormed()}…` : text
  return `${errorClass ?? 'UnknownError'}: ${short}`
}

/** Members in their sorted order, so that the text is canonical. */
function targetText(step: PlanStep): string {
  const fellBack = hasFallenBack(step)
  const error = step.state === 'failed' || fellBack ? `"error":${JSON.stringify(reasonOf(step))},` : ''
  const fits = step.state === 'succeeded' && step.value !== null && step.value.length <= valueCharactersMax
  const value = fits ? `,"value":${step.value}` : ''
  return `{${error}${fellBack ? '"fellBack":true,' : ''}"state":"${step.state}","step":${JSON.stringify(step.step)},"target":${JSON.stringify(step.target)}${value}}`
}
