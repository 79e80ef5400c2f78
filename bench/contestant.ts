import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Closing } from './contender.ts'
import type { Entry } from './roster.ts'
import type { Done, Task } from './runner.ts'
import type { Figures } from './scenarios.ts'

/** The process of one contender as the referee sees it. */
export class Contestant {
  readonly entry: Entry
  readonly #process: ChildProcess

  constructor(entry: Entry, url: string, folder: string, execArgv: readonly string[] = []) {
    this.entry = entry
    this.#process = fork(join(import.meta.dirname, 'runner.ts'), [entry.name, url], {
      env: { ...process.env, TMPDIR: folder },
      execArgv: [...execArgv],
    })
  }

  /** @throws when the scenario failed, an audit included. */
  perform(task: Task): Promise<{ readonly figures: Figures; readonly closing: Closing }> {
    return new Promise((resolve, reject) => {
      const failed = (why: string): void =>
        reject(new Error(`${this.entry.title} failed in ${task.scenario}, round ${task.round}: ${why}`))
      const exited = (code: number | null): void => failed(`its process ended with ${code ?? 'a signal'}`)
      this.#process.once('exit', exited)
      this.#process.once('message', (done: Done) => {
        this.#process.off('exit', exited)
        if ('failed' in done) failed(done.failed)
        else resolve(done)
      })
      this.#process.send(task)
    })
  }

  /** Ends the process in order, so that it may write its profile. */
  async end(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exited = new Promise<void>((resolve) => this.#process.once('exit', () => resolve()))
    this.#process.disconnect()
    await exited
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }
}
