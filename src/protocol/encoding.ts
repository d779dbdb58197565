/** Content codings odatum writes. */
export type Encoding = 'br' | 'gzip' | 'identity'

/** The best coding the client takes (RFC 9110 12.5.3); `identity` where it says nothing. */
export function acceptedEncoding(header: string | undefined): Encoding {
  if (header === undefined || header === '') return 'identity'
  let br = -1
  let gzip = -1
  let any = -1
  for (const part of header.split(',')) {
    const [coding = '', ...parameters] = part.split(';')
    const quality = qualityOf(parameters)
    switch (coding.trim().toLowerCase()) {
      case 'br':
        br = quality
        break
      case 'gzip':
      case 'x-gzip':
        gzip = quality
        break
      case '*':
        any = quality
        break
    }
  }
  const brQuality = br < 0 ? any : br
  const gzipQuality = gzip < 0 ? any : gzip
  if (brQuality > 0 && brQuality >= gzipQuality) return 'br'
  return gzipQuality > 0 ? 'gzip' : 'identity'
}

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const match = /^\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*$/i.exec(parameter)
    if (match) return Number(match[1])
  }
  return 1
}
