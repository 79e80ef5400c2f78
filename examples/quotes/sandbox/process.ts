import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Fault } from './faults.ts'
import type { SandboxAddresses } from './server.ts'

export type SandboxProcess = {
  addresses: SandboxAddresses
  pid: number
  /** The settings that point the quote actions at this sandbox. */
  environment: Record<string, string>
  stop(): Promise<void>
}

/** Starts the sandbox as a process of its own, which also stops when this process ends, however it ends. */
export async function spawnSandbox({
  port = 0,
  recordFile,
}: {
  port?: number
  recordFile?: string
} = {}): Promise<SandboxProcess> {
  const entry = fileURLToPath(new URL('main.ts', import.meta.url))
  const recording = recordFile === undefined ? [] : ['--record', recordFile]
  const child = spawn(process.execPath, [entry, '--port', String(port), '--stop-with-stdin', ...recording], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = `${complaint}${chunk}`.slice(0, 4_000)
  })
  const exited = once(child, 'exit')
  // On exit the pipes may still hold what was said, so the end of the output is waited for as well.
  const first = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (first.done) {
    await exited
    throw new Error(complaint.trim() === '' ? 'The sandbox ended before it said its address.' : complaint.trim())
  }
  const addresses = JSON.parse(first.value) as SandboxAddresses & { pid: number }
  return {
    addresses,
    pid: addresses.pid,
    environment: sandboxEnvironment(addresses),
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}

export function sandboxEnvironment(addresses: SandboxAddresses): Record<string, string> {
  return {
    PAWL_CRM_URL: addresses.crmUrl,
    PAWL_CRM_TOKEN: addresses.crmToken,
    PAWL_SLACK_API_URL: addresses.slackApiUrl,
    PAWL_SLACK_BOT_TOKEN: addresses.slackBotToken,
    PAWL_SLACK_CHANNEL: addresses.slackChannel,
  }
}

/** `count` may be left out and is 1 then. */
export type FaultWish = Fault extends infer Each
  ? Each extends Fault
    ? Omit<Each, 'count'> & { count?: number }
    : never
  : never

/** Makes the sandbox misbehave on the next matching requests. */
export async function askForFaults(url: string, ...faults: FaultWish[]): Promise<void> {
  const answer = await fetch(`${url}/sandbox/faults`, { method: 'POST', body: JSON.stringify(faults) })
  if (!answer.ok) throw new Error(`the sandbox refused the faults: ${await answer.text()}`)
}

export type SandboxState = {
  accounts: {
    id: string
    name: string
    revision: number
    quote: { number: string; currency: string; totalCents: number }
  }[]
  messages: {
    channel: string
    ts: string
    thread_ts?: string
    text: string
    metadata?: { event_type: string; event_payload: Record<string, unknown> }
  }[]
  requests: number
}

export async function sandboxState(url: string): Promise<SandboxState> {
  const answer = await fetch(`${url}/sandbox/state`)
  return (await answer.json()) as SandboxState
}
