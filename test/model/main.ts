import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/**
 * Does the protocol keep its promises in every order of events, with deaths, freezes and late packets anywhere? Spin looks at
 * all of them: `npm run model [-- part of a name]`. Each rule that is taken away must be missed, and each situation that the
 * promises are about must be reached. Needs spin and a C compiler (Debian and Ubuntu: apt-get install spin gcc).
 */

interface Variant {
  readonly name: string
  readonly set: Readonly<Record<string, number>>
  /** What the search has to find: nothing, or an assertion of the model that does not hold. */
  readonly finds: string | null
}

const kinds = { keyed: 1, fenced: 2, opaque: 3 } as const

const variants: readonly Variant[] = [
  { name: 'CP-008d a keyed target', set: { TARGET: kinds.keyed }, finds: null },
  { name: 'CP-008d a fenced target', set: { TARGET: kinds.fenced }, finds: null },
  { name: 'CP-008d an opaque target that can be asked', set: { TARGET: kinds.opaque }, finds: null },
  { name: 'CP-008d an opaque target that cannot', set: { TARGET: kinds.opaque, RECONCILE: 0 }, finds: null },
  { name: 'without fences', set: { TARGET: kinds.opaque, FENCE: 0 }, finds: '!(wasOvertaken)' },
  { name: 'without intents', set: { TARGET: kinds.opaque, LEDGER: 0 }, finds: 'happened<=1' },
  { name: 'a "no" believed without proof of death', set: { TARGET: kinds.opaque, PROOF: 0 }, finds: 'happened<=1' },
  { name: 'an end in doubt', set: { TARGET: kinds.opaque, DOUBT: 0 }, finds: '(state==' },
  { name: 'a cancel seen at the claim only', set: { TARGET: kinds.keyed, BIND: 0 }, finds: '!(wasLate)' },
  {
    name: 'an approval seen at the claim only',
    set: { TARGET: kinds.keyed, BIND: 0, CANCEL: 0 },
    finds: '!(wasUnapproved)',
  },
  { name: 'reaches a success after two losses', set: { TARGET: kinds.keyed, WITNESS: 1 }, finds: '(state==' },
  {
    name: 'reaches a question for a person',
    set: { TARGET: kinds.opaque, RECONCILE: 0, WITNESS: 2 },
    finds: '(state==',
  },
  {
    name: 'reaches a packet of a process that was overtaken',
    set: { TARGET: kinds.keyed, WITNESS: 3 },
    finds: '(isSent[0]',
  },
  { name: 'reaches a cancel after the effect', set: { TARGET: kinds.keyed, WITNESS: 4 }, finds: '(isCanceled' },
  {
    name: 'reaches an edit between claim and intent',
    set: { TARGET: kinds.keyed, BIND: 0, WITNESS: 5 },
    finds: '(state==',
  },
]

const model = new URL('./pawl.pml', import.meta.url).pathname
const run = promisify(execFile)
const depthMax = 1_000_000

/** Gives the sentence of what went wrong; null when the search found what it had to. */
async function check({ set, finds }: Variant, folder: string): Promise<{ states: string; wrong: string | null }> {
  const defines = Object.entries(set).map(([name, value]) => `-D${name}=${value}`)
  await run('spin', ['-a', ...defines, model], { cwd: folder })
  await run('gcc', ['-w', '-O2', '-DSAFETY', '-o', 'pan', 'pan.c'], { cwd: folder })
  // Whoever is dead stays where it was: that is no fault, so ends are not looked at (-E).
  const { stdout } = await run(join(folder, 'pan'), ['-E', `-m${depthMax}`], { cwd: folder, maxBuffer: 2 ** 24 })
  const states = /(\d+) states, stored/.exec(stdout)?.[1] ?? '?'
  const found = /assertion violated (.*?) \(at depth/.exec(stdout)?.[1]?.replaceAll(' ', '') ?? null
  if (/error: max search depth|out of memory|Search not completed/.test(stdout) && found === null) {
    return { states, wrong: 'the search was not complete' }
  }
  if (!/errors: \d+/.test(stdout)) return { states, wrong: 'the search said nothing' }
  if (finds === null) return { states, wrong: found === null ? null : `violates ${found}` }
  return { states, wrong: found?.includes(finds) === true ? null : `finds ${found ?? 'nothing'}, not ${finds}` }
}

const filter = process.argv[2] ?? ''
let failed = 0
const wanted = variants.filter(({ name }) => name.includes(filter))
for (const variant of wanted) {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-model-'))
  try {
    const { states, wrong } = await check(variant, folder)
    const what = variant.finds === null ? 'keeps its promises' : 'is found'
    if (wrong !== null) failed += 1
    console.log(`  ${wrong === null ? 'ok    ' : 'FAILED'} ${variant.name}: ${wrong ?? what}, ${states} states`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
console.log(`${wanted.length - failed} passed, ${failed} failed`)
process.exitCode = failed === 0 && wanted.length > 0 ? 0 : 1
