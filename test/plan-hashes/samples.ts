/**
 * Plans whose hashes are known: every version of Node.js and every store must come to the same. Plain imports and erasable
 * types only, so that an older Node.js can run it once its types are taken out.
 */
import { orderSteps, type PlannedStep, type Proposal, planHash, planText } from '../../src/execution/plan.ts'
import { canonicalize } from '../../src/json/canonical.ts'

export interface Sample {
  readonly name: string
  /** Canonical JSON. */
  readonly input: string
  readonly recordOnly: boolean
  readonly proposal: Proposal
}

const canonical = (value: unknown): string => {
  const text = canonicalize(value)
  if (typeof text !== 'string') throw new Error(text.reason)
  return text
}

/** RFC 8785 appendix B: the bits of numbers whose text is easily got wrong. */
const bits = [
  '0000000000000000',
  '8000000000000000',
  '0000000000000001',
  '8000000000000001',
  '7fefffffffffffff',
  'ffefffffffffffff',
  '4340000000000000',
  '4430000000000000',
  '44b52d02c7e14af5',
  '44b52d02c7e14af6',
  '44b52d02c7e14af7',
  '444b1ae4d6e2ef4e',
  '444b1ae4d6e2ef50',
  '3eb0c6f7a0b5ed8c',
  '3eb0c6f7a0b5ed8d',
  '41b3de4355555553',
  '41b3de4355555556',
  'becbf647612f3696',
  '43143ff3c1cb0959',
]
const numbers = bits.map((hex) => Buffer.from(hex, 'hex').readDoubleBE(0))

/** RFC 8785 section 3.2.3: keys whose order is that of UTF-16 code units and of nothing else. */
const keys = { '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }

/** RFC 8785 section 3.2.2: what is escaped, and how. */
const text = '\u20ac$\u000f\nA\'B"\\\\"/\u2028\u007f'

const steps = (targets: readonly string[], args: unknown): readonly PlannedStep[] =>
  targets.flatMap((target) =>
    ['install', 'drain'].map((step) => ({ step, target, args: canonical(args), effects: [step, 'note'] })),
  )

const proposalOf = (of: readonly PlannedStep[], ordered = false): Proposal => ({
  summary: 'what is not hashed',
  reads: '[]',
  parallel: 1,
  ordered,
  steps: of,
  handlers: ['drain', 'install'],
  handlerDigest: 'd'.repeat(64),
  secrets: ['TOKEN', 'CRM'],
})

const plain = proposalOf(steps(['web-1', 'web-2'], { release: '2.1' }))
const scripts = ['web-10', 'web-9', 'Web', 'wéb', 'we\u0301b', 'ｗeb', '\ud83d\ude00', '\ufb33']

export const samples: readonly Sample[] = [
  { name: 'plain', input: '{}', recordOnly: false, proposal: plain },
  { name: 'record-only', input: '{}', recordOnly: true, proposal: plain },
  { name: 'no step', input: '{}', recordOnly: false, proposal: proposalOf([]) },
  { name: 'numbers', input: canonical({ numbers }), recordOnly: false, proposal: proposalOf(steps(['a'], numbers)) },
  { name: 'keys', input: canonical(keys), recordOnly: false, proposal: proposalOf(steps(['a'], { keys })) },
  {
    name: 'text',
    input: canonical({ text }),
    recordOnly: false,
    proposal: proposalOf(steps(['a'], [text, null, true])),
  },
  { name: 'targets', input: '{}', recordOnly: false, proposal: proposalOf(steps(scripts, {})) },
  { name: 'targets as given', input: '{}', recordOnly: false, proposal: proposalOf(steps(scripts, {}), true) },
]

/** What the rules alone come to. */
export const hashOf = ({ input, recordOnly, proposal }: Sample): string =>
  planHash(
    planText({ action: 'a', actionVersion: 1, input, recordOnly, policyVersion: 1 }, proposal, orderSteps(proposal)),
  )

export const hashes = (): Record<string, string> =>
  Object.fromEntries(samples.map((sample) => [sample.name, hashOf(sample)]))
