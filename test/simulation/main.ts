import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { missingKinds } from './coverage.ts'
import { playOnStores } from './stores.ts'
import { playWorld, type WorldEnd } from './world.ts'

/**
 * Simulates many worlds: `npm run sim -- --seeds N [--from S]`; one of them in full: `npm run sim -- --seed X --trace`;
 * their commands on both stores: `npm run sim -- --stores --seeds N`.
 */

interface Part {
  readonly passed: number
  readonly failures: readonly { readonly seed: number; readonly text: string }[]
  readonly counts: readonly (readonly [string, number])[]
  readonly steps: number
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    part: { type: 'boolean', default: false },
    stores: { type: 'boolean', default: false },
    processes: { type: 'string', default: '2' },
    failures: { type: 'string', default: '5' },
  },
})

const shownSteps = 40
/** A run ends early after so many failing seeds. */
const failuresMax = Number(values.failures)

if (values.seed !== undefined) await playOne(Number(values.seed), values.trace)
else if (values.stores) {
  const { passed, failed } = await playOnStores(Number(values.from), Number(values.seeds))
  finish(passed, failed)
} else if (values.part) await playPart(Number(values.from), Number(values.seeds))
else await playAll(Number(values.from), Number(values.seeds), Number(values.processes))

async function playOne(seed: number, withTrace: boolean): Promise<void> {
  const end = await playWorld({ seed })
  if (withTrace) console.log(end.trace.join('\n'))
  console.log(`seed ${seed}: ${end.steps} steps, trace ${end.traceHash}`)
  for (const { invariant, message } of end.violations) console.log(`VIOLATED ${invariant}: ${message}`)
  finish(end.violations.length === 0 ? 1 : 0, end.violations.length === 0 ? 0 : 1)
}

async function playPart(from: number, seeds: number): Promise<void> {
  // Simulated failures are thrown by the million; where in the code is told by the replay of one seed.
  Error.stackTraceLimit = 0
  const counts = new Map<string, number>()
  const failures: { seed: number; text: string }[] = []
  let passed = 0
  let steps = 0
  let current = from
  process.on('unhandledRejection', (reason) => {
    if (failures.length < failuresMax)
      failures.push({ seed: current, text: `VIOLATED crash: unhandled ${String(reason)}` })
  })
  for (let seed = from; seed < from + seeds && failures.length < failuresMax; seed += 1) {
    current = seed
    const before = failures.length
    const end = await playWorld({ seed })
    steps += end.steps
    for (const [name, count] of end.counts) counts.set(name, (counts.get(name) ?? 0) + count)
    if (end.violations.length > 0) failures.push({ seed, text: describe(end) })
    else if (failures.length === before) passed += 1
  }
  process.send?.({ passed, failures, counts: [...counts], steps } satisfies Part)
  process.disconnect?.()
}

function describe(end: WorldEnd): string {
  const violated = end.violations.slice(0, 5).map(({ invariant, message }) => `VIOLATED ${invariant}: ${message}`)
  return [...end.trace.slice(-shownSteps), ...violated].join('\n')
}

async function playAll(from: number, seeds: number, processes: number): Promise<void> {
  const share = Math.ceil(seeds / processes)
  const startedAt = performance.now()
  const parts = await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      const first = from + index * share
      return playInChild(first, Math.max(0, Math.min(share, from + seeds - first)))
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  const counts = new Map<string, number>()
  for (const part of parts) for (const [name, count] of part.counts) counts.set(name, (counts.get(name) ?? 0) + count)
  for (const [name, count] of [...counts].sort()) console.log(`${String(count).padStart(9)}  ${name}`)
  const failures = parts.flatMap((part) => part.failures)
  for (const { seed, text } of failures) {
    console.log(`\nseed ${seed} failed; its last steps:\n${text}\nReplay: npm run sim -- --seed ${seed} --trace`)
  }
  const passed = parts.reduce((sum, part) => sum + part.passed, 0)
  const steps = parts.reduce((sum, part) => sum + part.steps, 0)
  const missing = failures.length > 0 ? [] : missingKinds(counts, seeds)
  for (const kind of missing) console.log(`never reached in ${seeds} seeds: ${kind}`)
  console.log(`${steps} steps in ${seconds.toFixed(1)} s`)
  finish(passed, failures.length + missing.length)
}

function playInChild(from: number, seeds: number): Promise<Part> {
  return new Promise((resolve) => {
    const args = ['--part', '--from', `${from}`, '--seeds', `${seeds}`, '--failures', `${failuresMax}`]
    const child = fork(new URL(import.meta.url), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let part: Part | undefined
    child.on('message', (message) => {
      part = message as Part
    })
    child.on('exit', (code) => {
      const text = `the process that played from seed ${from} on ended with ${code} and without a result`
      resolve(part ?? { passed: 0, failures: [{ seed: from, text }], counts: [], steps: 0 })
    })
  })
}

function finish(passed: number, failed: number): void {
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}
