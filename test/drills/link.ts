/** The child's end of the line to the drill. */
import type { FromChild, Point, ToChild } from './messages.ts'

/** Options of a process, as the drill that forked it gave them. */
export function optionsOf<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T
}

export function tell(message: FromChild): void {
  if (process.connected) process.send?.(message)
}

/** What a process says of Redis, to the drill. */
export function tellOfRedis(_level: string, message: string): void {
  if (message.startsWith('Redis is away')) tell({ redis: 'away' })
  else if (message.startsWith('Redis is back')) tell({ redis: 'back' })
}

const tickets = new Map<number, () => void>()
let next = 1

/** Says that a run has come to a point, and waits for the drill to let it go on. */
export async function arriveAt(point: Point, execution: string, fence: number): Promise<void> {
  const ticket = next++
  const told = new Promise<void>((resolve) => tickets.set(ticket, resolve))
  tell({ arrived: { ticket, point, execution, fence } })
  await told
}

/** Takes what the drill says; a process without its drill has no reason to stay. */
export function listen(take: (message: ToChild) => void = () => {}): void {
  process.on('disconnect', () => process.exit(1))
  process.on('message', (message: ToChild) => {
    if ('go' in message) {
      tickets.get(message.go)?.()
      tickets.delete(message.go)
    } else take(message)
  })
}
