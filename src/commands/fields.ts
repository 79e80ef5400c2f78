import { z } from 'zod'
import { refuseSaid } from '../action/computed.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'

/** Fields that several commands share. Limits of meaning are checked by the core, which has the better words. */
export const id = z.string().min(1).max(64).describe('Id of the execution.')
export const reason = z.string().min(1).max(1000).describe('Why; recorded with the event.')
export const limit = (most: number) => z.int().min(1).max(most).describe(`How many at most, up to ${most}.`)
export const ifVersion = z
  .int()
  .min(0)
  .describe('Refuse unless the execution still has this stateVersion (header `If-Match`).')

export const pageFields = {
  limit: limit(500).optional(),
  cursor: z.string().max(100).optional().describe('`next` of the page before.'),
}

export type FieldType = 'string' | 'integer' | 'number' | 'boolean' | 'json'

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly required: boolean
  readonly description: string
  readonly values: readonly string[] | null
}

interface PropertySchema {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
}

/** The fields of a command's input, as flags and query parameters need them. */
export function fieldsOf(schema: z.ZodObject): readonly Field[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as {
    readonly properties?: Readonly<Record<string, PropertySchema>>
    readonly required?: readonly string[]
  }
  return Object.entries(json.properties ?? {}).map(([name, { type, description = '', enum: values }]) => ({
    name,
    type: type === 'integer' || type === 'number' || type === 'boolean' || type === 'string' ? type : 'json',
    required: json.required?.includes(name) ?? false,
    description,
    values: values?.map(String) ?? null,
  }))
}

/** Reads text of a query or a flag as the type of its field; what cannot be read stays text, for the schema to refuse. */
export function fromText(text: string, type: FieldType): unknown {
  if (type === 'integer' || type === 'number') return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text
  return text
}

/** Parses an input, or says which field does not fit and why. */
export function parseInput<S extends z.ZodObject>(schema: S, value: unknown): z.output<S> | Refusal {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const said = parsed.error.issues.flatMap((issue) => (issue.code === 'unrecognized_keys' ? issue.keys : []))
  const computed = refuseSaid(Object.fromEntries(said.map((name) => [name, true])))
  if (computed !== undefined) return computed
  const issues = parsed.error.issues
    .slice(0, 50)
    .map(({ path, message }) => ({ path: path.map(String).join('.'), message }))
  const [first] = issues
  const where = first === undefined || first.path === '' ? '' : ` at ${first.path.slice(0, 100).toWellFormed()}`
  return refuse(
    'invalid_input',
    `The command does not fit${where}: ${first?.message.slice(0, 300).toWellFormed() ?? 'no reason given'}.`,
    {
      issues,
    },
    'Correct the named field; `/openapi.json` and `pawl <command> --help` list what a command takes.',
  )
}
