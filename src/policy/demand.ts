import { type ApprovalsDefinition, defaultOf, type Level, levels, refuseLevel, rulesOf } from '../action/approvals.ts'
import type { AnyAction } from '../action/definition.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { type ApprovalRules, type Gate, nobodyAsked, type TargetRules } from '../execution/approval.ts'
import { matches } from '../rights/narrowing.ts'
import type { ApprovalRule, PolicyDocument } from './document.ts'

/** What the rules look at of an execution that is asked for. */
export interface Asked {
  readonly action: string
  readonly subject: string | null
  readonly actionClass: string
  readonly requestedBy: string
  readonly recordOnly: boolean
}

/** What must be agreed to, as far as it is known before the plan is. */
export type Demand = Pick<Gate, 'rules' | 'byTargets'>

/**
 * What must be agreed to, by the action and by every rule that fits; null where nobody has to. Of each field the strictest
 * holds, so that a further rule never lets through what was held before.
 */
export function demandOf(
  document: PolicyDocument,
  action: Demanding,
  own: Level,
  asked: Asked,
): Demand | null | Refusal {
  const rules = rulesWith(document, action, own, asked, action.plan === undefined ? 1 : 0)
  if (isRefusal(rules)) return rules
  const base = rules ?? nobodyAsked
  // From the first target on: whatever a later plan has, the rules are looked up anew.
  const byTargets: TargetRules[] = [{ from: 0, rules: base }]
  for (const from of action.plan === undefined ? [] : countsIn(document)) {
    const more = rulesWith(document, action, own, asked, from)
    if (isRefusal(more)) return more
    const before = byTargets.at(-1)?.rules
    if (more !== null && !(before !== undefined && isSame(more, before))) byTargets.push({ from, rules: more })
  }
  if (byTargets.length > 1) return { rules: base, byTargets }
  return rules === null ? null : { rules }
}

/** Whether the same is asked for, whoever says so. */
const isSame = (one: ApprovalRules, other: ApprovalRules): boolean =>
  JSON.stringify({ ...one, byRules: null }) === JSON.stringify({ ...other, byRules: null })

type Demanding = Pick<AnyAction, 'name' | 'approvals' | 'effects' | 'plan'>

/** The numbers of targets that some rule names, fewest first. */
const countsIn = ({ approvals = [] }: PolicyDocument): readonly number[] =>
  [...new Set(approvals.flatMap(({ when }) => when?.targetsFrom ?? []))].sort((a, b) => a - b)

function rulesWith(
  document: PolicyDocument,
  action: Demanding,
  own: Level,
  asked: Asked,
  targets: number,
): ApprovalRules | null | Refusal {
  const rules = fittingRules(document, action, asked, targets)
  if (rules.length === 0) return own === 'auto' ? null : rulesOf(own, action.approvals)
  const wanted = highest([own, ...rules.map(({ require }) => require.level ?? 'auto')])
  if (wanted === 'auto') return null
  // An action without plan() is a plan of one step: who agrees to the plan has agreed to each step of it.
  const level = wanted === 'step_by_step' && action.plan === undefined ? 'plan_review' : wanted
  return refuseLevel(action, level) ?? strictest(level, action.approvals ?? {}, rules)
}

const fittingRules = (
  { approvals = [], flags = {} }: PolicyDocument,
  { effects }: Pick<AnyAction, 'effects'>,
  asked: Asked,
  targets: number,
): readonly ApprovalRule[] =>
  approvals.filter(({ when = {} }) => {
    const { actions, subjects, actionClasses, requestedBy, recordOnly } = when
    return (
      matches(actions ?? null, asked.action) &&
      matches(subjects ?? null, asked.subject) &&
      matches(actionClasses ?? null, asked.actionClass) &&
      matches(requestedBy ?? null, asked.requestedBy) &&
      (recordOnly ?? asked.recordOnly) === asked.recordOnly &&
      (when.targetsFrom ?? 0) <= targets &&
      (when.effects === undefined || (effects?.some((name) => matches(when.effects ?? null, name)) ?? true)) &&
      Object.entries(when.flags ?? {}).every(([name, value]) => (flags[name] ?? false) === value)
    )
  })

const highest = (all: readonly Level[]): Level =>
  levels[Math.max(...all.map((level) => levels.indexOf(level)))] ?? 'auto'

function strictest(
  level: Exclude<Level, 'auto'>,
  own: ApprovalsDefinition,
  rules: readonly ApprovalRule[],
): ApprovalRules | Refusal {
  const demands = rules.map(({ require }) => require)
  const all: readonly ApprovalsDefinition[] = [own, ...demands]
  const groups = sharedGroups(own, rules)
  if ('refused' in groups) return groups
  const each = all.map((one) => rulesOf(level, one))
  const usual = defaultOf(level)
  // A rule that raises the level means it with all that belongs to the level, unless it says otherwise.
  const said = [
    own,
    ...demands.map((demand) =>
      demand.level === undefined || demand.level === 'auto' ? demand : { ...usual, ...demand },
    ),
  ]
  const self = said.flatMap(({ selfApproval }) => selfApproval ?? [])
  const resume = said.flatMap((one) => one.resume ?? [])
  return {
    level,
    quorum: Math.max(...each.map(({ quorum }) => quorum)),
    groups,
    useByMs: least(each.map(({ useByMs }) => useByMs)),
    selfApproval: self.length === 0 ? usual.selfApproval : self.every((may) => may),
    resume: resume.length === 0 ? usual.resume : resume.every((who) => who === 'auto') ? 'auto' : 'manual',
    planMaxAgeMs: least(each.map(({ planMaxAgeMs }) => planMaxAgeMs)),
    byRules: rules.map(({ name }) => name),
  }
}

/** Those that everybody who names some accepts: a vote counts for each of them, or it counts for none. */
function sharedGroups(own: ApprovalsDefinition, rules: readonly ApprovalRule[]): readonly string[] | Refusal {
  const lists = [own, ...rules.map(({ require }) => require)].flatMap(({ groups }) =>
    groups === undefined ? [] : [groups],
  )
  const [first = [], ...others] = lists
  const shared = first.filter((group) => others.every((list) => list.includes(group)))
  if (lists.length > 0 && shared.length === 0) {
    const names = rules.filter(({ require }) => require.groups !== undefined).map(({ name }) => name)
    const reason = `The groups that may agree have nobody in common: ${names.join(', ')}${own.groups === undefined ? '' : ' and the action itself'}.`
    return refuse('policy_conflict', reason, { rules: names, groups: lists })
  }
  return shared
}

const least = (all: readonly (number | null)[]): number | null => {
  const given = all.filter((one) => one !== null)
  return given.length === 0 ? null : Math.min(...given)
}
