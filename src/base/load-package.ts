import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

/**
 * Loads a package where it is first needed, at once: for those that are much code and that hardly any process needs, or not before it
 * answers, and for CommonJS that a start needs: an import would have Node search its text for exports first. Cast what is given to `typeof import('...')`.
 */
export function loadPackage(name: 'lmdb' | 'pino' | 're2js' | 'saxes'): unknown {
  return load(name)
}
