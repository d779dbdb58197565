import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { Problem } from '../../../src/csdl/read-csdl.ts'
import { readModel } from '../../../src/csdl/read-model.ts'
import { csdlDocument } from '../../support/csdl.ts'
import { shared } from '../../support/shared.ts'

const folder = mkdtempSync(join(tmpdir(), 'odatum-csdl-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const including = (uri: string) =>
  csdlDocument('<ComplexType Name="A"><Property Name="p" Type="o.X"/></ComplexType>', {
    references: `<edmx:Reference Uri="${uri}"><edmx:Include Namespace="o"/></edmx:Reference>`,
  })
const other = csdlDocument('<ComplexType Name="X"/>').replace('Namespace="t" Alias="self"', 'Namespace="o"')

describe('reading a model from files', () => {
  it('finds relative references beside the file', async () => {
    file('o ther.xml', other)
    expect((await readModel(file('a.xml', including('o%20ther.xml')))).types.has('o.X')).toBe(true)
  })

  it('never fetches a URL, but reads the file it is mapped to', async () => {
    const path = file('b.xml', including('https://example.org/o.xml'))
    await expect(readModel(path)).rejects.toThrow('not at hand: map it to a file')
    const model = await readModel(path, { files: { 'https://example.org/o.xml': file('o.xml', other) } })
    expect(model.types.has('o.X')).toBe(true)
  })

  it('says which reference cannot be read', async () => {
    await expect(readModel(file('c.xml', including('missing.xml')))).rejects.toThrow(
      /c\.xml:1:1: reference-read: the referenced document 'missing\.xml' does not exist/,
    )
  })

  it('reads UTF-16 and declared encodings, and says where bytes are not in theirs', async () => {
    const text = csdlDocument('<EnumType Name="Größe"><Member Name="klein"/></EnumType>')
    const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')])
    expect((await readModel(file('u.xml', utf16))).types.has('t.Größe')).toBe(true)
    const latin = Buffer.from(`<?xml version="1.0" encoding="ISO-8859-1"?>${text}`, 'latin1')
    expect((await readModel(file('l.xml', latin))).types.has('t.Größe')).toBe(true)
    await expect(readModel(file('w.xml', Buffer.from(text, 'latin1')))).rejects.toThrow('the file is not in utf-8')
  })

  it('tells warnings', async () => {
    const warnings: Problem[] = []
    await readModel(file('d.xml', csdlDocument('<ComplexType Name="A" Kitchen="1"/>')), {
      onWarning: (problem) => warnings.push(problem),
    })
    expect(warnings).toMatchObject([{ rule: 'unknown-attribute', severity: 'warning', line: 5, column: 1 }])
  })

  it('fails for a file that is not there', async () => {
    await expect(readModel(join(folder, 'nothing.xml'))).rejects.toMatchObject({ code: 'ENOENT' })
  })
})

const graph = shared('csdl/msgraph-v1.0.xml')
describe.skipIf(!existsSync(graph))(`the CSDL of Microsoft Graph (skipped where ${graph} is not there)`, () => {
  it('loads, with warnings only', async () => {
    const warnings: Problem[] = []
    const model = await readModel(graph, { onWarning: (problem) => warnings.push(problem) })
    const kinds = [...model.types.values()].map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'entity')).toHaveLength(1182)
    expect(kinds.filter((kind) => kind === 'complex')).toHaveLength(1779)
    const children = [...(model.container?.children.values() ?? [])].map(({ kind }) => kind)
    expect(children.filter((kind) => kind === 'entitySet')).toHaveLength(41)
    expect(children.filter((kind) => kind === 'singleton')).toHaveLength(31)
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings.length).toBeLessThan(200)
  })
})

const vocabularies = shared('vocabularies')
describe.skipIf(!existsSync(vocabularies))(
  `the OASIS vocabularies (skipped where ${vocabularies} is not there)`,
  () => {
    const names = [
      'Aggregation',
      'Authorization',
      'Capabilities',
      'Core',
      'JSON',
      'Measures',
      'Repeatability',
      'Temporal',
      'Validation',
    ]
    const files = Object.fromEntries(
      names.map((name) => [
        `https://oasis-tcs.github.io/odata-vocabularies/vocabularies/Org.OData.${name}.V1.xml`,
        join(vocabularies, `Org.OData.${name}.V1.xml`),
      ]),
    )

    for (const name of names)
      it(`${name} loads`, async () => {
        const model = await readModel(join(vocabularies, `Org.OData.${name}.V1.xml`), { files })
        expect(model.terms.size).toBeGreaterThan(0)
        expect(model.container).toBeUndefined()
      })

    it('check the annotations of our own models', async () => {
      const warnings: Problem[] = []
      const root = join(import.meta.dirname, '../../..')
      for (const path of ['metadata/microsoft.graph.xml', 'examples/bookshop.xml', 'test/models/kitchen-sink.xml'])
        await readModel(join(root, path), { files, onWarning: (problem) => warnings.push(problem) })
      expect(warnings.filter(({ file }) => file.startsWith(root))).toEqual([])
    })
  },
)
