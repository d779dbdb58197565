import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readArguments, UsageError } from '../../../src/cli/flags.ts'
import { validate } from '../../../src/cli/validate.ts'
import { validateFlags } from '../../../src/cli/validate-flags.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'odatum-validate-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function document(body: string): string {
  return `<edmx:Edmx Version="4.01" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema Namespace="n" xmlns="http://docs.oasis-open.org/odata/ns/edm">
${body}
</Schema></edmx:DataServices></edmx:Edmx>`
}

function file(name: string, body: string): string {
  const path = join(folder, name)
  writeFileSync(path, document(body))
  return path
}

async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  let out = ''
  let error = ''
  const code = await validate(readArguments(validateFlags, args, {}), {
    out: (text) => {
      out += text
    },
    error: (text) => {
      error += text
    },
  })
  return { code, out, error }
}

const twice = '<ComplexType Name="A"/><ComplexType Name="A"/>'
const unknownType = '<ComplexType Name="A"><Property Name="p" Type="n.Nowhere"/></ComplexType>'

describe('odatum validate', () => {
  it('is silent on out and exits 0 for a document without faults', async () => {
    expect(await run('examples/bookshop.xml')).toEqual({ code: 0, out: '', error: '1 file: 0 errors, 0 warnings\n' })
  })

  it('tells each error with its place, and exits 1', async () => {
    const path = file('unknown.xml', unknownType)
    const { code, out } = await run(path)
    expect(code).toBe(1)
    expect(out).toMatch(/:3:\d+: type-resolved: /)
    expect(out.startsWith(`${path}:`)).toBe(true)
  })

  it('goes on to the next file after one with errors', async () => {
    const first = file('first.xml', unknownType)
    const second = file('second.xml', twice)
    const { out, error } = await run(first, 'examples/bookshop.xml', second)
    expect(out).toContain(`${first}:3:`)
    expect(out).toContain(`${second}:3:`)
    expect(error).toMatch(/^3 files: 2 errors, 0 warnings$/m)
  })

  it('tells a file that cannot be read like any other problem', async () => {
    const { code, out } = await run(join(folder, 'missing.xml'), 'examples/bookshop.xml')
    expect(code).toBe(1)
    expect(out).toMatch(/missing\.xml:1:1: file-read: /)
  })

  it('writes warnings to error and exits 0', async () => {
    const path = file('warning.xml', '<ComplexType Name="A" Colour="red"/>')
    const { code, out, error } = await run(path)
    expect([code, out]).toEqual([0, ''])
    expect(error).toMatch(/:3:\d+: unknown-attribute: /)
  })

  it('warns of a model that could not be stored', async () => {
    const path = file(
      'stored.xml',
      `<EntityType Name="E"><Key><PropertyRef Name="k"/></Key><Property Name="k" Type="Edm.Int32" Nullable="false"/>
       <Property Name="_id" Type="Edm.String"/></EntityType>
       <EntityContainer Name="C"><EntitySet Name="Es" EntityType="n.E"/></EntityContainer>`,
    )
    const { code, error } = await run(path)
    expect(code).toBe(0)
    expect(error).toContain(':1:1: stored-form: n.E/_id')
  })

  it('writes one JSON document with counts, places and addresses of rules', async () => {
    const { code, out, error } = await run('--json', file('machine.xml', unknownType))
    expect([code, error]).toEqual([1, ''])
    const result = JSON.parse(out)
    expect(result).toMatchObject({ errors: 1, warnings: 0 })
    expect(result.problems[0]).toMatchObject({ line: 3, rule: 'type-resolved', severity: 'error' })
    expect(result.problems[0].specification).toMatch(/odata-csdl-xml-v4\.01\.html#./)
  })

  it('refuses to run without files', async () => {
    await expect(run()).rejects.toThrow(UsageError)
  })
})
