import type { ActionRegistry } from '../action/action.ts'
import { type ApprovalsDefinition, faultInRules, isLevel, type Level, levels } from '../action/approvals.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { planStepsMax } from '../execution/plan.ts'
import { canonicalize } from '../json/canonical.ts'
import { isPattern, matches } from '../rights/narrowing.ts'

/** What a tenant's administrators have laid down: each section may be left out. */
export interface PolicyDocument {
  readonly approvals?: readonly ApprovalRule[]
  readonly limits?: PolicyLimits
  /** Read by people, and by the rules that name them. */
  readonly flags?: Readonly<Record<string, FlagValue>>
}

export type FlagValue = boolean | string

/** Every rule that fits is obeyed. None asks for less than the action does, nor than another rule. */
export interface ApprovalRule {
  /** Unique within the document. */
  readonly name: string
  /** Everything that is named must hold; nothing named fits everything. */
  readonly when?: RuleCondition
  /** Without a level it changes how is agreed to what asks for it already. */
  readonly require: { readonly level?: Level } & ApprovalsDefinition
}

/** Lists are of exact names, or of beginnings and a star (`quote.*`). One that fits is enough. */
export interface RuleCondition {
  readonly actions?: readonly string[]
  readonly subjects?: readonly string[]
  readonly actionClasses?: readonly string[]
  readonly requestedBy?: readonly string[]
  /** Of an action that does not say which effects it has, any may happen: it fits. */
  readonly effects?: readonly string[]
  readonly recordOnly?: boolean
  /** The plan has so many targets or more; without `plan()` there is one. */
  readonly targetsFrom?: number
  readonly flags?: Readonly<Record<string, FlagValue>>
}

/** Only ever lower than those of the server and of the action. */
export interface PolicyLimits {
  /** Executions of the tenant that may run at the same time. */
  readonly concurrency?: number
  /** Executions of the tenant that may wait to be claimed. */
  readonly queueMax?: number
}

/** Bytes of the canonical text: it stays in the memory of every process. */
export const policyBytesMax = 64 * 1024
const rulesMax = 200
const patternsMax = 100
const flagsMax = 200
const flagCharactersMax = 1_000
const flagCharactersSum = 20_000
const limitMax = 10_000_000
const namePattern = /^[\p{L}\p{N}][\p{L}\p{N} ._:/-]{0,99}$/u
const flagPattern = /^[a-z][a-z0-9_.-]{0,99}$/i

const sections = ['approvals', 'limits', 'flags']
const ruleFields = ['name', 'when', 'require']
const listFields = ['actions', 'subjects', 'actionClasses', 'requestedBy', 'effects'] as const
const conditionFields = [...listFields, 'recordOnly', 'targetsFrom', 'flags']
const limitFields = ['concurrency', 'queueMax']

/** What is checked of a document without knowing the tenant: its canonical text, or the first thing that is wrong. */
export function policyText(document: unknown, actions: ActionRegistry): string | Refusal {
  const text = canonicalize(document)
  if (isRefusal(text)) return text
  const bytes = Buffer.byteLength(text)
  if (bytes > policyBytesMax) {
    return refuse('invalid_policy', `The document has ${bytes} bytes; at most ${policyBytesMax} are allowed.`, {
      bytes,
      bytesMax: policyBytesMax,
    })
  }
  const fault = faultIn(document) ?? idlePattern(document as PolicyDocument, actions)
  return fault ?? text
}

const wrong = (at: string, what: string): Refusal =>
  refuse('invalid_policy', `${at === '' ? 'The document' : shown(at)} ${what}`, { at })

const shown = (text: string): string => text.slice(0, 200).toWellFormed()

function faultIn(document: unknown): Refusal | undefined {
  if (!isRecord(document)) return wrong('', 'must be an object with approvals, limits and flags.')
  const { approvals = [], limits = {}, flags = {} } = document
  return (
    unknownIn('', document, sections) ??
    faultInApprovals(approvals) ??
    faultInLimits(limits) ??
    faultInFlags('flags', flags)
  )
}

function faultInApprovals(rules: unknown): Refusal | undefined {
  if (!Array.isArray(rules)) return wrong('approvals', 'must be a list of rules.')
  if (rules.length > rulesMax) return wrong('approvals', `has ${rules.length} rules; at most ${rulesMax} are allowed.`)
  const names = new Set<string>()
  for (const [index, rule] of (rules as unknown[]).entries()) {
    const at = `approvals[${index}]`
    if (!isRecord(rule)) return wrong(at, 'must be a rule: name, when, require.')
    const { name, when = {}, require } = rule
    if (typeof name !== 'string' || !namePattern.test(name))
      return wrong(`${at}.name`, 'must be 1 to 100 letters, digits, blanks or any of . _ : / -.')
    if (names.has(name)) return wrong(`${at}.name`, `is that of another rule: ${name}.`)
    names.add(name)
    const fault =
      unknownIn(at, rule, ruleFields) ?? faultInCondition(`${at}.when`, when) ?? faultInDemand(`${at}.require`, require)
    if (fault !== undefined) return fault
  }
  return undefined
}

