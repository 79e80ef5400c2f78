import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { Measured } from '../artifacts/content.ts'
import { Refused, refuse } from '../errors/refusal.ts'
import { plain, printJson } from './output.ts'
import type { CliContext } from './run-command.ts'

/** Writes an artifact to a file, or to standard output, and checks its hash. A file is whole under its name or not there. */
export async function downloadArtifact(
  id: string,
  name: string,
  output: string | undefined,
  { client, terminal, json, signal }: CliContext,
): Promise<number> {
  const { content, sha256, bytes, mediaType } = await client().artifact(id, name, { signal })
  const measured = new Measured(Number.MAX_SAFE_INTEGER)
  const pieces = measured.through(content)
  if (output === undefined || output === '-') {
    await pipeline(pieces, process.stdout, { end: false, signal })
    return check(measured, sha256, name)
  }
  const temporary = `${output}.${process.pid}.part`
  try {
    await pipeline(pieces, createWriteStream(temporary), { signal })
    check(measured, sha256, name)
    await rename(temporary, output)
  } finally {
    await rm(temporary, { force: true })
  }
  if (json) printJson(terminal, { name, file: output, sha256, bytes, mediaType })
  else terminal.err(`${plain(output)}: ${bytes} bytes, SHA-256 ${sha256}`)
  return 0
}

function check(measured: Measured, sha256: string, name: string): number {
  if (measured.sha256() === sha256) return 0
  throw new Refused(
    refuse('server_unreachable', `Artifact ${name} came in damaged or was cut off.`, undefined, 'Download it again.'),
  )
}
