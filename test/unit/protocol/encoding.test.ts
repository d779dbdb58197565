import { expect, it } from 'vitest'
import { acceptedEncoding } from '../../../src/protocol/encoding.ts'

it.each([
  [undefined, 'identity'],
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['br', 'br'],
  ['gzip, br', 'br'],
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip;q=1, br;q=0.5', 'gzip'],
  ['GZIP; Q=0.3', 'gzip'],
  ['br;q=0, gzip;q=0.1', 'gzip'],
  ['*', 'br'],
  ['br;q=0, *', 'gzip'],
  ['*;q=0', 'identity'],
  ['gzip;q=0, br;q=0', 'identity'],
  ['deflate', 'identity'],
  ['gzip;q=nonsense', 'gzip'],
])('Accept-Encoding: %s gives %s', (header, expected) => {
  expect(acceptedEncoding(header)).toBe(expected)
})
