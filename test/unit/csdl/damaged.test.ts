import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Problems, Source } from '../../../src/csdl/problems.ts'
import { CsdlError, parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { readAnyXml } from '../../../src/csdl/read-xml.ts'
import { scanXml } from '../../../src/csdl/scan-xml.ts'
import { writeJson } from '../../../src/csdl/write-json.ts'
import { writeXml } from '../../../src/csdl/write-xml.ts'
import { csdlDocument } from '../../support/csdl.ts'

const models = join(import.meta.dirname, '../../models')
const xml = readFileSync(join(models, 'kitchen-sink.xml'), 'utf8')
const resolve = (uri: string) =>
  uri.startsWith('kitchen-sink') ? { file: uri, text: readFileSync(join(models, uri), 'utf8') } : undefined
const json = writeJson(parseCsdl(xml, { file: 'kitchen-sink.xml', resolve }), { version: '4.01' })

/** One damage to a document: a piece taken out, doubled, or put elsewhere. Positions are fractions of its length. */
const damage = fc.record({
  kind: fc.constantFrom('cut', 'double', 'move', 'swap'),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  to: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 60 }),
})

/** Pieces are quoted texts, or whole lines, or any characters, so that many damaged documents still parse. */
function damaged(text: string, damages: readonly (typeof damage extends fc.Arbitrary<infer T> ? T : never)[]): string {
  let result = text
  for (const { kind, at, to, length } of damages) {
    const quotes = [...result.matchAll(/"[^"<>{}]*"/g)]
    const one = quotes[Math.floor(at * (quotes.length - 1))]
    const other = quotes[Math.floor(to * (quotes.length - 1))]
    const start = Math.floor(at * result.length)
    const piece = result.slice(start, start + length)
    if (kind === 'swap' && one && other) {
      result = result.slice(0, one.index) + other[0] + result.slice(one.index + one[0].length)
    } else if (kind === 'cut') result = result.slice(0, start) + result.slice(start + length)
    else if (kind === 'double') result = result.slice(0, start) + piece + result.slice(start)
    else {
      const target = Math.floor(to * result.length)
      result = result.slice(0, target) + piece + result.slice(target)
    }
  }
  return result
}

describe('damaged documents', () => {
  for (const [name, text, weights] of [
    ['XML', xml, ['swap']],
    ['JSON', json, ['swap']],
    ['XML, anywhere', xml, ['cut', 'double', 'move', 'swap']],
    ['JSON, anywhere', json, ['cut', 'double', 'move', 'swap']],
  ] as const)
    it(`in ${name} are read or refused with a CsdlError, nothing else`, () => {
      let read = 0
      fc.assert(
        fc.property(fc.array(damage, { minLength: 1, maxLength: 4 }), (damages) => {
          const broken = damaged(
            text,
            damages.map((one) => ({ ...one, kind: weights.includes(one.kind as never) ? one.kind : 'swap' })),
          )
          try {
            const model = parseCsdl(broken, { file: 'kitchen-sink.xml', resolve })
            read++
            expect(writeXml(model, { version: '4.0' })).toContain('Edmx')
            expect(JSON.parse(writeJson(model, { version: '4.01' }))).toHaveProperty('$Version')
          } catch (error) {
            if (!(error instanceof CsdlError)) throw error
            expect(error.problems.length).toBeGreaterThan(0)
            for (const problem of error.problems) expect(problem.line).toBeGreaterThan(0)
          }
        }),
        { numRuns: 150 },
      )
      expect(read).toBeGreaterThan(0)
    })
})

describe('the quick reader of XML', () => {
  /** What a reader makes of a document: its declarations and problems, or that it gave up. */
  const readBy = (read: typeof scanXml, text: string) => {
    const problems = new Problems()
    const source = new Source('a.xml', text)
    try {
      const root = read(source, problems)
      return root === undefined ? undefined : { root, problems: problems.all }
    } catch (error) {
      if (error instanceof CsdlError) return { refused: error.problems }
      throw error
    }
  }

  it('reads every model at hand, and what it reads is what the reader of all XML reads', () => {
    const shared = join(import.meta.dirname, '../../../../shared/csdl')
    const files = [models, join(import.meta.dirname, '../../../metadata'), ...(existsSync(shared) ? [shared] : [])]
      .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
      .filter((file) => file.endsWith('.xml'))
    expect(files.length).toBeGreaterThan(10)
    for (const file of files) {
      const text = readFileSync(file, 'utf8').replace(/^\ufeff/, '')
      const quick = readBy(scanXml, text)
      // the kitchen sink has what a quick reader need not know
      if (!file.includes('kitchen-sink')) expect(quick, file).toBeDefined()
      if (quick !== undefined) expect(quick).toEqual(readBy(readAnyXml, text))
    }
  })

  it('gives up on a damaged document, or reads the same', () => {
    const plain = readFileSync(join(models, 'relations.xml'), 'utf8')
    let read = 0
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 3 }), (damages) => {
        const broken = damaged(plain, damages)
        const quick = readBy(scanXml, broken)
        if (quick === undefined) return
        read++
        expect(quick).toEqual(readBy(readAnyXml, broken))
      }),
      { numRuns: 1000 },
    )
    expect(read).toBeGreaterThan(100)
  })

  it.each([
    ['text', '<Annotation Term="a.b"><String>a &amp; b\n &lt;&#10;&#x41;</String></Annotation>'],
    ['comments', '<!-- a -->\n<ComplexType Name="A"><!-- > --></ComplexType><!---->'],
    ['other namespaces', '<o:A xmlns:o="urn:o" o:b="1" c="2"> <o:B/></o:A><ComplexType Name="A" o:x="1"/>'],
    ['lines within tags', "<ComplexType\n\tName='A'\r\n/>\r\n"],
    ['what is unknown', '<Nothing Name="A"/><ComplexType Name="B" Nothing=""/><ComplexType/>'],
  ])('reads %s', (_, body) => {
    const text = csdlDocument(body)
    expect(readBy(scanXml, text)).toEqual(readBy(readAnyXml, text))
    expect(readBy(scanXml, text)).toBeDefined()
  })

  it.each([
    ['a break in a value', '<ComplexType Name="A\nB"/>'],
    ['a value with <', '<ComplexType Name="A<B"/>'],
    ['an unknown entity', '<ComplexType Name="&a;"/>'],
    ['an ampersand', '<ComplexType Name="a & b"/>'],
    ['a reference to a character of two units', '<ComplexType Name="&#x1F600;"/>'],
    ['a reference to no character', '<ComplexType Name="&#1;"/>'],
    ['a reference without end', '<ComplexType Name="&#65"/>'],
    ['an attribute twice', '<ComplexType Name="A" Name="A"/>'],
    ['an attribute with a prefix twice', '<ComplexType Name="A" xml:a="A" xml:a="A"/>'],
    ['attributes without a blank between', '<ComplexType Name="A"Abstract="true"/>'],
    ['a value without quotes', '<ComplexType Name=A/>'],
    ['an attribute without a value', '<ComplexType Name/>'],
    ['a blank before =', '<ComplexType Name ="A"/>'],
    ['a tag that is not closed', '<ComplexType Name="A">'],
    ['a tag closed by another', '<ComplexType Name="A"></ComplexTypes>'],
    ['a tag closed by half of it', '<ComplexType Name="A"></Complex>'],
    ['a comment with -- in it', '<!-- a -- b -->'],
    ['a comment without end', '<!-- a'],
    ['CDATA', '<![CDATA[a]]>'],
    ['an instruction', '<?a b?>'],
    ['an end of CDATA', '<Annotation Term="a.b"><String>]]></String></Annotation>'],
    ['a control character', '<ComplexType Name="\u0001"/>'],
    ['half a character', '<ComplexType Name="\ud800"/>'],
    ['text where none counts', 'text'],
    ['a name that is not ASCII', '<ComplexType Näme="A"/>'],
  ])('gives up on %s', (_, body) => {
    const text = csdlDocument(body)
    expect(readBy(scanXml, text)).toBeUndefined()
  })

  it.each([
    '',
    ' ',
    'a',
    '<a',
    '<',
    '<!',
    '</a>',
    '<a/><b/>',
    '<a/>b',
    '\n<?xml version="1.0"?><a/>',
    '<!DOCTYPE a><a/>',
    '<html/>',
  ])('gives up on %j', (text) => expect(readBy(scanXml, text)).toBeUndefined())
})
