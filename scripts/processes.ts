/** Which processes belong to this checkout, read from /proc. Elsewhere than on Linux nothing is found. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

export interface LeftProcess {
  pid: number
  command: string
}

/** The processes whose working folder or command line lies in the folder given. */
export function processesOf(root: string): Set<number> {
  return new Set(pids().filter((pid) => belongsTo(pid, root)))
}

/**
 * What a run has left behind: processes that carry its mark in their environment, and, because a child may be started
 * with an environment of its own, orphans in the checkout that were not there before the run.
 */
export function leftProcesses(root: string, mark: string, before: ReadonlySet<number>): LeftProcess[] {
  return pids()
    .filter((pid) => pid !== process.pid && !isZombie(pid))
    .filter((pid) => carries(pid, mark) || (!before.has(pid) && parentOf(pid) === 1 && belongsTo(pid, root)))
    .map((pid) => ({ pid, command: commandOf(pid).replaceAll('\0', ' ').trim() }))
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch {
    return []
  }
}

function belongsTo(pid: number, root: string): boolean {
  return (
    isInside(linkOf(pid), root) ||
    commandOf(pid)
      .split('\0')
      .some((word) => isInside(word, root))
  )
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`)
}

function carries(pid: number, mark: string): boolean {
  return read(pid, 'environ').split('\0').includes(mark)
}

function commandOf(pid: number): string {
  return read(pid, 'cmdline')
}

/** Fields of /proc/<pid>/stat after the command's name, which may itself hold spaces and parentheses. */
function statusOf(pid: number): string[] {
  const text = read(pid, 'stat')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function isZombie(pid: number): boolean {
  return statusOf(pid)[0] === 'Z'
}

function parentOf(pid: number): number {
  return Number(statusOf(pid)[1])
}

/** Empty for a process that has ended meanwhile or belongs to somebody else. */
function read(pid: number, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8')
  } catch {
    return ''
  }
}

function linkOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`)
  } catch {
    return ''
  }
}
