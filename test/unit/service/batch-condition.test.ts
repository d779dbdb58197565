import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { evaluateCondition } from '../../../src/service/batch-condition.ts'

const done = new Map([
  ['ok', true],
  ['no', false],
  ['1.a~b', true],
])
const evaluate = (text: string): boolean | string => {
  try {
    return evaluateCondition(text, (id) => done.get(id))
  } catch (error) {
    if (error instanceof ODataError) return error.code
    throw error
  }
}

describe('evaluateCondition', () => {
  it.each([
    ['$ok/$succeeded', true],
    ['$no/$succeeded', false],
    ['$1.a~b/$succeeded', true],
    ['not $no/$succeeded', true],
    ['not not $no/$succeeded', false],
    ['$ok/$succeeded and $no/$succeeded', false],
    ['$ok/$succeeded or $no/$succeeded', true],
    ['false and false or true', true],
    ['true or true and false', true],
    ['false and (false or true)', false],
    ['not false and false', false],
    ['$no/$succeeded eq false', true],
    ['$ok/$succeeded ne true', false],
    ['  ( true )  ', true],
    ['', 'notImplemented'],
    ['(true', 'notImplemented'],
    ['true)', 'notImplemented'],
    ['true true', 'notImplemented'],
    ['$ok', 'notImplemented'],
    ['$ok/Name eq 1', 'notImplemented'],
    ["'a'", 'notImplemented'],
    ['and', 'notImplemented'],
    ['$other/$succeeded', 'bodyInvalid'],
    [`${'('.repeat(33)}true${')'.repeat(33)}`, 'bodyInvalid'],
    ['not '.repeat(33), 'bodyInvalid'],
    [' '.repeat(2_001), 'bodyInvalid'],
  ])('%s', (text, expected) => {
    expect(evaluate(text)).toBe(expected)
  })
})
