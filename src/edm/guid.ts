const pattern = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/

/** ABNF guidValue. @returns it in lower case, or undefined where the text is none. */
export function parseGuid(text: string): string | undefined {
  return pattern.test(text) ? text.toLowerCase() : undefined
}

/** The 16 bytes of a GUID in the order of its text (RFC 4122). */
export function guidToBytes(guid: string): Uint8Array {
  const bytes = Buffer.allocUnsafe(16)
  for (let at = 0, i = 0; i < 16; at += 2, i++) {
    if (at === 8 || at === 13 || at === 18 || at === 23) at++
    bytes[i] = (digitOf(guid, at) << 4) | digitOf(guid, at + 1)
  }
  return bytes
}

/** The value of a hexadecimal digit, in either case. */
function digitOf(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  return unit < 0x3a ? unit - 0x30 : (unit | 0x20) - 0x57
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
