/** Processes of the command line on one database, each in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'

const entry = resolve(import.meta.dirname, '../../src/cli/main.ts')
const { PAWL_URL: _, PAWL_TOKEN: __, PAWL_STORE: ___, PAWL_PORT: ____, ...environment } = process.env

export interface Ended {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

export class CommandProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  #out = ''
  #err = ''
  readonly #looks = new Set<() => void>()

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, [entry, ...args], {
      env: { ...environment, NO_COLOR: '1', PAWL_LOG_LEVEL: 'warn', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.child = child
    const hear = (take: (text: string) => void) => (chunk: Buffer) => {
      take(chunk.toString())
      for (const look of this.#looks) look()
    }
    child.stdout.on(
      'data',
      hear((text) => (this.#out += text)),
    )
    child.stderr.on(
      'data',
      hear((text) => (this.#err += text)),
    )
    this.ended = once(child, 'close').then(() => {
      for (const look of this.#looks) look()
      return { exit: child.exitCode, out: this.#out, err: this.#err }
    })
  }

  /** Resolves with what was matched once it was printed. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((done, fail) => {
      const look = (): void => {
        const found = pattern.exec(this.#out) ?? pattern.exec(this.#err)
        if (found === null && this.child.exitCode === null) return
        this.#looks.delete(look)
        if (found === null) fail(new Error(`the process ended with ${this.child.exitCode}: ${this.#err}`))
        else done(found)
      }
      this.#looks.add(look)
      look()
    })
  }

  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal)
    return await this.ended
  }
}

/** Starts commands for one database and one module of actions, and ends what is left of them. */
export class CommandLine {
  readonly #folder: string
  readonly #env: Readonly<Record<string, string>>
  readonly #all: CommandProcess[] = []

  constructor(folder: string, env: Readonly<Record<string, string>>) {
    this.#folder = folder
    this.#env = env
  }

  /** @param data names the folder of this process */
  start(data: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): CommandProcess {
    const started = new CommandProcess([...args, '--data', join(this.#folder, data)], { ...this.#env, ...env })
    this.#all.push(started)
    return started
  }

  async endAll(): Promise<void> {
    await Promise.all(this.#all.map((each) => each.end('SIGKILL')))
  }
}
