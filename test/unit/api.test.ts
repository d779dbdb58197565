import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

/**
 * The public face as a diff: every export of `src/index.ts` stands in docs/api.md, with the declaration it comes from, and nothing
 * else does. Whoever changes the one is made to change the other, and to say so in the changelog.
 */
const index = readFileSync('src/index.ts', 'utf8')
const page = readFileSync('docs/api.md', 'utf8')

const exported = [...index.matchAll(/export (type )?\{([^}]*)\} from '\.\/([^']+)'/g)].flatMap(
  ([, allTypes, names = '', from = '']) =>
    names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => {
        const isType = allTypes !== undefined || name.startsWith('type ')
        return `| \`${name.replace(/^type /, '')}\` | ${isType ? 'type' : 'value'} | src/${from} |`
      }),
)

it('lists every public export in docs/api.md', () => {
  expect(exported.length).toBeGreaterThan(15)
  const listed = page.split('\n').filter((line) => /^\| `/.test(line))
  expect(listed.sort()).toEqual([...exported].sort())
})
