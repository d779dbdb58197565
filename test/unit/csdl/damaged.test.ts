import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CsdlError, parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { writeJson } from '../../../src/csdl/write-json.ts'
import { writeXml } from '../../../src/csdl/write-xml.ts'

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
