import { ODataController } from 'odatum'
import type { OnPremEncryptedPayload, OnPremEncryptedPayloadCreate, OnPremEncryptedPayloadUpdate } from './graph.ts'

class Payloads extends ODataController<
  OnPremEncryptedPayload,
  OnPremEncryptedPayloadCreate,
  OnPremEncryptedPayloadUpdate
> {
  override beforeCreate(payload: OnPremEncryptedPayloadCreate) {
    const blob: Uint8Array | undefined = payload.encryptedBlob
    // @ts-expect-error: made by the service
    payload.id
    return { status: (payload.status ?? 0) + (blob?.length ?? 0) }
  }

  override afterDelete(payload: OnPremEncryptedPayload) {
    const type: '#microsoft.graph.onPremEncryptedPayload' = payload['@odata.type']
    const id: string = payload.id
    void [type, id]
  }
}
export const payloads = Payloads
