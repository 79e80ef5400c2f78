import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { leftovers } from './leftovers.ts'
import type { Command, FromChild, ToChild } from './messages.ts'
import type { Signal } from './signal.ts'

/** A process of the drill. Listeners are told of each message before whoever waits for one. */
export class Child {
  readonly pid: number
  readonly exited: Promise<void>
  ready: { readonly head: number; readonly freed: number; readonly address: string } | undefined
  hasExited = false
  readonly #process: ChildProcess
  readonly #answers = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>()
  #next = 1

  constructor(
    entry: 'server' | 'worker' | 'target' | 'printer' | 'member',
    options: unknown,
    signal: Signal,
    take: (message: FromChild) => void,
  ) {
    const child = fork(fileURLToPath(new URL(`./${entry}.ts`, import.meta.url)), [JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      execArgv: ['--no-warnings'],
    })
    if (child.pid === undefined) throw new Error(`the ${entry} process could not be started`)
    leftovers.processes.add(child)
    this.pid = child.pid
    this.#process = child
    child.on('message', (message: FromChild) => {
      if ('ready' in message) this.ready = message.ready
      else if ('reply' in message) this.#answered(message)
      else take(message)
      signal.raise()
    })
    child.on('error', () => {})
    this.exited = new Promise((resolve) => {
      child.on('exit', () => {
        leftovers.processes.delete(child)
        this.hasExited = true
        for (const { reject } of this.#answers.values()) reject(new Error(`the ${entry} process has ended`))
        this.#answers.clear()
        resolve()
        signal.raise()
      })
    })
  }

  tell(message: ToChild): void {
    if (this.#process.connected) this.#process.send(message, () => {})
  }

  /** @throws Error with the refusal, or when the process ends before it has answered. */
  ask<T>(command: Command): Promise<T> {
    if (this.hasExited || !this.#process.connected) return Promise.reject(new Error('the process has ended'))
    const ask = this.#next++
    return new Promise<T>((resolve, reject) => {
      this.#answers.set(ask, { resolve: (value) => resolve(value as T), reject })
      this.tell({ ask, command })
    })
  }

  #answered(message: { readonly reply: number; readonly value: unknown; readonly refused: string | null }): void {
    const found = this.#answers.get(message.reply)
    this.#answers.delete(message.reply)
    if (message.refused === null) found?.resolve(message.value)
    else found?.reject(new Error(message.refused))
  }

  kill(signal: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT' | 'SIGTERM'): void {
    this.#process.kill(signal)
  }

  async end(): Promise<void> {
    if (!this.hasExited) this.kill('SIGKILL')
    await this.exited
  }
}
