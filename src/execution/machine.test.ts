import { expect, test } from 'vitest'
import {
  aliases,
  eventCodes,
  isLegalPair,
  isTerminal,
  machine,
  stateCodes,
  states,
  targets,
  terminalStates,
  transitions,
} from './machine.ts'

test('REL-01 CP-001a the machine has the ten states of the design and every transition leads to one of them', () => {
  expect(states).toHaveLength(10)
  for (const { from, event, to } of transitions) {
    expect(states).toContain(to)
    if (from !== null) expect(states).toContain(from)
    expect(Object.keys(eventCodes)).toContain(event)
  }
})

test('CP-001a codes are never shared: a stored number means one state and one event', () => {
  expect(new Set(Object.values(stateCodes)).size).toBe(states.length)
  expect(new Set(Object.values(eventCodes)).size).toBe(Object.keys(eventCodes).length)
})

test('CP-001c a terminal state is left only by redrive, and succeeded by nothing', () => {
  for (const state of terminalStates) {
    const ways = transitions.filter(({ from }) => from === state)
    expect(ways.every(({ event }) => event === 'redrive')).toBe(true)
  }
  expect(transitions.filter(({ from }) => from === 'succeeded')).toEqual([])
  expect(states.filter(isTerminal)).toEqual([...terminalStates])
})

test('CP-001b an undeclared event has no target, inherited names included', () => {
  expect(targets('queued', 'succeed')).toEqual([])
  expect(targets('queued', 'constructor')).toEqual([])
  expect(targets('running', 'lease_expired')).toEqual(machine.running.lease_expired)
  expect(isLegalPair('succeeded', 'queued')).toBe(false)
  expect(isLegalPair('failed', 'queued')).toBe(true)
})

test('REL-01 every state has its name in the vocabularies of the sources', () => {
  expect(Object.keys(aliases).sort()).toEqual([...states].sort())
  expect(new Set(states.map((state) => aliases[state].rel))).toEqual(
    new Set(['queued', 'running', 'completed', 'retryable_failed', 'failed_terminal', 'expired', 'canceled']),
  )
})
