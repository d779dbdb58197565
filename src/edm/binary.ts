const pattern = /^[A-Za-z0-9+/_-]*={0,2}$/
/** Last characters that leave no bits over, behind whole groups of four: of one byte, of two. */
const lastOfTwo = /[AQgw]$/
const lastOfThree = /[AEIMQUYcgkosw048]$/

/**
 * ABNF binaryValue, in either alphabet (RFC 4648 4 and 5), padding optional.
 * @returns a copy of its own memory; undefined where a character, the length, the padding or a left-over bit is wrong
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  if (!pattern.test(text)) return undefined
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if (padding > 0 && text.length % 4 !== 0) return undefined
  const digits = padding > 0 ? text.slice(0, -padding) : text
  const rest = digits.length % 4
  if (rest === 1 || (rest === 2 && !lastOfTwo.test(digits.slice(-1)))) return undefined
  if (rest === 3 && !lastOfThree.test(digits.slice(-1))) return undefined
  return new Uint8Array(Buffer.from(digits, 'base64'))
}

/** Base64 with padding: OData 4.0 and Graph write binary values so. */
export function encodeBase64(bytes: Uint8Array): string {
  return view(bytes).toString('base64')
}

/** Base64url without padding: OData 4.01 (JSON Format 7.1) and URLs. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url')
}

/** Order of binary values as MongoDB sorts them: the shorter first, then byte by byte. */
export function compareBinary(a: Uint8Array, b: Uint8Array): number {
  return a.length === b.length ? Buffer.compare(a, b) : a.length - b.length
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
