import {
  type AnyAction,
  action,
  type EffectTarget,
  type RunContext,
  type StepContext,
} from '../../src/action/action.ts'
import { ChildFailed, RetryAfter, TerminalError } from '../../src/errors/failures.ts'
import type { Clock } from '../../src/time/clock.ts'
import type { Beside } from './beside.ts'
import type { Dice } from './dice.ts'
import type { Outside } from './outside.ts'
import type { StepPermits } from './step-permits.ts'

/** What a simulated handler does, as data: the input of the execution. */
export type Line =
  | { readonly do: 'step' | 'progress' | 'artifact'; readonly name: string }
  | { readonly do: 'effect'; readonly name: string; readonly target: EffectTarget; readonly looks: boolean }
  | { readonly do: 'both'; readonly first: Line; readonly second: Line }
  | { readonly do: 'sleep'; readonly ms: number; readonly heeds: boolean }
  | { readonly do: 'rest'; readonly name: string; readonly ms: number }
  | { readonly do: 'await'; readonly name: string; readonly ms: number }
  | { readonly do: 'child'; readonly name: string; readonly lines: readonly Line[]; readonly isFree: boolean }
  /** Does another line under locks of this step alone. */
  | { readonly do: 'locked'; readonly step: string; readonly keys: readonly string[]; readonly inner: Line }
  | { readonly do: 'fail'; readonly times: number; readonly how: 'plain' | 'terminal' | 'later' }
  /** A handler that changed under its execution: from the second attempt on it leaves the next line out. */
  | { readonly do: 'drift' }

export interface Script {
  readonly lines: readonly Line[]
  readonly note: string
  readonly locks: readonly string[]
}

/** The last one has a plan: each line of its script is a target. */
export const actionNames = ['crm.sync', 'pdf.render', 'chat.post', 'fleet.deploy'] as const

export interface ScriptPorts {
  readonly owner: string
  readonly clock: Clock
  readonly outside: Outside
  readonly stepPermits: StepPermits
  /** Told of every handler while it runs; null where none does. */
  readonly beside: Beside | null
  /** Whether one of the actions runs in a process of its own. */
  readonly isolates?: boolean
  /** Whether executions need permits and shares of rates; decided where they are admitted. */
  readonly limits?: boolean
}

/** Milliseconds for which one of the actions keeps its permits while it waits. */
export const holdMs = 12_000

/** What each action may do at the same time, or in a time, where a world has limits. */
const limitsOf: {
  readonly [N in (typeof actionNames)[number]]: Pick<AnyAction, 'concurrency' | 'rateLimit' | 'hold'>
} = {
  'crm.sync': { concurrency: { limit: 1 }, hold: { throughWait: holdMs } },
  'pdf.render': { rateLimit: { limit: 6, per: '1m', burst: 2 } },
  'chat.post': {
    concurrency: { limit: 2, key: (input) => `lane-${(input as Script).lines.length % 2}` },
    rateLimit: { limit: 1, per: '7s' },
  },
  'fleet.deploy': { concurrency: { limit: 2 } },
}

