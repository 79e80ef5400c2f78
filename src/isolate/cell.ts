import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Clock, Timer } from '../time/clock.ts'
import type { CellLimits } from './limits.ts'
import type { FromCell, ToCell } from './messages.ts'

/** How a process has ended, as the kernel told its parent. */
export interface Exit {
  readonly exitCode: number | null
  readonly signal: string | null
}

/** A process in which one action runs on its own, as its worker sees it. */
export interface Cell {
  readonly limits: CellLimits
  readonly pid: number
  readonly exited: Promise<Exit>
  readonly hasExited: boolean
  /** Incarnation key in the store; 0 before it is registered. */
  key: number
  /** Highest resident set that was seen, in MiB; null where the kernel does not tell. */
  readonly peakMb: number | null
  /** Whether so much is left behind that a next run would not have what it was promised. */
  readonly isWorn: boolean
  tell(message: ToCell): void
  /** Whoever listens last is told what the process says. */
  listen(take: (message: FromCell) => void): void
  /** SIGKILL for the whole group: what the handler has started must not outlive it. */
  kill(): void
  /** From now on the process is killed when it holds more than the limit beyond what it holds now. */
  watchMemory(): void
}

/**
 * Starts one.
 *
 * @throws Error when the system cannot start a process.
 */
export type OpenCell = (limits: CellLimits, env: NodeJS.ProcessEnv, clock: Clock) => Cell

export const forkedCell: OpenCell = (limits, env, clock) => new ForkedCell(limits, env, clock)

/** Whoever computes for long may allocate garbage faster than it is collected: the young generation, twice, and stacks. */
const slackMb = 64
const lookMs = 100

/**
 * The process of one action, and its process group: loading, then idle and running by turns, until it ends or is
 * killed. Whatever ends it, `exited` tells, and then nothing of its group is left.
 */
class ForkedCell implements Cell {
  readonly limits: CellLimits
  readonly pid: number
  readonly exited: Promise<Exit>
  hasExited = false
  key = 0
  peakMb: number | null = null
  readonly #process: ChildProcess
  readonly #clock: Clock
  #capMb = Number.POSITIVE_INFINITY
  #watching: Timer | undefined
  #listen: (message: FromCell) => void = () => {}

  constructor(limits: CellLimits, env: NodeJS.ProcessEnv, clock: Clock) {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const child = fork(fileURLToPath(new URL(`./cell-entry.${extension}`, import.meta.url)), [], {
      detached: true,
      env,
      execArgv: [...execArgv(), `--max-old-space-size=${limits.memoryMb}`],
      serialization: 'advanced',
      // Its output is for people; the standard output of the worker belongs to the worker.
      stdio: ['ignore', 2, 2, 'ipc'],
    })
    this.limits = limits
    this.#process = child
    this.#clock = clock
    this.exited = new Promise((resolve) => {
      const ended = (exitCode: number | null, signal: string | null): void => {
        this.hasExited = true
        this.#watching?.cancel()
        this.kill()
        // What it said last may still be on its way (nodejs.org/api/child_process.html, event 'exit').
        if (child.connected) child.once('disconnect', () => resolve({ exitCode, signal }))
        else resolve({ exitCode, signal })
      }
      child.on('exit', ended)
      child.on('error', () => {
        if (child.pid === undefined) ended(null, null)
      })
    })
    child.on('message', (message) => this.#listen(message as FromCell))
    this.pid = child.pid ?? 0
  }

  tell(message: ToCell): void {
    // What cannot be told any more is told by the exit.
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  listen(take: (message: FromCell) => void): void {
    this.#listen = take
  }

  kill(): void {
    if (this.pid === 0) return
    try {
      process.kill(-this.pid, 'SIGKILL')
    } catch {
      // Nobody is left in it.
    }
  }

  watchMemory(): void {
    const loadedMb = residentMb(this.pid)
    if (loadedMb === null) return
    this.#capMb = loadedMb + this.limits.memoryMb + slackMb
    const look = (): void => {
      const nowMb = residentMb(this.pid)
      if (nowMb !== null) this.peakMb = Math.max(this.peakMb ?? 0, nowMb)
      if (nowMb !== null && nowMb > this.#capMb) this.kill()
      else if (!this.hasExited) this.#watching = this.#clock.timer(lookMs, look)
    }
    look()
  }

  get isWorn(): boolean {
    const nowMb = residentMb(this.pid)
    return nowMb !== null && nowMb > this.#capMb - this.limits.memoryMb / 2
  }
}

/** Buffers lie outside the heap, so only the kernel knows all that a process holds (proc_pid_status(5)). */
function residentMb(pid: number): number | null {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? null : Math.round(Number(kib) / 1024)
  } catch {
    return null
  }
}

/** How sources are found, as this process was told; its inspector and its own limits stay its own. */
function execArgv(): string[] {
  const kept: string[] = []
  for (const [index, arg] of process.execArgv.entries()) {
    if (/^(-C|--conditions|--import|--require|-r)$/.test(arg)) kept.push(arg, process.execArgv[index + 1] ?? '')
    else if (/^(--conditions=|--import=|--require=|--no-warnings|--enable-source-maps)/.test(arg)) kept.push(arg)
  }
  return kept
}
