import { z } from 'zod'
import type { AnyAction } from '../action/action.ts'

export type ActionView = ReturnType<typeof actionView>

/** An action as it is shown; the schema of its input only where its library can give one. */
export function actionView(action: AnyAction, { schema = false } = {}) {
  const { name, version, approval, secrets = [], priority = 0, timeout = {}, retry = {} } = action
  return {
    name,
    version,
    approval,
    priority,
    secrets,
    slaClass: timeout.slaClass ?? 'standard',
    actionClass: timeout.actionClass ?? 'default',
    timeoutMs: timeout.timeoutMs ?? null,
    maxAttempts: retry.maxAttempts ?? null,
    ...(schema ? { inputSchema: jsonSchema(action.input) } : {}),
  }
}

function jsonSchema(input: unknown): unknown {
  if (!(input instanceof z.ZodType)) return null
  try {
    return z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' })
  } catch {
    // A schema may hold what JSON Schema has no word for; the action works all the same.
    return null
  }
}
