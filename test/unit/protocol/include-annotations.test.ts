import { expect, it } from 'vitest'
import { parseIncludeAnnotations } from '../../../src/protocol/include-annotations.ts'

it.each([
  ['*', 'a.b', undefined, true],
  ['-*', 'a.b', undefined, false],
  ['display.*', 'display.inner.subject', undefined, true],
  ['display.*', 'other.subject', undefined, false],
  ['display.subject', 'display.subject', 'tablet', true],
  ['display.subject', 'display.subjects', undefined, false],
  ['display.*#tablet', 'display.subject', 'tablet', true],
  ['display.*#tablet', 'display.subject', undefined, false],
  ['*,-display.*', 'display.subject', undefined, false],
  ['-display.*, display.subject', 'display.subject', undefined, true],
  ['-*,display.inner.*,-display.*', 'display.inner.x', undefined, true],
  ['', 'a.b', undefined, undefined],
  ['a b', 'a.b', undefined, undefined],
] as const)('%s: %s (%s) is %s', (value, term, qualifier, wanted) => {
  expect(parseIncludeAnnotations(value)?.(term, qualifier)).toBe(wanted)
})
