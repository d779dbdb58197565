import { serialize } from 'bson'
import { expect, it } from 'vitest'
import { ChangedRows } from '../../../src/store/changes.ts'

const id = (text: string): Uint8Array => serialize({ _id: text })
const page = (rows: ChangedRows, limit: number) => {
  const outcome = rows.page(limit, 'end')
  if (outcome.kind !== 'changes') throw new Error('lost')
  return { ...outcome, rows: outcome.rows.map((row) => [Buffer.from(row.id).at(-3), row.seen]) }
}
const code = (text: string) => text.charCodeAt(0)

it('has each row once, where its last change stands, seen if it ever was', () => {
  const rows = new ChangedRows(undefined)
  rows.add(id('a'), '1', { seen: false, touched: false })
  rows.add(id('b'), '2', { seen: true, touched: false })
  rows.add(id('a'), '3', { seen: true, touched: false })
  rows.add(id('a'), '4', { seen: false, touched: false })
  rows.add(id('c'), '5', { seen: false, touched: false })
  expect(page(rows, 2)).toMatchObject({
    rows: [
      [code('b'), true],
      [code('a'), true],
    ],
    total: 3,
    position: '4',
    more: true,
  })
  expect(page(rows, 3)).toMatchObject({ position: 'end', until: 'end', more: false })
})

it('leaves out what pages before have told, unless it changed again', () => {
  const rows = new ChangedRows('3')
  rows.add(id('a'), '1', { seen: false, touched: false })
  rows.add(id('b'), '2', { seen: true, touched: false })
  rows.add(id('c'), '3', { seen: false, touched: false })
  rows.add(id('b'), '4', { seen: false, touched: false })
  expect(page(rows, 9)).toMatchObject({ rows: [[code('b'), true]], total: 1, more: false })
})

it('says where to go on where there is too much', () => {
  const rows = new ChangedRows(undefined)
  rows.add(id('a'), '1', { seen: false, touched: false })
  rows.add(id('b'), '2', { seen: false, touched: false })
  expect(rows.cut(9, '2', 'end')).toMatchObject({ position: '2', until: undefined, more: true })
  expect(rows.cut(1, '2', 'end')).toMatchObject({ position: '1', until: undefined, more: true })
})

it('knows a row as touched once any change of it was', () => {
  const rows = new ChangedRows(undefined)
  rows.add(id('a'), '1', { seen: false, touched: true })
  rows.add(id('b'), '2', { seen: false, touched: false })
  rows.add(id('a'), '3', { seen: false, touched: false })
  const outcome = rows.page(9, 'end')
  expect(outcome.kind === 'changes' && outcome.rows.map(({ touched }) => touched)).toEqual([false, true])
})
