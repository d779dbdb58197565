import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { payload } from '../support/payloads.ts'
import { graphModel } from '../support/running-service.ts'
import { type Grammar, queries, quote, texts } from './grammar.ts'
import { askMany, effort, reason, sample, seed, stopAfterwards, TwoStores, uri } from './two-stores.ts'

/** One instant under several offsets, its neighbours by one tick, and the ends of time. */
const instants = [
  '2017-01-01T00:03:18.9597073-08:00',
  '2017-01-01T08:03:18.9597073Z',
  '2017-01-01T08:03:18.9597074Z',
  '2017-01-01T08:03:18.9597072Z',
  '2017-01-01T08:03:18.959Z',
  '2017-01-01T08:03:18.9600000Z',
  '2017-01-01T13:33:18.96+05:30',
  '2017-01-01T08:03:18Z',
  '1970-01-01T00:00:00Z',
  '1969-12-31T23:59:59.9999999Z',
  '1969-12-31T23:59:59.999Z',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.9999999Z',
]
const guids = [
  'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
  'F9882BCD-2BCD-F988-CD2B-88F9CD2B88F9',
  '00000000-0000-0000-0000-000000000000',
  'ffffffff-ffff-ffff-ffff-ffffffffffff',
  '01000000-0000-0000-0000-000000000000',
  '00000000-0000-0000-0000-000000000001',
]
const ints = [-2_147_483_648, -1, 0, 1, 2, 3, 2_147_483_647]
const blobs = ['', 'AA==', 'AAA=', 'AQ==', '/w==', 'ZW5jcnlwdGVkQmxvYg==']

const row = fc.record({
  tenantId: fc.constantFrom(...guids),
  userId: fc.constantFrom(...guids),
  eTag: fc.constantFrom(...texts),
  plistTemplate: fc.constantFrom(...texts),
  encryptedBlob: fc.constantFrom(...blobs),
  payloadVersion: fc.constantFrom(...ints),
  status: fc.constantFrom(...ints),
  createdTime: fc.constantFrom(...instants),
  lastModifiedTime: fc.constantFrom(...instants),
  isDeleted: fc.boolean(),
})

const grammar: Grammar = {
  fields: [
    { path: 'payloadVersion', group: 'number' },
    { path: 'status', group: 'number' },
    { path: 'eTag', group: 'string' },
    { path: 'plistTemplate', group: 'string' },
    { path: 'deviceKeyThumbprint', group: 'string' },
    { path: 'isDeleted', group: 'boolean' },
    { path: 'tenantId', group: 'guid' },
    { path: 'userId', group: 'guid' },
    { path: 'createdTime', group: 'instant' },
    { path: 'lastModifiedTime', group: 'instant' },
    { path: 'encryptedBlob', group: 'binary' },
  ],
  literals: {
    number: [
      ...ints.map(String),
      '1.5',
      '-0.0',
      '3000000000',
      '9223372036854775807',
      '1e3',
      '0.99999999999999999999',
      'INF',
      '-INF',
      'NaN',
    ],
    string: [...texts.map(quote), quote('k03'), quote('k1')],
    boolean: ['true', 'false'],
    guid: guids,
    instant: [...instants, '2017-01-01T08:03:18.959707300001Z'],
    binary: blobs.map((blob) => `binary'${blob.replaceAll('+', '-').replaceAll('/', '_')}'`),
  },
  ordered: ['number', 'string', 'guid', 'instant'],
  more: [
    'length(eTag) gt 1',
    "tolower(eTag) eq 'a'",
    "indexof(plistTemplate,'a') eq 1",
    "concat(eTag,plistTemplate) eq 'ab'",
    "substring(plistTemplate,1) eq 'b'",
    "trim(eTag) eq 'a'",
    'year(createdTime) eq 2017',
    'hour(createdTime) eq 0',
    'date(createdTime) eq 2017-01-01',
    'status add 1 gt payloadVersion',
    'status mod 2 eq 1',
    '-status lt 0',
    'isDeleted eq isDeleted',
    'true',
    'false',
    'null eq null',
    "not contains(eTag,'a')",
  ],
  unique: 'deviceKeyThumbprint',
  select: ['status', 'createdTime', 'eTag', 'deviceKeyThumbprint', 'isDeleted', 'encryptedBlob'],
}

describe.skipIf(uri === undefined)(
  `random queries of onPremEncryptedPayloads, seed ${seed}${uri ? '' : `: ${reason}`}`,
  () => {
    stopAfterwards()
    const { batches, queries: count } = effort(50)

    it.each(Array.from({ length: batches }, (_, batch) => batch))(
      'both stores answer alike (data %i)',
      async (batch) => {
        const rows = sample(row, 40, batch).map((changes, i) =>
          payload({ ...changes, deviceKeyThumbprint: `k${String(i).padStart(2, '0')}` }),
        )
        const stores = await TwoStores.of(graphModel, 'onPremEncryptedPayloads', rows)
        await askMany(stores, queries(grammar), { count, batch, rows })
        expect(stores.statuses.get(200) ?? 0, [...stores.statuses].join(' ')).toBeGreaterThan(count * 0.9)
      },
    )
  },
)
