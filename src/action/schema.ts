import { type Refusal, refuse } from '../errors/refusal.ts'

/**
 * Standard Schema, version 1: the interface that zod, valibot, arktype and others share.
 *
 * Copied from https://standardschema.dev, as its authors recommend, so that no install is burdened by a package of types.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>
    readonly types?: { readonly input: Input; readonly output: Output } | undefined
  }
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** What a submitter may send. */
export type InferInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input']
/** What the handler gets. */
export type InferOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output']

/** Issues told to the caller; the rest is counted only. */
const issuesMax = 50

/** Validates a value; synchronous for a synchronous schema. The refusal carries `details.issues` with path and message. */
export function validate<S extends StandardSchema>(
  schema: S,
  value: unknown,
): { value: InferOutput<S> } | Refusal | Promise<{ value: InferOutput<S> } | Refusal> {
  const result = schema['~standard'].validate(value)
  return result instanceof Promise ? result.then(toAnswer) : toAnswer(result)
}

function toAnswer<Output>(result: SchemaResult<Output>): { value: Output } | Refusal {
  if (result.issues === undefined) return { value: result.value }
  const issues = result.issues.slice(0, issuesMax).map((issue) => ({ path: pathText(issue), message: issue.message }))
  const first = issues[0]
  const more = result.issues.length > 1 ? ` (and ${result.issues.length - 1} more)` : ''
  const where = first === undefined || first.path === '' ? '' : ` at ${first.path}`
  return refuse('invalid_input', `The input does not fit${where}: ${first?.message ?? 'no reason given'}${more}.`, {
    issues,
  })
}

function pathText({ path = [] }: SchemaIssue): string {
  return path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}
