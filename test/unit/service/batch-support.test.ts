import { expect, it } from 'vitest'
import type { BatchPart, BatchUnit } from '../../../src/protocol/batch.ts'
import { checkBatchFormat, mayContinue, withoutUnsupported } from '../../../src/service/batch-support.ts'
import { modelOf } from '../../support/csdl.ts'

const references =
  '<edmx:Reference Uri="caps.xml"><edmx:Include Namespace="Org.OData.Capabilities.V1" /></edmx:Reference>'
const containerOf = (annotation: string) =>
  modelOf(`<EntityContainer Name="C">${annotation}</EntityContainer>`, { references }).container
const support = (properties: string) =>
  containerOf(`<Annotation Term="Org.OData.Capabilities.V1.BatchSupport"><Record>${properties}</Record></Annotation>`)
const denied = (property: string) => support(`<PropertyValue Property="${property}" Bool="false" />`)

const part = (more: Partial<BatchPart>): BatchPart => ({
  id: undefined,
  method: 'GET',
  url: 'Things(1)',
  headers: new Map(),
  body: undefined,
  dependsOn: [],
  condition: undefined,
  fault: undefined,
  ...more,
})
const unit = (group: string | undefined, ...parts: BatchPart[]): BatchUnit => ({ group, parts, fault: undefined })
const faults = (container: ReturnType<typeof containerOf>, units: readonly BatchUnit[]) =>
  withoutUnsupported(container, units).flatMap(({ parts }) =>
    parts.map(({ fault }) => fault?.message.match(/\/(\w+)\)/)?.[1]),
  )

it('takes all there is where the model says nothing', () => {
  const container = containerOf('')
  expect(() => checkBatchFormat(container, 'json')).not.toThrow()
  expect(mayContinue(container)).toBe(true)
  const units = [unit(undefined, part({ condition: '$a', url: '/$a/x', headers: new Map([['if-match', '$a']]) }))]
  expect(withoutUnsupported(container, units)).toBe(units)
})

it('refuses batches, and formats, that it denies', () => {
  expect(() => checkBatchFormat(denied('Supported'), 'json')).toThrow(expect.objectContaining({ status: 501 }))
  const old = containerOf('<Annotation Term="Org.OData.Capabilities.V1.BatchSupported" Bool="false" />')
  expect(() => checkBatchFormat(old, 'multipart')).toThrow(expect.objectContaining({ status: 501 }))
  const onlyJson = support(
    '<PropertyValue Property="SupportedFormats"><Collection><String>application/json</String></Collection></PropertyValue>',
  )
  expect(() => checkBatchFormat(onlyJson, 'json')).not.toThrow()
  expect(() => checkBatchFormat(onlyJson, 'multipart')).toThrow(expect.objectContaining({ status: 415 }))
})

it('does not go on after errors where that is denied', () => {
  expect(mayContinue(denied('ContinueOnErrorSupported'))).toBe(false)
  const old = containerOf('<Annotation Term="Org.OData.Capabilities.V1.BatchContinueOnErrorSupported" Bool="false" />')
  expect(mayContinue(old)).toBe(false)
})

it.each([
  [
    'EtagReferencesSupported',
    part({ headers: new Map([['if-match', '$a']]) }),
    part({ headers: new Map([['if-match', 'W/"1"']]) }),
  ],
  ['RequestDependencyConditionsSupported', part({ condition: '$a/$succeeded' }), part({ dependsOn: ['a'] })],
  ['ReferencesAcrossChangeSetsSupported', part({ url: '/$a/name' }), part({ url: '/$metadata/x', id: 'metadata' })],
  [
    'ReferencesInRequestBodiesSupported',
    part({ body: Buffer.from('{"x":"$a"}') }),
    part({ body: Buffer.from('{"x":"$b"}') }),
  ],
] as const)('refuses what it denies of single requests: %s', (property, bad, good) => {
  const made = unit(undefined, part({ id: 'a', method: 'POST' }))
  expect(faults(denied(property), [made, unit(undefined, bad)])).toEqual([undefined, property])
  if (property !== 'ReferencesAcrossChangeSetsSupported')
    expect(faults(denied(property), [made, unit(undefined, good)])).toEqual([undefined, undefined])
})

it('lets references within a change set pass where those across them are denied', () => {
  const units = [
    unit('g', part({ id: 'a', method: 'POST' }), part({ url: '$a/name', method: 'PUT' })),
    unit(undefined, part({ url: '$a' })),
  ]
  expect(faults(denied('ReferencesAcrossChangeSetsSupported'), units)).toEqual([
    undefined,
    undefined,
    'ReferencesAcrossChangeSetsSupported',
  ])
})
