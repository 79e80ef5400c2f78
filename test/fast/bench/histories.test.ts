import { describe, expect, test } from 'vitest'
import { faults, type HistoryEvent, type Standing } from '../../../bench/verify/histories.ts'

const standing: Standing = { id: 7, state: 'succeeded', n: 3, fence: 20, head: 30, outcomes: 1 }
const enqueue: HistoryEvent = { execution: 7, n: 1, position: 10, type: 'enqueue', from: null, to: 'queued' }
const claim: HistoryEvent = { execution: 7, n: 2, position: 20, type: 'claim', from: 'queued', to: 'running' }
const succeed: HistoryEvent = { execution: 7, n: 3, position: 30, type: 'succeed', from: 'running', to: 'succeeded' }
const history = [enqueue, claim, succeed]

describe('the audit that every run of the bench must pass', () => {
  test('accepts a whole history, in whatever order the events come', () => {
    expect(faults([standing], [succeed, enqueue, claim])).toEqual([])
  })

  test('finds an event that is missing in the middle', () => {
    expect(faults([standing], [enqueue, succeed])).toContain('execution 7: event 3 stands where 2 belongs')
  })

  test('finds an event that is there twice', () => {
    expect(faults([standing], [...history, claim])).toContain('execution 7: event 2 stands where 3 belongs')
  })

  test('finds a last event that is missing', () => {
    expect(faults([standing], [enqueue, claim])).toEqual(
      expect.arrayContaining([
        'execution 7: 2 events instead of 3',
        'execution 7: the last event leads to running, the row says succeeded',
      ]),
    )
  })

  test('finds a path that the state machine does not know', () => {
    const leap: HistoryEvent = { ...succeed, n: 2, position: 20, from: 'queued' }
    expect(faults([{ ...standing, n: 2, fence: 0, head: 20 }], [enqueue, leap])).toEqual([
      'execution 7: succeed does not lead from queued to succeeded',
    ])
  })

  test('finds a fence that is not the position of the last claim', () => {
    expect(faults([{ ...standing, fence: 19 }], history)).toEqual([
      'execution 7: the last claim is at 20, the fence is 19',
    ])
  })

  test('finds an event that lies before the one it follows', () => {
    const early = { ...succeed, position: 15 }
    expect(faults([{ ...standing, head: 15 }], [enqueue, claim, early])).toEqual([
      'execution 7: event 3 lies before the event that it follows',
    ])
  })

  test('finds an end without an outcome, and an outcome too many', () => {
    expect(faults([{ ...standing, outcomes: 0 }], history)).toEqual([
      'execution 7: it ended 1 times and has 0 outcomes',
    ])
    expect(faults([{ ...standing, outcomes: 2 }], history)).toEqual([
      'execution 7: it ended 1 times and has 2 outcomes',
    ])
  })

  test('finds events of an execution that is not there', () => {
    expect(faults([], [enqueue])).toEqual(['event 1 belongs to execution 7, which is not there'])
  })
})
