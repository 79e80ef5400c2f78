import { type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from './command.ts'
import { isNextApproved } from './decide-approval.ts'
import { handBack, leaseLost, merge, owns } from './decide-run.ts'
import { type Decision, illegal, move, note, nothing, type Surroundings } from './decision.ts'
import { asksPerson, doubtOpen, endRunning } from './ending.ts'
import { type Execution, isOpen, neverAt, type SignalHead } from './execution.ts'
import { isTerminal } from './machine.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** Signals that one execution may hold unread, and get in all. */
export const unreadMax = 1_000
export const signalsMax = 10_000

/** Signals of this kind tell a parent of the end of a child; nobody else may send them. */
export const childPrefix = 'child:'

/**
 * Cancel beats suspend. A signal that came before the run could wait for it is no reason to wait: the execution goes
 * back to the queue at once, so that none is ever missed.
 */
export function decideSuspend(execution: Execution, command: Of<'suspend'>, around: Surroundings): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const { reason, wakeAt, awaits = [] } = command
  const ending = execution.cancelledAt === null ? execution.ending : 'canceled'
  if (ending === null && awaits.some(({ name, seq }) => isThere(around.signals ?? [], name, seq))) {
    return handBack(execution, around, { reason: 'signal' })
  }
  // Approved between its question and this one.
  if (ending === null && reason === 'step_approval' && isNextApproved(around.targets)) {
    return handBack(execution, around, { reason: 'step_approved' })
  }
  const doubt = doubtOpen(execution, around.effects)
  const effects = merge(around.effects, doubt.effects)
  if (ending !== null && reason !== 'outcome') {
    return { facts: [...doubt.facts, endRunning(execution, ending, effects, around.now)], effects: doubt.effects }
  }
  const waitingOn = awaits.length === 0 ? null : [...new Set(awaits.map(({ name }) => name))].join(' ')
  const availableAt = wakeAt ?? (reason === 'signal' || reason === 'timer' ? neverAt : around.now)
  const set = { waitingFor: reason, waitingOn, availableAt, ending }
  const data = { reason, ...(waitingOn === null ? {} : { on: waitingOn }), ...(wakeAt === null ? {} : { wakeAt }) }
  return { facts: [...doubt.facts, move(execution, 'suspend', 'waiting', set, data)], effects: doubt.effects }
}

const isThere = (signals: readonly SignalHead[], name: string, seq: number): boolean =>
  signals.some((signal) => signal.name === name && signal.seq >= seq)

/** Costs no attempt. */
export function decideWake(execution: Execution, command: Of<'wake'>, { now }: Surroundings): Decision | Refusal {
  const { waitingFor, ending } = execution
  if (execution.state !== 'waiting') return nothing
  // What waits for people is woken by a resume, unless it is only to be looked at.
  if ((waitingFor === 'approval' || waitingFor === 'step_approval') && ending === null) return nothing
  return { facts: [move(execution, 'wake', 'queued', { availableAt: now }, { reason: command.reason })] }
}

/** Keeps the signal, and wakes whoever waits for its name. */
export function decideSignal(execution: Execution, command: Of<'signal'>, around: Surroundings): Decision | Refusal {
  const { name, payload, dedupe } = command
  const { now, principal, signals = [] } = around
  if (dedupe !== null && signals.some((signal) => signal.dedupe === dedupe)) return nothing
  const isOfPeople = !name.startsWith(childPrefix)
  // A parent that has ended may be redriven, and asks then how its child ended.
  if (isOfPeople && isTerminal(execution.state)) return illegal(execution, 'signal')
  const unread = signals.filter((signal) => !signal.isTaken && !signal.name.startsWith(childPrefix)).length
  if (isOfPeople && (unread >= unreadMax || signals.length >= signalsMax)) {
    const reason = `The execution holds ${unread} signals that it has not read, and has got ${signals.length} in all.`
    return refuse('signals_full', reason, { unread, all: signals.length })
  }
  const seq = signals.filter((signal) => signal.name === name).length
  // Counted with the journal: a next claim must be handed what is there.
  const facts = [note(execution, 'signal_received', { journal: execution.journal + 1 }, { name, seq })]
  if (waitsFor(execution, name))
    facts.push(move(execution, 'wake', 'queued', { availableAt: now }, { reason: 'signal' }))
  return { facts, signal: { execution: execution.id, name, seq, payload, by: principal, at: now, dedupe } }
}

const waitsFor = ({ state, waitingFor, waitingOn }: Execution, name: string): boolean =>
  state === 'waiting' && waitingFor === 'signal' && (waitingOn?.split(' ').includes(name) ?? false)

/**
 * A "no" about an effect is believed once the process that called is proven dead. Who waits for a person only because
 * it was not proven yet can look again now.
 */
export function decideProcessGone(execution: Execution, around: Surroundings): Decision | Refusal {
  if (execution.state !== 'waiting' || execution.waitingFor !== 'outcome') return nothing
  const open = around.effects.filter(isOpen)
  const canLook = open.length > 0 && !asksPerson(open) && open.every(({ worker }) => around.isGone(worker))
  if (!canLook) return nothing
  const set = { availableAt: around.now, reconciles: 0 }
  return { facts: [move(execution, 'wake', 'queued', set, { reason: 'process_gone' })] }
}
