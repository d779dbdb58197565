import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/**
 * The rooms of docs/architecture.md as a failing check: which folder may import which, no import cycles, no file over 600
 * lines without a reason, no package outside the room that owns it.
 */

const src = resolve(import.meta.dirname, '../src')

/** Rooms and what each may import, beside itself. Order is the order of the house, from the ground up. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  errors: ['base'],
  edm: ['base', 'errors'],
  csdl: ['base', 'errors', 'edm'],
  url: ['base', 'errors'],
  bind: ['base', 'errors', 'edm', 'csdl', 'url'],
  plan: ['base', 'errors', 'edm', 'csdl', 'url', 'bind'],
  bson: ['base', 'errors', 'edm'],
  eval: ['base', 'errors', 'edm', 'csdl', 'bind', 'plan', 'bson'],
  store: ['base', 'errors', 'edm', 'bind', 'plan', 'bson'],
  mongo: ['base', 'errors', 'edm', 'bind', 'plan', 'bson', 'eval', 'store'],
  embedded: ['base', 'errors', 'edm', 'bind', 'plan', 'bson', 'eval', 'store'],
  protocol: ['base', 'errors'],
  auth: ['base', 'errors', 'protocol', 'plan'],
  payload: ['base', 'errors', 'edm', 'csdl', 'bind', 'plan', 'bson', 'eval', 'protocol'],
  service: [
    'base',
    'errors',
    'edm',
    'csdl',
    'url',
    'bind',
    'plan',
    'bson',
    'eval',
    'store',
    'protocol',
    'auth',
    'payload',
  ],
  http: ['base', 'errors', 'protocol', 'service'],
  tools: ['base', 'errors', 'edm', 'csdl', 'bind', 'plan', 'bson', 'store', 'payload'],
}

/** cli wires everything; index.ts names the exports. */
const wiring = new Set(['cli', 'index.ts'])

/** Packages that only one room may import. */
const owner: Readonly<Record<string, readonly string[]>> = {
  mongodb: ['mongo'],
  lmdb: ['embedded'],
  saxes: ['csdl'],
  ajv: ['csdl'],
  jose: ['auth', 'cli'],
  express: ['cli'],
  pino: ['cli'],
  re2js: ['eval'],
}

/** Files that may be longer than 600 lines, each with its reason. */
const longFiles: Readonly<Record<string, string>> = {}

interface SourceFile {
  readonly path: string
  readonly text: string
  readonly imports: readonly { readonly specifier: string; readonly typeOnly: boolean }[]
}

const importPattern = /^(?:import|export)\s+(type\s+)?(?:[^'"\n;]|\n(?=\s|\}))*?from\s+'([^']+)'|^import\s+'([^']+)'/gm

function sources(folder = src): SourceFile[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return sources(path)
    if (!entry.name.endsWith('.ts')) return []
    const text = readFileSync(path, 'utf8')
    const imports = [...text.matchAll(importPattern)].map((match) => ({
      specifier: match[2] ?? match[3] ?? '',
      typeOnly: match[1] !== undefined,
    }))
    return [{ path: relative(src, path), text, imports }]
  })
}

const files = sources()
const roomOf = (path: string): string => path.split('/')[0] ?? path

describe('architecture', () => {
  it('has sources, each in a known room', () => {
    expect(files.length).toBeGreaterThan(20)
    const known = new Set([...Object.keys(mayImport), ...wiring])
    expect(files.map((file) => roomOf(file.path)).filter((room) => !known.has(room))).toEqual([])
  })

  it('imports only from rooms above', () => {
    const faults: string[] = []
    for (const file of files) {
      const room = roomOf(file.path)
      if (wiring.has(room)) continue
      for (const { specifier } of file.imports) {
        if (!specifier.startsWith('.')) continue
        const target = roomOf(relative(src, resolve(src, dirname(file.path), specifier)))
        if (target !== room && !mayImport[room]?.includes(target)) faults.push(`${file.path} imports ${specifier}`)
      }
    }
    expect(faults).toEqual([])
  })

  it('keeps packages in the rooms that own them', () => {
    const faults: string[] = []
    for (const file of files) {
      for (const { specifier } of file.imports) {
        const owners = owner[specifier.split('/')[0] ?? '']
        if (owners && !owners.includes(roomOf(file.path))) faults.push(`${file.path} imports ${specifier}`)
      }
    }
    expect(faults).toEqual([])
  })

  it('has no import cycle among values', () => {
    const edges = new Map<string, string[]>()
    for (const file of files) {
      const targets = file.imports
        .filter(({ specifier, typeOnly }) => specifier.startsWith('.') && !typeOnly)
        .map(({ specifier }) => relative(src, resolve(src, dirname(file.path), specifier)))
      edges.set(file.path, targets)
    }
    const cycles: string[] = []
    const state = new Map<string, 'open' | 'done'>()
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
        return
      }
      state.set(path, 'open')
      for (const target of edges.get(path) ?? []) visit(target, [...trail, path])
      state.set(path, 'done')
    }
    for (const path of edges.keys()) visit(path, [])
    expect(cycles).toEqual([])
  })

  it('keeps files under 600 lines', () => {
    const long = files.filter((file) => file.text.split('\n').length > 600 && longFiles[file.path] === undefined)
    expect(long.map((file) => `${file.path}: ${file.text.split('\n').length}`)).toEqual([])
  })

  it('copies requests and sessions by requestLike and sessionLike, never by spreading', () => {
    // what they make only when it is asked for would be left out
    const spread = /\.\.\.(?:(?:\w+\.)*exchange\.request|(?:\w+\.)*session)\b(?!\.)/
    const copies = files.filter(({ path, text }) => roomOf(path) === 'service' && spread.test(text))
    expect(copies.map(({ path }) => path)).toEqual([])
  })

  it('reads every import statement of the files it checks', () => {
    const unread = files.filter((file) => {
      const statements = file.text
        .split('\n')
        .filter((line) => /\sfrom\s+'[^']+'\s*$/.test(line) || /^import '/.test(line)).length
      return statements !== file.imports.length
    })
    expect(unread.map((file) => file.path)).toEqual([])
  })
})
