import type { Flag } from './flags.ts'

/** Where the entities are: the flags of `odatum serve`. */
export const storeFlags = {
  mongodb: { type: 'string', argument: 'URI', help: 'the MongoDB' },
  data: { type: 'string', argument: 'DIR', help: 'the data folder of the embedded store (default: data)' },
} as const satisfies Readonly<Record<string, Flag>>

export const exportFlags = {
  ...storeFlags,
  set: { type: 'string', argument: 'NAME', multiple: true, help: 'entity set or singleton (repeatable; default: all)' },
  format: { type: 'string', argument: 'FORMAT', help: 'ndjson: one entity a line (default), or json: an array' },
  out: { type: 'string', argument: 'FILE', help: 'write to this file (default: standard output)' },
} as const satisfies Readonly<Record<string, Flag>>

export const importFlags = {
  ...storeFlags,
  set: { type: 'string', argument: 'NAME', help: 'entity set of entities that do not say theirs by @context' },
  replace: {
    type: 'boolean',
    help: 'replace entities whose keys are taken, whatever they hold; streams stay, and so do lists of related entities where the entity says none',
  },
  'skip-existing': { type: 'boolean', help: 'leave entities alone whose keys are taken; else they are errors' },
} as const satisfies Readonly<Record<string, Flag>>