/** The actions as one worker process knows them. */
export function scriptedActions({
  owner,
  clock,
  outside,
  stepPermits,
  beside,
  isolates = false,
  limits = false,
}: ScriptPorts): AnyAction[] {
  const input: AnyAction['input'] = {
    '~standard': { version: 1, vendor: 'simulation', validate: (value) => ({ value }) },
  }
  const plain: AnyAction[] = actionNames.slice(0, 3).map((name) => ({
    name,
    version: 1,
    approval: 'auto',
    input,
    timeout: { timeoutMs: 50_000 },
    ...(isolates && name === 'pdf.render' ? { isolate: { memoryMb: 64, graceMs: 4_000 } } : {}),
    ...(limits ? { ...limitsOf[name], locks: (script: unknown) => (script as Script).locks } : {}),
    run: (context) => seen(context, () => performAll(context)),
  }))
  const planned = action({
    name: 'fleet.deploy',
    version: 1,
    input,
    timeout: { timeoutMs: 50_000 },
    parallel: 2,
    ...(limits ? { ...limitsOf['fleet.deploy'], locks: (script: unknown) => (script as Script).locks } : {}),
    plan: async (context) => {
      const { lines } = context.input as Script
      await context.read('lines', () => lines.length)
      // What keeps a handler busy or fails it does so to a planner, too.
      const first = lines[0]
      if (first?.do === 'sleep') await clock.sleep(first.ms, first.heeds ? context.signal : undefined)
      if (lines.at(-1)?.do === 'fail' && context.clock() % 3 === 0) throw new Error('it cannot be planned now')
      return {
        summary: `${lines.length} lines`,
        steps: lines.map((line, index) => ({
          step: index % 2 === 0 ? 'first' : 'second',
          target: `t${index}`,
          args: line,
        })),
      }
    },
    steps: {
      first: { retry: { maxAttempts: 2, baseMs: 2_000 }, run: runTarget },
      second: { retry: { maxAttempts: 1 }, onFailure: 'continue', locks: locksOf, run: runTarget },
    },
  })
  return [...plain, planned]

  async function performAll(context: RunContext): Promise<unknown> {
    const { lines } = context.input as Script
    const told: unknown[] = []
    for (let index = 0; index < lines.length; index += 1) {
      const line = lines[index] as Line
      if (line.do === 'drift') index += context.attempt > 1 ? 1 : 0
      else told.push((await perform(line, context)) ?? null)
    }
    return { told }
  }

  async function seen<T>(context: RunContext, body: () => Promise<T>): Promise<T> {
    return beside === null ? await body() : await beside.run(owner, context, body)
  }

  /** The world outside keeps effects apart by name, so the target is part of it. */
  async function runTarget(context: StepContext<unknown, Line>): Promise<unknown> {
    return await seen(context, async () => (await perform(context.args, context, `${context.target} `)) ?? null)
  }

  async function perform(line: Line, context: RunContext, place = ''): Promise<unknown> {
    switch (line.do) {
      case 'step':
        return await context.step(line.name, () => ({ drawn: context.random() }))
      case 'progress':
        context.log(`progress of ${line.name}`)
        return void context.progress(0.5)
      case 'artifact':
        return (await context.artifact(line.name, 'a file', 'application/octet-stream')).sha256
      case 'effect':
        return await effect(line, context, place)
      case 'both':
        return await Promise.all([perform(line.first, context, place), perform(line.second, context, place)])
      case 'sleep':
        return await clock.sleep(line.ms, line.heeds ? context.signal : undefined)
      case 'rest':
        return await context.sleep(line.name, line.ms)
      case 'await':
        return await context.waitForSignal(line.name, { timeout: line.ms })
      case 'child':
        return await spawn(line, context)
      case 'locked':
        return await locked(line, context, place)
      case 'fail':
        if (context.attempt > line.times) return null
        if (line.how === 'terminal') throw new TerminalError('it will never work')
        if (line.how === 'later') throw new RetryAfter(4_000)
        throw new Error('it failed')
      case 'drift':
        return null
    }
  }

  /** Some targets have locks of their own, in the order in which somebody happened to write them. */
  function locksOf({ args, target }: { readonly args: Line; readonly target: string }): readonly string[] {
    if (args.do === 'locked') return []
    return args.do === 'effect' && args.looks ? [`asset:${target === 't1' ? 'd' : 'a'}`, 'asset:b'] : ['asset:d']
  }

  async function locked(line: Extract<Line, { do: 'locked' }>, context: RunContext, place: string): Promise<unknown> {
    const step = `${place}${line.step}`
    await stepPermits.take(context, step, line.keys)
    try {
      return await perform(line.inner, context, place)
    } finally {
      await stepPermits.give(context, step)
    }
  }

  async function spawn(line: Extract<Line, { do: 'child' }>, context: RunContext): Promise<unknown> {
    const input: Script = { lines: line.lines, note: 'a child', locks: [] }
    const onParentCancel = line.isFree ? 'abandon' : 'cancel'
    const child = await context.child(line.name, { action: actionNames[0], input, onParentCancel })
    try {
      return await child.result()
    } catch (thrown) {
      if (thrown instanceof ChildFailed) return thrown.state
      throw thrown
    }
  }

  async function effect(line: Extract<Line, { do: 'effect' }>, context: RunContext, place: string): Promise<unknown> {
    const { target } = line
    const name = `${place}${line.name}`
    const { executionId: execution, recordOnly } = context
    return await context.effect(name, {
      target,
      do: (effectContext) => outside.call(owner, { execution, name, target, recordOnly, context: effectContext }),
      ...(line.looks
        ? {
            reconcile: (effectContext) =>
              outside.look(owner, { execution, name, target, recordOnly, context: effectContext }),
          }
        : {}),
      ...(name.endsWith('1') ? { simulate: () => 'simulated' } : {}),
    })
  }
}

