import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSystemClock } from './clock.ts'
import { JumpWatch, SteadyTime } from './steady.ts'

/** A machine whose time passes by hand, and whose wall is set by hand. */
class Machine {
  passedMs = 0
  setMs = Date.UTC(2026, 0, 1)
  readonly sources = { wall: () => Math.floor(this.setMs + this.passedMs), monotonic: () => this.passedMs }
}

test('CP-005 a wall that is set forward is followed at once', () => {
  const machine = new Machine()
  const time = new SteadyTime(machine.sources)
  const before = time.now()
  machine.setMs += 3_600_000
  expect(time.now() - before).toBe(3_600_000)
})

test('CP-005 behind a wall that is set back, time goes on at nine tenths of its pace until the wall has caught up', () => {
  const machine = new Machine()
  const time = new SteadyTime(machine.sources)
  const before = time.now()
  machine.setMs -= 1_000
  expect(time.now()).toBe(before)
  machine.passedMs += 5_000
  expect(time.now() - before).toBe(4_500)
  machine.passedMs += 5_000
  expect(time.now() - before).toBe(9_000)
  expect(time.now()).toBe(machine.sources.wall())
  machine.passedMs += 1_000
  expect(time.now()).toBe(machine.sources.wall())
})

test('CP-005 a clock begins no earlier than the newest time on record', () => {
  const machine = new Machine()
  const floorAt = machine.setMs + 86_400_000
  const clock = createSystemClock({ floorAt, sources: machine.sources })
  expect(clock.now()).toBe(floorAt)
  machine.passedMs += 1_000
  expect(clock.now()).toBe(floorAt + 900)
})

test('CP-005 however the wall is set, time never falls and never goes slower than nine tenths', () => {
  const steps = fc.array(fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), fc.integer({ min: -1e9, max: 1e9 })))
  fc.assert(
    fc.property(steps, (all) => {
      const machine = new Machine()
      const time = new SteadyTime(machine.sources)
      let before = time.now()
      for (const [passedMs, setMs] of all) {
        machine.passedMs += passedMs
        machine.setMs += setMs
        const now = time.now()
        expect(Number.isInteger(now)).toBe(true)
        expect(now - before).toBeGreaterThanOrEqual(Math.floor(passedMs * 0.9) - 1)
        expect(now).toBeGreaterThanOrEqual(machine.sources.wall())
        before = now
      }
    }),
  )
})

test('a jump is seen once, with the time it began at; small corrections are none', () => {
  const machine = new Machine()
  const clock = createSystemClock({ sources: machine.sources })
  const jumps = new JumpWatch(clock)
  const fromAt = clock.now()
  machine.passedMs += 8_000
  machine.setMs += 60_000
  expect(jumps.look()).toEqual({ fromAt, byMs: 60_000 })
  expect(jumps.look()).toBeNull()
  machine.passedMs += 8_000
  machine.setMs += 900
  expect(jumps.look()).toBeNull()
  machine.setMs -= 90_000
  expect(jumps.look()).toBeNull()
})
