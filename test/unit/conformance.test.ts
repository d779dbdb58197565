import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

/** docs/conformance.md claims only what a test shows: each row names a test that exists. */
const rows = readFileSync('docs/conformance.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && line.includes('test/'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\||\|$/g, '').trim()))

describe('docs/conformance.md', () => {
  it('has rows', () => {
    expect(rows.length).toBeGreaterThan(20)
  })

  it.each(rows)('%s: %s', (_section, _what, file = '', title = '') => {
    expect(existsSync(file), file).toBe(true)
    const text = readFileSync(file, 'utf8').replaceAll("\\'", "'")
    expect(text, `${file} has a test named "${title}"`).toContain(title)
  })
})
