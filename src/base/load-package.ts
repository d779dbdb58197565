import { createRequire } from 'node:module'

const load = createRequire(import.meta.url)

/**
 * Loads a package where it is first needed, at once: for those that are much code and that hardly any process needs, or not before it
 * answers. Cast what is given to `typeof import('...')`.
 */
export function loadPackage(name: 'lmdb' | 'pino' | 're2js'): unknown {
  return load(name)
}