function faultInCondition(at: string, when: unknown): Refusal | undefined {
  if (!isRecord(when)) return wrong(at, 'must be an object.')
  const unknown = unknownIn(at, when, conditionFields)
  if (unknown !== undefined) return unknown
  for (const field of listFields) {
    const list = when[field]
    if (list === undefined) continue
    if (!Array.isArray(list) || list.length === 0 || list.length > patternsMax)
      return wrong(`${at}.${field}`, `must be a list of 1 to ${patternsMax} patterns.`)
    const illegal = (list as unknown[]).find((each) => typeof each !== 'string' || !isPattern(each))
    if (illegal !== undefined) return noPattern(at, field, typeof illegal === 'string' ? illegal : typeof illegal)
  }
  const { recordOnly, targetsFrom, flags } = when
  if (targetsFrom !== undefined && !isWithin(targetsFrom, planStepsMax))
    return wrong(`${at}.targetsFrom`, `must be a whole number from 1 to ${planStepsMax}.`)
  if (recordOnly !== undefined && typeof recordOnly !== 'boolean')
    return wrong(`${at}.recordOnly`, 'must be true or false.')
  return flags === undefined ? undefined : faultInFlags(`${at}.flags`, flags)
}

function faultInDemand(at: string, require: unknown): Refusal | undefined {
  if (!isRecord(require)) return wrong(at, 'must say what is asked for, for instance `{ "level": "plan_review" }`.')
  if (Object.keys(require).length === 0) return wrong(at, 'asks for nothing.')
  const { level, ...rules } = require
  if (level !== undefined && !isLevel(level)) return wrong(`${at}.level`, `must be one of ${levels.join(', ')}.`)
  const fault = faultInRules(rules)
  return fault === undefined ? undefined : wrong(at, `cannot be meant: ${fault}`)
}

function faultInLimits(limits: unknown): Refusal | undefined {
  if (!isRecord(limits)) return wrong('limits', 'must be an object.')
  for (const [name, value] of Object.entries(limits)) {
    if (limitFields.includes(name) && !isWithin(value, limitMax))
      return wrong(`limits.${name}`, `must be a whole number from 1 to ${limitMax}.`)
  }
  return unknownIn('limits', limits, limitFields)
}

function faultInFlags(at: string, flags: unknown): Refusal | undefined {
  if (!isRecord(flags)) return wrong(at, 'must be an object: names with true, false or a text.')
  for (const [name, value] of Object.entries(flags)) {
    const fault = faultInFlag(name, value)
    if (fault !== undefined) return fault
  }
  return refuseFlags(flags as Readonly<Record<string, FlagValue>>) ?? undefined
}

/** As many and as long as the flags of one document may be; null when they are within that. */
export function refuseFlags(flags: Readonly<Record<string, FlagValue>>): Refusal | null {
  const characters = Object.values(flags).reduce<number>((sum, value) => sum + String(value).length, 0)
  if (characters > flagCharactersSum) return wrong('flags', `have more than ${flagCharactersSum} characters together.`)
  return Object.keys(flags).length > flagsMax ? wrong('flags', `has more than ${flagsMax} flags.`) : null
}

export function faultInFlag(name: string, value: unknown): Refusal | undefined {
  if (!flagPattern.test(name))
    return wrong(`flags.${shown(name)}`, 'is no name: a letter, then at most 99 letters, digits or any of . _ -.')
  if (typeof value === 'boolean') return undefined
  return typeof value === 'string' && value.length <= flagCharactersMax && value.isWellFormed()
    ? undefined
    : wrong(`flags.${name}`, `must be true, false or a text of at most ${flagCharactersMax} characters.`)
}

/** A rule for an action that does not exist would seem to protect something. */
function idlePattern({ approvals = [] }: PolicyDocument, actions: ActionRegistry): Refusal | undefined {
  const names = actions.list().map(({ name }) => name)
  for (const [index, { when }] of approvals.entries()) {
    const idle = when?.actions?.find((pattern) => !names.some((name) => matches([pattern], name)))
    if (idle !== undefined) {
      const at = `approvals[${index}].when.actions`
      const reason = `${at}: ${JSON.stringify(shown(idle))} matches no action that is registered here.`
      return refuse('invalid_pattern', reason, { at, pattern: idle })
    }
  }
  return undefined
}

const noPattern = (at: string, field: string, text: string): Refusal =>
  refuse('invalid_pattern', `${at}.${field}: ${JSON.stringify(shown(text))} is no pattern.`, { at: `${at}.${field}` })

function unknownIn(
  at: string,
  value: Readonly<Record<string, unknown>>,
  known: readonly string[],
): Refusal | undefined {
  const unknown = Object.keys(value).find((name) => !known.includes(name))
  if (unknown === undefined) return undefined
  return wrong(
    at,
    `has no field ${JSON.stringify(shown(unknown))}; it would have no effect. Fields: ${known.join(', ')}.`,
  )
}

const isWithin = (value: unknown, most: number): boolean =>
  Number.isInteger(value) && Number(value) >= 1 && Number(value) <= most

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A document as programs write it, with its types checked where it is written. */
export const definePolicy = (document: PolicyDocument): PolicyDocument => document
