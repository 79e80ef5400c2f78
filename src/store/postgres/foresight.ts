import type { Row } from '../sqlite/rows-of.ts'
import type { Connection, Value } from './connection.ts'
import type { StatementName } from './statements.ts'

/** What a writer asks first of all when others have written since its last turn, and asks for by nothing. */
const names = [
  'quarantine',
  'queues',
  'liveWorkers',
  'holders',
  'limits',
  'openPauseIntervalCount',
  'lastPauseEnd',
  'timeoutPolicies',
  'depths',
  'nextTimerAt',
  'pauses',
] as const satisfies readonly StatementName[]

/** Asked as well, for what came behind a version. */
const versioned: ReadonlySet<StatementName> = new Set<StatementName>(['rights', 'newestPolicies'])

/**
 * Questions that are sent along with the beginning of a turn, because they will be asked: writers that take turns find
 * each time that another one has written. The answers are there when the turn is had, and hold until it writes.
 */
export class Foresight {
  readonly #answers = new Map<string, Promise<readonly Row[]>>()
  #isExpected = false
  /** What was asked of those that are asked for by something: the changes since a version. */
  readonly #last = new Map<StatementName, readonly Value[]>()

  /** @param foreign whether the turn that has begun follows another writer's: so will the next one */
  expect(foreign: boolean): void {
    this.#isExpected = foreign
  }

  ask(connection: Connection): void {
    this.forget()
    if (!this.#isExpected) return
    for (const name of names) this.#send(connection, name)
    for (const [name, values] of this.#last) this.#send(connection, name, ...values)
  }

  find(name: StatementName, values: readonly Value[]): Promise<readonly Row[]> | undefined {
    if (versioned.has(name)) this.#last.set(name, values)
    return this.#answers.size === 0 ? undefined : this.#answers.get(keyOf(name, values))
  }

  forget(): void {
    this.#answers.clear()
  }

  #send(connection: Connection, name: StatementName, ...values: Value[]): void {
    const answer = connection.all(name, ...values)
    // A failure is told by whoever asks, or by the turn itself.
    answer.catch(() => {})
    this.#answers.set(keyOf(name, values), answer)
  }
}

const keyOf = (name: StatementName, values: readonly Value[]): string => `${name} ${values.join()}`
