/** One entry of a V8 profile: where the time was spent. */
export interface Frame {
  readonly functionName: string
  readonly url: string
}

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Time that is none of Pawl's: loading the program, and the measuring itself. */
export const outside = 'outside'

/** Without a name, a place is called as the part of it that the pattern holds. */
const places: readonly { readonly at: RegExp; readonly name?: string }[] = [
  { at: /^store\/sqlite\/(write|write-rest|log-rows)\.ts$/, name: 'store/sqlite: writes (node:sqlite)' },
  { at: /^store\/sqlite\/(open|migrate|meta|health|owner)\.ts$/, name: outside },
  { at: /^store\/sqlite\//, name: 'store/sqlite: reads (node:sqlite)' },
  { at: /^commit\/channel\.ts$/, name: 'commit: channel between threads' },
  { at: /^sqlite(-writer)?\.ts$/, name: 'structured clone: receive' },
  { at: /^([a-z-]+)\// },
  { at: /^([a-z-]+\.ts)$/ },
]

/** The room in which a frame lies, or what it is when it lies in none. */
export function roomOf({ functionName, url }: Frame): string {
  if (functionName === '(idle)') return 'idle'
  if (functionName === '(garbage collector)') return 'garbage collector'
  if (functionName === '(program)') return 'native code without a name'
  if (functionName === 'postMessage') return 'structured clone: send'
  const source = /\/src\/(.*)$/.exec(url)?.[1]
  if (source !== undefined && !url.includes('/node_modules/')) {
    // Only begin, commit and rare statements go through this method, and only a commit takes long.
    if (source === 'store/sqlite/prepared.ts' && functionName === 'run')
      return 'commit statement, with the wait for fsync'
    for (const { at, name } of places) {
      const found = at.exec(source)
      if (found !== null) return name ?? found[1] ?? source
    }
  }
  if (url.includes('/node_modules/zod/')) return 'input schema (zod)'
  if (url.includes('internal/crypto')) return 'hashes'
  if (/internal\/(worker|per_context\/messageport)/.test(url)) return 'structured clone: receive'
  if (/internal\/(process\/task_queues|timers|abort_controller|event_target|async_hooks)/.test(url))
    return 'node: tasks and timers'
  return outside
}

/** Self time in microseconds by room. */
export function byRoom({ nodes, samples, timeDeltas }: CpuProfile): Map<string, number> {
  const rooms = new Map(nodes.map(({ id, callFrame }) => [id, roomOf(callFrame)]))
  const sums = new Map<string, number>()
  for (const [index, id] of samples.entries()) {
    const room = rooms.get(id) ?? outside
    sums.set(room, (sums.get(room) ?? 0) + (timeDeltas[index] ?? 0))
  }
  return sums
}
