import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ruleTable } from '../../src/csdl/rules/table.ts'
import { termRegistry } from '../../src/plan/capabilities/registry.ts'
import { shared } from '../support/shared.ts'

/** docs/csdl.md is made from the registry of terms and the table of rules; and each of its rows names a test that exists. */
const file = 'docs/csdl.md'
const vocabularies = shared('vocabularies')

const specification = 'https://docs.oasis-open.org/odata/odata-csdl-xml/v4.01/os/odata-csdl-xml-v4.01-os.html'
const vocabularyPages = 'https://oasis-tcs.github.io/odata-vocabularies/vocabularies'

function termTable(): string {
  const rows = [...termRegistry].map(([name, { status, what, file: source, test }]) => {
    const dot = name.lastIndexOf('.')
    const [namespace, term] = [name.slice(0, dot), name.slice(dot + 1)]
    const short = `${namespace.split('.')[2]}.${term}`
    const where = [source, test].flatMap((path) => (path === undefined ? [] : [`[${path}](../${path})`])).join(', ')
    return `| [${short}](${vocabularyPages}/${namespace}.html#${term}) | ${status} | ${what} | ${where} |`
  })
  return ['| term | status | what | where |', '|---|---|---|---|', ...rows].join('\n')
}

function rulesTable(): string {
  const rows = ruleTable.map(
    ({ name, section, severity }) => `| ${name} | ${severity} | [${section}](${specification}#sec_${section}) |`,
  )
  return ['| rule | severity | section |', '|---|---|---|', ...rows].join('\n')
}

const generated = { terms: termTable(), rules: rulesTable() }

function inserted(page: string): string {
  let text = page
  for (const [name, table] of Object.entries(generated))
    text = text.replace(
      new RegExp(`<!-- ${name} -->[\\s\\S]*?<!-- /${name} -->`),
      () => `<!-- ${name} -->\n\n${table}\n\n<!-- /${name} -->`,
    )
  return text
}

if (process.env.UPDATE_DOCS) writeFileSync(file, inserted(readFileSync(file, 'utf8')))
const page = readFileSync(file, 'utf8')

describe('docs/csdl.md', () => {
  it('has the tables of the code', () => {
    expect(page.includes(generated.terms) && page.includes(generated.rules), 'UPDATE_DOCS=1 writes the page anew').toBe(
      true,
    )
    expect(inserted(page)).toBe(page)
  })

  it('names files that exist', () => {
    const named = [...page.matchAll(/\b(?:src|test)\/[\w./-]+\.ts\b/g)].map(([path]) => path)
    expect(named.length).toBeGreaterThan(80)
    expect([...new Set(named)].filter((path) => !existsSync(path))).toEqual([])
  })
})

describe('the registry of terms', () => {
  it.each([...termRegistry])('%s: a source file that knows it and a test that names it', (name, entry) => {
    if (entry.status !== 'enforced' && entry.status !== 'partly') {
      expect([entry.file, entry.test]).toEqual([undefined, undefined])
      return
    }
    const short = name.slice(name.lastIndexOf('.') + 1)
    const test = readFileSync(entry.test ?? '', 'utf8')
    const models = readdirSync('test/models')
      .filter((model) => test.includes(`test/models/${model}`) || test.includes('./requests.ts'))
      .map((model) => readFileSync(`test/models/${model}`, 'utf8'))
    const fixtures = ['test/unit/payload/fixture.ts', 'test/unit/bind/shop.ts', 'examples/bookshop.xml'].map((path) =>
      readFileSync(path, 'utf8'),
    )
    expect(
      [test, ...models, ...fixtures].some((text) => text.includes(short)),
      `${entry.test} shows ${short}`,
    ).toBe(true)
    expect(existsSync(entry.file ?? ''), entry.file).toBe(true)
  })

  it.skipIf(!existsSync(vocabularies))('lists every term of the OASIS vocabularies (needs ../shared)', () => {
    const terms = readdirSync(vocabularies).flatMap((name) => {
      const text = readFileSync(`${vocabularies}/${name}`, 'utf8')
      return [...text.matchAll(/<Term Name="(\w+)"/g)].map(([, term]) => `${name.replace('.xml', '')}.${term}`)
    })
    expect(terms.length).toBeGreaterThan(100)
    expect([...termRegistry.keys()].sort()).toEqual(terms.sort())
  })
})
