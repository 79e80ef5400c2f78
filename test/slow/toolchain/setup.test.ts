import { spawnSync } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { projectRoot } from '../../../scripts/files.ts'

/** What setup.sh needs of the system; node and npm are put beside them by each test. */
const tools = [
  'sh',
  'cat',
  'cksum',
  'chmod',
  'dirname',
  'grep',
  'gzip',
  'ln',
  'mkdir',
  'mktemp',
  'mv',
  'rm',
  'tar',
  'uname',
]

let checkout: string

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'pawl-setup-'))
  for (const folder of ['scripts', 'tools', 'examples/quotes']) mkdirSync(join(checkout, folder), { recursive: true })
  for (const file of ['up', 'check', 'scripts/setup.sh']) copyFileSync(join(projectRoot, file), join(checkout, file))
  for (const tool of tools) symlinkSync(whereIs(tool), join(checkout, 'tools', tool))
  writeFileSync(join(checkout, 'package-lock.json'), '{}')
  writeFileSync(join(checkout, 'package.json'), '{"type":"module"}')
  writeFileSync(join(checkout, 'examples/quotes/up.ts'), 'console.log(JSON.stringify(process.argv.slice(2)))\n')
})

afterEach(() => rmSync(checkout, { recursive: true, force: true }))

describe('setting up a checkout', () => {
  test('packages are installed from the lock, and what npm says stays off stdout', () => {
    newNode()
    npm('echo "npm $*"; mkdir -p node_modules')
    const { status, stdout, stderr } = up('--once')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '["--once"]\n' })
    expect(stderr).toContain('npm ci --prefer-offline')
  })

  test('the second run is silent and asks npm for nothing', () => {
    newNode()
    npm('mkdir -p node_modules; echo called >>calls')
    up()
    expect(up().stderr).toBe('')
    expect(read('calls')).toBe('called\n')
  })

  test('a changed lock is installed anew', () => {
    newNode()
    npm('mkdir -p node_modules; echo called >>calls')
    up()
    writeFileSync(join(checkout, 'package-lock.json'), '{"changed":true}')
    up()
    expect(read('calls')).toBe('called\ncalled\n')
  })

  test('an install that failed is said in a sentence, and tried again the next time', () => {
    newNode()
    npm('mkdir -p node_modules; echo called >>calls; exit 1')
    const { status, stdout, stderr } = up()
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toContain('setup: npm ci failed')
    up()
    expect(read('calls')).toBe('called\ncalled\n')
  })

  test('an old node is replaced by a private one that npm delivers', () => {
    tool('node', 'if [ "$1" = -v ]; then echo v20.20.2; else exit 1; fi')
    npm(
      `if [ "$1" = pack ]; then mkdir -p package/bin; ln -s ${process.execPath} package/bin/node; tar -czf node.tgz package
      else mkdir -p node_modules; fi`,
    )
    const { status, stdout, stderr } = up()
    expect(stderr).toContain('Node.js v20.20.2 is older than 24.15')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '[]\n' })
  })

  test('an old node and a registry that does not answer give a sentence with what to do', () => {
    tool('node', 'if [ "$1" = -v ]; then echo v20.20.2; else exit 1; fi')
    npm('echo "npm error code ECONNREFUSED" >&2; exit 1')
    const { status, stdout, stderr } = up()
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
    expect(stderr).toMatch(/npm could not deliver node-linux-\w+@[\d.]+ \(npm error code ECONNREFUSED\)/)
    expect(stderr).toContain('install Node.js 24 LTS')
  })

  test('a check that could not set up closes with one failure', () => {
    const { status, stdout } = run('check')
    expect({ status, stdout }).toEqual({ status: 1, stdout: '0 passed, 1 failed, 0 skipped\n' })
  })

  test('without node and npm one sentence says what to install', () => {
    const { status, stderr } = up()
    expect(status).toBe(1)
    expect(stderr).toContain('npm was not found')
  })
})

const up = (...args: string[]) => run('up', ...args)

function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(join(checkout, 'tools/sh'), args, {
    cwd: checkout,
    encoding: 'utf8',
    env: { PATH: join(checkout, 'tools') },
  })
}

function newNode(): void {
  symlinkSync(process.execPath, join(checkout, 'tools/node'))
}

function npm(script: string): void {
  tool('npm', script)
}

function tool(name: string, script: string): void {
  writeFileSync(join(checkout, 'tools', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

function read(path: string): string {
  return readFileSync(join(checkout, path), 'utf8')
}

function whereIs(name: string): string {
  const folder = ['/usr/bin', '/bin'].find((each) => existsSync(join(each, name)))
  if (folder === undefined) throw new Error(`${name} is not on this machine`)
  return join(folder, name)
}
