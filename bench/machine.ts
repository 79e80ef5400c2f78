import { execFileSync } from 'node:child_process'
import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { percentile } from './statistics.ts'

export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGb: number
  readonly system: string
  readonly node: string
  readonly sqlite: string
  /** Milliseconds of one fdatasync after 16 KiB were written over old ones, as a log that is used again does. */
  readonly fsyncMs: { readonly p50: number; readonly p99: number }
}

export function machine(folder: string): Machine {
  const processors = cpus()
  return {
    processor: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()} ${process.arch}`,
    node: process.version,
    sqlite: process.versions.sqlite ?? 'unknown',
    fsyncMs: fsyncMs(folder),
  }
}

/** Above it, the disk is slow or somebody else is at it, and figures say more about the disk than about the contenders. */
export const quietFsyncMs = 0.3

export function fsyncMs(folder: string): { p50: number; p99: number } {
  const path = join(folder, 'fsync')
  const file = openSync(path, 'w')
  const block = Buffer.alloc(16 * 1024, 1)
  const blocks = 64
  const times: number[] = []
  for (let index = 0; index < blocks * 10; index += 1) {
    writeSync(file, block, 0, block.length, (index % blocks) * block.length)
    const startedAt = performance.now()
    fdatasyncSync(file)
    if (index >= blocks) times.push(performance.now() - startedAt)
  }
  closeSync(file)
  rmSync(path)
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99) }
}

/** The commit that is measured; `+changes` when the sources differ from it. */
export function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  try {
    const changes = git('status', '--porcelain', '--', '../src') !== ''
    return git('rev-parse', '--short=12', 'HEAD') + (changes ? '+changes' : '')
  } catch {
    return 'unknown'
  }
}
