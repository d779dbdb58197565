import { describe, expect, it } from 'vitest'
import { parseCsdl } from '../../../src/csdl/read-csdl.ts'
import { writeJson } from '../../../src/csdl/write-json.ts'
import { writeXml } from '../../../src/csdl/write-xml.ts'
import { Documents } from '../../../src/service/documents.ts'

const properties = Array.from({ length: 20 }, (_, i) => `<Property Name="p${i}" Type="Collection(Edm.String)" />`)
const types = Array.from(
  { length: 600 },
  (_, i) => `<ComplexType Name="T${i}">${properties.join('')}</ComplexType>`,
).join('')
const big = parseCsdl(
  `<edmx:Edmx xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx" Version="4.01"><edmx:DataServices>
  <Schema xmlns="http://docs.oasis-open.org/odata/ns/edm" Namespace="big">${types}</Schema>
  </edmx:DataServices></edmx:Edmx>`,
  { file: 'big.xml' },
)

describe('$metadata of a big model', () => {
  for (const [format, whole] of [
    ['xml', () => writeXml(big, { version: '4.01', inline: true })],
    ['json', () => writeJson(big, { version: '4.01', inline: true })],
  ] as const)
    it(`is written in slices, others have their turn in between, and all who ask get the same: ${format}`, async () => {
      const documents = new Documents(big)
      let turns = 0
      let done = false
      const count = (): void => {
        turns++
        if (!done) setImmediate(count)
      }
      const asked = [0, 1].map(() => documents.metadata({}, format, '4.01'))
      setImmediate(count)
      const [first, second] = await Promise.all(asked)
      done = true
      expect(turns).toBeGreaterThan(1)
      expect(Buffer.from(first?.body as Uint8Array).toString('utf8')).toBe(whole())
      expect(second?.body).toBe(first?.body)
      expect(second?.headers.ETag).toBe(first?.headers.ETag)
    })
})
