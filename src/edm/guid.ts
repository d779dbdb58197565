const pattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/

/** ABNF guidValue. @returns it in lower case, or undefined where the text is none. */
export function parseGuid(text: string): string | undefined {
  return pattern.test(text) ? text.toLowerCase() : undefined
}

/** The 16 bytes of a GUID in the order of its text (RFC 4122). */
export function guidToBytes(guid: string): Uint8Array {
  return new Uint8Array(Buffer.from(guid.replaceAll('-', ''), 'hex'))
}

const hex: readonly string[] = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))

/** The GUID whose 16 bytes start at `offset`, in lower case. */
export function guidFromBytes(bytes: Uint8Array, offset = 0): string {
  let text = ''
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text += '-'
    text += hex[bytes[offset + i] ?? 0]
  }
  return text
}
