import { registerHooks } from 'node:module'

/**
 * In a checkout nothing is built: modules of actions that import `pawl` by name are given the sources that run already,
 * not a second copy of the package.
 */
export function resolveToSources(entry: string): void {
  if (!entry.endsWith('.ts')) return
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'pawl' || specifier.startsWith('pawl/')
        ? next(specifier, { ...context, conditions: [...context.conditions, 'pawl-source'] })
        : next(specifier, context),
  })
}
