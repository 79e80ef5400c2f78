import type { Artifact } from '../action/action.ts'
import { TerminalError } from '../errors/failures.ts'
import type { StoredArtifact } from '../execution/command.ts'
import type { ArtifactStore } from './artifacts.ts'
import { reconciled } from './halt.ts'
import { recorded, replayed } from './recorded-value.ts'
import type { Running } from './running.ts'

/** Runs once and is recorded; a later claim is given the record. */
export async function performStep<T>(
  running: Running,
  name: string,
  now: () => number,
  body: () => T | Promise<T>,
): Promise<T> {
  const { ordinal, recorded: step } = running.journal.nextStep(name)
  if (step !== undefined) return replayed<T>(step.value)
  if (running.reconcileOnly) throw running.stop(reconciled())
  const startedAt = now()
  const value = recorded(await running.chance.within('step', name, ordinal, body), `step ${name}`)
  await running.send({ type: 'record_step', fence: running.fence, name, ordinal, value, startedAt })
  return replayed<T>(value)
}

/** Stores a file, then records it as a step: a recorded artifact is always there. */
export async function performArtifact(
  running: Running,
  store: ArtifactStore | undefined,
  content: { readonly name: string; readonly bytes: Uint8Array | string; readonly mediaType: string },
  now: () => number,
): Promise<Artifact> {
  const name = artifactStep(content.name)
  const { ordinal, recorded: step } = running.journal.nextStep(name)
  if (step !== undefined) return replayed<Artifact>(step.value)
  if (running.reconcileOnly) throw running.stop(reconciled())
  if (store === undefined) throw new TerminalError('This worker has no place to store artifacts.')
  if (!mediaType.test(content.mediaType)) {
    throw new TerminalError(`The media type of artifact ${content.name} must be like text/plain.`)
  }
  const startedAt = now()
  const bytes = typeof content.bytes === 'string' ? Buffer.from(content.bytes, 'utf8') : content.bytes
  const artifact: StoredArtifact = { name: content.name, mediaType: content.mediaType, ...(await store.put(bytes)) }
  const value = recorded(artifact, name)
  await running.send({ type: 'record_step', fence: running.fence, name, ordinal, value, startedAt, artifact })
  return artifact
}

const artifactPrefix = 'artifact:'
const artifactStep = (name: string): string => `${artifactPrefix}${name}`

const nameCharactersMax = 200
/** Type and subtype of RFC 6838 with parameters, and nothing that could begin another header. */
const mediaType = /^[\w.+-]{1,100}\/[\w.+-]{1,100}(?:;[ \w.=+"-]{1,50})?$/

/** @throws TerminalError when a step or effect cannot have this name. */
export function checkName(what: 'step' | 'effect' | 'artifact', name: string): void {
  const isText = typeof name === 'string' && name.length > 0 && name.length <= nameCharactersMax && name.isWellFormed()
  if (!isText) throw new TerminalError(`The name of a ${what} must be text of 1 to ${nameCharactersMax} characters.`)
  if (what !== 'artifact' && (name.startsWith(artifactPrefix) || name.startsWith(simulatedPrefix))) {
    throw new TerminalError(`The name of a ${what} cannot begin with ${artifactPrefix} or ${simulatedPrefix}`)
  }
}

/** Values that stand in for effects of a record-only run are steps of their own. */
export const simulatedPrefix = 'simulated:'
