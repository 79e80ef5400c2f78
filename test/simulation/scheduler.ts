import type { Clock } from '../../src/time/clock.ts'
import { sleepOn } from '../../src/time/sleep.ts'
import { SteadyTime } from '../../src/time/steady.ts'
import type { Dice } from './dice.ts'

interface Task {
  readonly owner: string
  readonly label: string
  readonly run: () => void
}

interface Due extends Task {
  readonly at: number
  readonly sequence: number
}

/**
 * Everything that can happen next in a simulated world, and the choice among it. Whatever crosses the border of a
 * process is a task of that process: a frozen one does nothing until it is thawed, a killed one never again.
 */
export class Scheduler {
  #nowMs = Date.UTC(2026, 0, 1)
  /** By how much people and NTP have set the machine's wall clock off. */
  #wallOffMs = 0
  #sequence = 0
  #tasks: Task[] = []
  #timers: Due[] = []
  readonly #frozen = new Set<string>()
  readonly #killed = new Set<string>()
  readonly #dice: Dice
  /** Probability that time goes on although something could happen now: what makes messages slow. */
  readonly #hurry: number

  constructor(dice: Dice, hurry: number) {
    this.#dice = dice
    this.#hurry = hurry
  }

  now(): number {
    return this.#nowMs
  }

  /** What a person reads off the machine's clock. */
  wall(): number {
    return this.#nowMs + this.#wallOffMs
  }

  post(owner: string, label: string, run: () => void): void {
    if (!this.#killed.has(owner)) this.#tasks.push({ owner, label, run })
  }

  /** The clock of one process: the wall of the machine made steady, from the newest time of the store on. */
  clockOf(owner: string, floorAt?: number): Clock {
    const time = new SteadyTime({ wall: () => this.wall(), monotonic: () => this.#nowMs }, floorAt)
    const clock: Clock = {
      now: () => time.now(),
      elapsed: () => this.#nowMs,
      timer: (ms, fire) => this.#timer(owner, ms, 'timer', fire),
      sleep: (ms, signal) => sleepOn(clock, ms, signal),
    }
    return clock
  }

  after(owner: string, ms: number, label: string, fire: () => void): void {
    this.#timer(owner, ms, label, fire)
  }

  #timer(owner: string, ms: number, label: string, run: () => void): { cancel(): void } {
    const timer: Due = {
      owner,
      label,
      run,
      at: this.#nowMs + Math.max(0, Math.ceil(ms)),
      sequence: this.#sequence++,
    }
    if (!this.#killed.has(owner)) this.#timers.push(timer)
    return {
      cancel: () => {
        const index = this.#timers.indexOf(timer)
        if (index >= 0) this.#timers.splice(index, 1)
      },
    }
  }

  freeze(owner: string): void {
    this.#frozen.add(owner)
  }

  thaw(owner: string): void {
    this.#frozen.delete(owner)
  }

  kill(owner: string): void {
    this.#killed.add(owner)
    this.#frozen.delete(owner)
    this.#tasks = this.#tasks.filter((task) => task.owner !== owner)
    this.#timers = this.#timers.filter((timer) => timer.owner !== owner)
  }

  isKilled(owner: string): boolean {
    return this.#killed.has(owner)
  }

  /** The clock of the machine is set forward, or back by less than nothing. Timers go on by the time that passes. */
  jump(ms: number): void {
    this.#wallOffMs += ms
  }

  /** A clock that is behind is set to the time that has passed; false when it is not. */
  setRight(): boolean {
    const isBehind = this.#wallOffMs < 0
    if (isBehind) this.#wallOffMs = 0
    return isBehind
  }

  /** Lets one thing happen and says what; null when nothing can. */
  step(): string | null {
    const ready = this.#frozen.size === 0 ? this.#tasks : this.#tasks.filter(({ owner }) => !this.#frozen.has(owner))
    const timer = this.#nextTimer()
    const isOverdue = timer !== undefined && timer.at <= this.#nowMs
    if (ready.length > 0 && (timer === undefined || !this.#dice.chance(isOverdue ? 0.3 : this.#hurry))) {
      const task = this.#dice.pick(ready)
      this.#tasks.splice(this.#tasks.indexOf(task), 1)
      task.run()
      return `${task.owner} ${task.label}`
    }
    if (timer === undefined) return null
    this.#timers.splice(this.#timers.indexOf(timer), 1)
    this.#nowMs = Math.max(this.#nowMs, timer.at)
    timer.run()
    return `${timer.owner} ${timer.label}`
  }

  #nextTimer(): Due | undefined {
    let next: Due | undefined
    for (const timer of this.#timers) {
      if (this.#frozen.has(timer.owner)) continue
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.sequence < next.sequence))
        next = timer
    }
    return next
  }
}
