/** The request of the seed's example (Microsoft Graph beta, "Create onPremEncryptedPayload"), member for member. */
export const seedRequest = {
  '@odata.type': '#microsoft.graph.onPremEncryptedPayload',
  tenantId: 'f9882bcd-2bcd-f988-cd2b-88f9cd2b88f9',
  userId: 'a991071c-071c-a991-1c07-91a91c0791a9',
  deviceId: '6de0af45-af45-6de0-45af-e06d45afe06d',
  payloadId: 'f12f6c03-6c03-f12f-036c-2ff1036c2ff1',
  deviceKeyThumbprint: 'Device Key Thumbprint value',
  cert1PayloadUUID: 'Cert1Payload UUID value',
  cert2PayloadUUID: 'Cert2Payload UUID value',
  cert3PayloadUUID: 'Cert3Payload UUID value',
  plistTemplate: 'Plist Template value',
  encryptedBlob: 'ZW5jcnlwdGVkQmxvYg==',
  payloadVersion: 14,
  status: 6,
  createdTime: '2017-01-01T00:03:18.9597073-08:00',
  lastModifiedTime: '2017-01-01T00:03:18.5958204-08:00',
  eTag: 'ETag value',
  isDeleted: true,
} as const

/** A request like the seed's with some members changed; undefined takes one away. */
export function payload(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const body: Record<string, unknown> = { ...seedRequest, ...changes }
  for (const [name, value] of Object.entries(changes)) if (value === undefined) delete body[name]
  return body
}
