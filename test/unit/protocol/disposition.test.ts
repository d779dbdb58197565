import { expect, it } from 'vitest'
import { harmless } from '../../../src/protocol/disposition.ts'

it.each(['image/png', 'video/mp4', 'audio/ogg', 'text/plain;charset=utf-8'])('shows %s', (type) => {
  expect(harmless(type, undefined)).toEqual({ 'X-Content-Type-Options': 'nosniff' })
})

it.each(['text/html', 'image/svg+xml', 'application/xhtml+xml', 'text/xml', 'application/pdf', 'nonsense'])(
  'saves %s, and takes away its scripts where the model shows it',
  (type) => {
    expect(harmless(type, undefined)['Content-Disposition']).toBe('attachment')
    const shown = harmless(type, { type: 'inline', filename: undefined })
    expect(shown['Content-Disposition']).toBe('inline')
    expect(shown['Content-Security-Policy']).toContain('sandbox')
  },
)

it.each([
  ['a.png', 'attachment; filename="a.png"'],
  ['a"b\r\nX: y', `attachment; filename="a_b__X: y"; filename*=UTF-8''a%22b%0D%0AX%3A%20y`],
  ['ä(1)', `attachment; filename="_(1)"; filename*=UTF-8''%C3%A4%281%29`],
  ['\ud800', `attachment; filename="_"; filename*=UTF-8''%EF%BF%BD`],
  ['', 'attachment'],
])('writes the name %j so that no header can be made of it', (filename, expected) => {
  expect(harmless('image/png', { type: 'attachment', filename })['Content-Disposition']).toBe(expected)
})

it('takes a disposition type that is no token for attachment', () => {
  expect(harmless('image/png', { type: 'in line\r\n', filename: undefined })['Content-Disposition']).toBe('attachment')
})
