import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { sha256 } from '../json/hash.ts'
import { startTicks } from './proof-of-death.ts'

/** Where a process can be found: what a worker says on signing on, and what a proof of its death is compared with. */
export interface ProcessFacts {
  /** Machine, and process namespace on it: two containers of one machine must not look up each other's numbers. */
  readonly host: string
  readonly pid: number
  /** Kernel's start time of the process, in clock ticks since boot; null where the kernel does not tell. */
  readonly startedTicks: string | null
  readonly bootId: string | null
}

/** The facts of the process that calls. */
export function thisProcess(): ProcessFacts {
  const machine = firstLine('/etc/machine-id') ?? firstLine('/var/lib/dbus/machine-id') ?? ''
  const namespace = linkOf('/proc/self/ns/pid') ?? ''
  // The machine id is confidential by its own manual page (machine-id(5)), so only a hash of it leaves the machine.
  const place = machine + namespace === '' ? '' : `/${sha256(`pawl ${machine} ${namespace}`).slice(0, 16)}`
  const stat = fileText('/proc/self/stat')
  return {
    host: `${hostname().slice(0, 200)}${place}`,
    pid: process.pid,
    startedTicks: stat === undefined ? null : (startTicks(stat) ?? null),
    bootId: firstLine('/proc/sys/kernel/random/boot_id') ?? null,
  }
}

const firstLine = (path: string): string | undefined => fileText(path)?.split('\n')[0]?.trim()

function fileText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
