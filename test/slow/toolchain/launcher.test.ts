import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { projectRoot } from '../../../scripts/files.ts'

let checkout: string
const children: ChildProcess[] = []

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'pawl-launcher-'))
  mkdirSync(join(checkout, 'bin'))
  copyFileSync(join(projectRoot, 'bin/pawl.cjs'), join(checkout, 'bin/pawl.cjs'))
  // Makes this Node say that it is an old one, except where the launcher has already changed to another.
  writeFileSync(
    join(checkout, 'old.cjs'),
    "if (!process.env.PAWL_RELAUNCHED) Object.defineProperty(process.versions, 'node', { value: '20.20.2' })\n",
  )
})

afterEach(() => {
  for (const { pid } of children.splice(0)) if (pid !== undefined) endGroup(pid)
  rmSync(checkout, { recursive: true, force: true })
})

describe('the launcher', () => {
  test('in a checkout it runs the source, with the arguments and the exit code', async () => {
    entry(
      'src/cli/main.ts',
      "const words: string[] = process.argv.slice(2)\nconsole.log('source', ...words)\nprocess.exit(7)\n",
    )
    entry('dist/cli/main.js', "console.log('build')\n")
    expect(await ended(start(['list', '--json']))).toEqual({
      code: 7,
      signal: null,
      out: 'source list --json\n',
      err: '',
    })
  })

  test('installed as a package it runs the build', async () => {
    entry('dist/cli/main.js', "console.log('build')\n")
    expect(await ended(start([]))).toMatchObject({ code: 0, out: 'build\n' })
  })

  test('an old Node without a newer one gets two plain lines and exit code 78', async () => {
    const { code, out, err } = await ended(start([], { isOld: true }))
    expect({ code, out }).toEqual({ code: 78, out: '' })
    expect(err.trimEnd().split('\n')).toHaveLength(2)
    expect(err).toContain('24.15')
  })

  test('an old Node hands over to the newest private one, exit code included', async () => {
    privateNode('node-24.21.0')
    privateNode('node-22.0.0')
    entry('src/cli/main.ts', 'console.log(process.execPath)\nprocess.exit(5)\n')
    const { code, out } = await ended(start([], { isOld: true }))
    expect(code).toBe(5)
    expect(out).toBe(`${process.execPath}\n`)
  })

  test('a signal reaches the command behind the launcher, which ends in its own way', async () => {
    privateNode('node-24.21.0')
    entry(
      'src/cli/main.ts',
      "process.on('SIGTERM', () => process.exit(3))\nsetInterval(() => {}, 1000)\nconsole.log('ready')\n",
    )
    const child = start([], { isOld: true })
    child.stdout?.once('data', () => child.kill('SIGTERM'))
    expect(await ended(child)).toMatchObject({ code: 3, signal: null })
  })

  test('a command that dies of a signal takes the launcher with it in the same way', async () => {
    privateNode('node-24.21.0')
    entry('src/cli/main.ts', "process.kill(process.pid, 'SIGTERM')\nsetInterval(() => {}, 1000)\n")
    expect(await ended(start([], { isOld: true }))).toMatchObject({ code: null, signal: 'SIGTERM' })
  })
})

function entry(path: string, text: string): void {
  mkdirSync(join(checkout, path, '..'), { recursive: true })
  writeFileSync(join(checkout, 'package.json'), '{"type":"module"}')
  writeFileSync(join(checkout, path), text)
}

function privateNode(name: string): void {
  const folder = join(checkout, '.toolchain', name, 'bin')
  mkdirSync(folder, { recursive: true })
  symlinkSync(process.execPath, join(folder, 'node'))
}

function start(args: string[], { isOld = false } = {}): ChildProcess {
  const preload = isOld ? ['--require', join(checkout, 'old.cjs')] : []
  const command = [...preload, join(checkout, 'bin/pawl.cjs'), ...args]
  const child = spawn(process.execPath, command, { stdio: 'pipe', detached: true })
  children.push(child)
  return child
}

/** The launcher and whatever it started are one group, so that a test that fails leaves neither behind. */
function endGroup(leader: number): void {
  try {
    process.kill(-leader, 'SIGKILL')
  } catch {
    // The group has ended by itself, as it should.
  }
}

function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null; out: string; err: string }> {
  let out = ''
  let err = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  return new Promise((done) => child.on('close', (code, signal) => done({ code, signal, out, err })))
}