export function writeScript(dice: Dice, note: string): Script {
  const lines: Line[] = []
  for (let index = dice.between(1, 3); index > 0; index -= 1) lines.push(writeLine(dice, index))
  if (dice.chance(0.08)) lines.push(writeChild(dice))
  if (dice.chance(0.12))
    lines.push({ do: 'fail', times: dice.between(1, 4), how: dice.pick(['plain', 'plain', 'terminal', 'later']) })
  if (dice.chance(0.04)) lines.splice(dice.int(lines.length), 0, { do: 'drift' })
  if (dice.chance(0.14)) lockOne(dice, lines)
  const locks = ['asset:a', 'asset:b', 'asset:c'].filter(() => dice.chance(0.45))
  return { lines, note, locks: dice.chance(0.3) ? locks.reverse() : locks }
}

/** Keys of steps and of whole executions are the same ones, and in any order. */
function lockOne(dice: Dice, lines: Line[]): void {
  const index = dice.int(lines.length)
  const inner = lines[index] as Line
  const keys = dice.pick([['asset:d'], ['asset:d', 'asset:a'], ['asset:c', 'asset:d'], ['asset:a']])
  lines[index] = { do: 'locked', step: `lock${index}`, keys, inner }
}

function writeLine(dice: Dice, index: number): Line {
  const roll = dice.next()
  if (roll < 0.2) return { do: 'step', name: `step${index}` }
  if (roll < 0.25) return { do: 'progress', name: 'progress' }
  if (roll < 0.28) return { do: 'artifact', name: `file${index}` }
  if (roll < 0.35) return { do: 'sleep', ms: dice.pick([100, 5_000, 45_000]), heeds: dice.chance(0.7) }
  if (roll < 0.42) return { do: 'both', first: writeEffect(dice, `left${index}`), second: writeBeside(dice, index) }
  if (roll < 0.46) return { do: 'both', first: writeWait(dice), second: writeBeside(dice, index) }
  if (roll < 0.54) return writeWait(dice)
  return writeEffect(dice, `effect${index}`)
}

function writeBeside(dice: Dice, index: number): Line {
  return dice.chance(0.25) ? writeWait(dice) : writeEffect(dice, `right${index}`)
}

export const signalNames = ['go', 'paid'] as const

function writeChild(dice: Dice): Line {
  return { do: 'child', name: 'child', lines: [writeLine(dice, 7), writeLine(dice, 8)], isFree: dice.chance(0.3) }
}

/** Every wait has a limit, so that each world comes to rest. */
function writeWait(dice: Dice): Line {
  return dice.chance(0.4)
    ? { do: 'rest', name: 'rest', ms: dice.pick([600, 8_000, 70_000]) }
    : { do: 'await', name: dice.pick(signalNames), ms: dice.pick([900, 20_000, 100_000]) }
}

function writeEffect(dice: Dice, name: string): Line {
  return {
    do: 'effect',
    name,
    target: dice.pick(['keyed', 'keyed', 'fenced', 'opaque', 'opaque']),
    looks: dice.chance(0.65),
  }
}
