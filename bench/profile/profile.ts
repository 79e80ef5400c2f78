import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Contestant } from '../contestant.ts'
import { roster } from '../roster.ts'
import type { Scenario } from '../scenarios.ts'
import { byRoom, type CpuProfile, outside } from './rooms.ts'

const intervalUs = 200

/** Prints where Pawl's time goes: self time by room, in microseconds per execution, of each of its threads. */
export async function profile(
  scenarios: readonly Scenario[],
  count: number,
  folder: string,
  started: (contestant: Contestant) => void,
): Promise<number> {
  for (const entry of roster.filter(({ name }) => name.startsWith('pawl'))) {
    for (const scenario of scenarios) {
      const profiles = join(folder, `${entry.name}-${scenario}`)
      mkdirSync(profiles)
      const flags = ['--cpu-prof', `--cpu-prof-interval=${intervalUs}`, `--cpu-prof-dir=${profiles}`]
      const contestant = new Contestant(entry, '', folder, flags)
      started(contestant)
      const { figures } = await contestant.perform({ scenario, count, round: 0 })
      await contestant.end()
      const threads = readdirSync(profiles)
        .sort((a, b) => threadOf(a) - threadOf(b))
        .map((file) => byRoom(JSON.parse(readFileSync(join(profiles, file), 'utf8')) as CpuProfile))
      const rate = Object.entries(figures).map(([name, value]) => `${name} ${Math.round(value)}`)
      console.log(`\n${entry.title}, ${scenario} of ${count} (${rate.join(', ')}; the profiler slows it down)\n`)
      console.log(roomTable(threads, count))
    }
  }
  return 0
}

/** Profiles are called CPU.date.time.pid.thread.number. */
const threadOf = (file: string): number => Number(file.split('.').at(-3))

/** In the order in which they are started. */
const threadTitles = ['main thread', 'writer thread', 'heart thread']

function roomTable(threads: readonly ReadonlyMap<string, number>[], count: number): string {
  const titles = threads.map((_, index) => threadTitles[index] ?? `thread ${index}`)
  const rooms = [...new Set(threads.flatMap((thread) => [...thread.keys()]))]
    .filter((room) => room !== outside)
    .map((room) => ({ room, times: threads.map((thread) => (thread.get(room) ?? 0) / count) }))
    .filter(({ times }) => times.some((time) => time >= 0.05))
    .sort((a, b) => weight(b) - weight(a))
  const busy = threads.map((_, index) =>
    rooms.filter(({ room }) => room !== 'idle').reduce((sum, { times }) => sum + (times[index] ?? 0), 0),
  )
  const line = (name: string, times: readonly number[]): string =>
    `${name.padEnd(46)}${times.map((time) => time.toFixed(1).padStart(15)).join('')}`
  return [
    `${'µs per execution'.padEnd(46)}${titles.map((title) => title.padStart(15)).join('')}`,
    ...rooms.map(({ room, times }) => line(room, times)),
    line('busy in all', busy),
  ].join('\n')
}

/** Idle time stands last: it is nobody's cost. */
const weight = ({ room, times }: { room: string; times: readonly number[] }): number =>
  room === 'idle' ? -1 : times.reduce((sum, time) => sum + time, 0)
