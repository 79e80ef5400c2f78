import { readFileSync } from 'node:fs'
import type { Worker } from '../store/rows.ts'

export type Suspect = Pick<Worker, 'host' | 'pid' | 'startedTicks' | 'bootId'>

/** What the kernel of this machine says about a process number. */
export interface ProcessTable {
  /** False only when there certainly is no such process. */
  mayExist(pid: number): boolean
  /** The process's line in /proc; undefined when it cannot be read. */
  stat(pid: number): string | undefined
}

/**
 * Says how it is known that a process is dead, or null: not known is not dead. Nothing is known about other machines
 * and other process namespaces.
 */
export function proofOfDeath(
  suspect: Suspect,
  here: Pick<Suspect, 'host' | 'bootId'>,
  table: ProcessTable,
): string | null {
  if (suspect.host !== here.host) return null
  if (suspect.bootId !== null && here.bootId !== null && suspect.bootId !== here.bootId) {
    return 'its machine was started anew'
  }
  if (!table.mayExist(suspect.pid)) return `there is no process ${suspect.pid}`
  const stat = table.stat(suspect.pid)
  if (stat === undefined) return null
  const { state, threads, ticks } = fieldsOf(stat)
  if (suspect.startedTicks !== null && ticks !== undefined && ticks !== suspect.startedTicks) {
    return `process ${suspect.pid} is another one, started at tick ${ticks}`
  }
  // A zombie without other threads has ended and only waits for its parent; X is dead (proc(5)).
  if ((state === 'Z' || state === 'X') && (threads === '1' || threads === '0'))
    return `process ${suspect.pid} has ended`
  return null
}

/** Start time of a process in clock ticks since boot, from its line in /proc/<pid>/stat. */
export const startTicks = (stat: string): string | undefined => fieldsOf(stat).ticks

/** Field 2 is a name in parentheses that may itself hold spaces and parentheses; all others follow the last one. */
function fieldsOf(stat: string): { state: string | undefined; threads: string | undefined; ticks: string | undefined } {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return { state: fields[0], threads: fields[17], ticks: fields[19]?.trim() }
}

/** The table of this machine. On systems without /proc only a missing process is proven. */
export const processTable: ProcessTable = {
  mayExist(pid) {
    try {
      process.kill(pid, 0)
      return true
    } catch (error) {
      // Anything but "no such process" leaves it open: EPERM is a process of somebody else's.
      return (error as NodeJS.ErrnoException).code !== 'ESRCH'
    }
  },
  stat(pid) {
    try {
      return readFileSync(`/proc/${pid}/stat`, 'utf8')
    } catch {
      return undefined
    }
  },
}
