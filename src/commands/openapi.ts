import { z } from 'zod'
import { codes } from '../errors/codes.ts'
import { pawlVersion } from '../identity/version.ts'
import { type Command, commonRefusals } from './command.ts'
import { commands } from './table.ts'

interface JsonSchema {
  readonly properties?: Readonly<Record<string, unknown>>
  readonly required?: readonly string[]
  readonly [keyword: string]: unknown
}

/** The HTTP interface as OpenAPI 3.1, made from the command table. */
export function openapi(version = pawlVersion) {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const command of commands) {
    const { path, method } = command.http
    paths[path] = { ...paths[path], [method.toLowerCase()]: operation(command) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Pawl',
      version,
      description: 'Executes consequential actions. Errors are problem documents (RFC 9457) with `code` and `next`.',
    },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: problemSchema },
    },
  }
}

function operation(command: Command) {
  const { name, summary, permission, http, refusals } = command
  const { properties = {}, required = [], ...rest } = schemaOf(command)
  const inPath = [...http.path.matchAll(/\{(\w+)\}/g)].map(([, field = '']) => field)
  const inHeader = http.headers ?? {}
  const others = Object.keys(properties).filter((field) => !inPath.includes(field))
  const inQuery = http.method === 'POST' ? [] : others
  const parameters = [
    ...inPath.map((field) => ({ name: field, in: 'path', required: true, schema: properties[field] })),
    ...inQuery.map((field) => ({
      name: field,
      in: 'query',
      required: required.includes(field),
      schema: properties[field],
    })),
    ...Object.entries(inHeader).map(([field, header]) => ({
      name: header,
      in: 'header',
      required: false,
      description: `Sets \`${field}\`.`,
      schema: { type: 'string' },
    })),
  ]
  const fields = Object.fromEntries(others.map((field) => [field, properties[field]]))
  const body = { ...rest, properties: fields, required: required.filter((field) => others.includes(field)) }
  return {
    operationId: name.replaceAll(/[ -](\w)/g, (_, letter: string) => letter.toUpperCase()),
    summary,
    'x-permission': permission,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(http.method === 'POST'
      ? { requestBody: { required: body.required.length > 0, content: { 'application/json': { schema: body } } } }
      : {}),
    responses: { ...successes(command), ...problems([...commonRefusals, ...refusals]) },
  }
}

function schemaOf({ input }: Command): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  return schema as JsonSchema
}

const mediaTypes = { json: 'application/json', events: 'text/event-stream', file: '*/*' } as const

function successes({ http }: Command) {
  const content = {
    [mediaTypes[http.answers ?? 'json']]: { schema: http.answers === 'file' ? {} : { type: 'object' } },
  }
  return Object.fromEntries(
    (http.statuses ?? [200]).map((status) => [String(status), { description: 'Done.', content }]),
  )
}

function problems(refusals: readonly (keyof typeof codes)[]) {
  const byStatus = new Map<number, string[]>()
  for (const code of new Set(refusals))
    byStatus.set(codes[code].http, [...(byStatus.get(codes[code].http) ?? []), code])
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    [...byStatus]
      .sort(([a], [b]) => a - b)
      .map(([status, names]) => [
        String(status),
        { description: names.map((code) => `\`${code}\``).join(', '), content },
      ]),
  )
}

const text = { type: 'string' }
const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'next'],
  properties: {
    type: text,
    title: text,
    status: { type: 'integer' },
    detail: text,
    code: { type: 'string', enum: Object.keys(codes) },
    next: text,
    instance: text,
    details: { type: 'object' },
  },
}
