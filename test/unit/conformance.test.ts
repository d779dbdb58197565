import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** docs/conformance.md claims only what a test shows: each row names a test that exists. */
const text = readFileSync('docs/conformance.md', 'utf8')
const [sections = '', clauses = ''] = text.split('## By clause')

const rowsOf = (part: string) =>
  part
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(2, -2)
        .split(' | ')
        .map((cell) => cell.trim()),
    )
const rows = rowsOf(sections).filter((cells) => cells[2]?.startsWith('test/'))
const clauseRows = rowsOf(clauses.split('## Refusals')[0] ?? '').filter(([clause]) => /^4\.0/.test(clause ?? ''))

function expectTest(file: string, title: string): void {
  expect(existsSync(file), file).toBe(true)
  const source = readFileSync(file, 'utf8').replaceAll("\\'", "'")
  expect(source, `${file} has a test named "${title}"`).toContain(title)
}

describe('docs/conformance.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows)('%s: %s', (_section, _what, file = '', title = '') => {
    expectTest(file, title)
  })
})

describe('the lists of docs/conformance.md', () => {
  // merges take both sides of a line that two branches changed
  it('say each thing once', () => {
    const beginnings = text
      .split('\n')
      .filter((line) => line.startsWith('- '))
      .map((line) => line.slice(0, 24))
    expect(beginnings).toEqual([...new Set(beginnings)])
  })
})

/** How many clauses each level has, and how many parts some of them. */
const levels: readonly (readonly [string, number, Readonly<Record<number, number>>])[] = [
  ['4.0 Minimal', 33, { 5: 2 }],
  ['4.0 Intermediate', 17, { 7: 5 }],
  ['4.0 Advanced', 16, { 9: 9 }],
  ['4.01 Minimal', 27, { 9: 14 }],
  ['4.01 Intermediate', 11, {}],
  ['4.01 Advanced', 10, { 5: 5 }],
]

describe('the clauses of the conformance levels (Protocol, Service Conformance Levels)', () => {
  it.each(levels)('%s: all of them', (level, count, parts) => {
    const named = clauseRows
      .map(([clause = '']) => clause)
      .filter((clause) => clause.startsWith(`${level} `))
      .map((clause) => clause.slice(level.length + 1))
    for (let i = 1; i <= count; i++) {
      // a clause of parts has a row of its own, or its parts alone
      const own =
        parts[i] === undefined ? [String(i)] : Array.from({ length: parts[i] ?? 0 }, (_, n) => `${i}.${n + 1}`)
      expect(named).toEqual(expect.arrayContaining(own))
    }
    expect(new Set(named).size).toBe(named.length)
  })

  it.each(clauseRows)('%s (%s): %s', (_clause, must, _what, source = '', file = '', title = '', state = '') => {
    expect(['MUST', 'SHOULD', 'MAY']).toContain(must)
    expect(state).not.toBe('')
    if (file === '–') {
      expect(state).toMatch(/^(not|partly|of the model)/)
      return
    }
    expect(existsSync(source), source).toBe(true)
    expectTest(file, title)
  })
})
