export type FoundMongod =
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'binary'; readonly path: string; readonly version: string; readonly origin: string }
  | { readonly kind: 'missing'; readonly reasons: readonly string[] }

export interface RunningMongod {
  readonly uri: string
  readonly pid: number
  stop(): Promise<void>
}

export function findMongod(options?: { log?: (line: string) => void }): Promise<FoundMongod>
export function startMongod(
  binary: string,
  options?: { cacheGB?: number; folder?: string; standalone?: boolean },
): Promise<RunningMongod>

export interface RunningReplicaSet {
  readonly uri: string
  readonly ports: readonly number[]
  /** ends a server at once (SIGKILL) */
  kill(port: number): Promise<void>
  /** starts it again on its data */
  revive(port: number): Promise<void>
  stop(): Promise<void>
}

export function startReplicaSet(binary: string, options?: { members?: number }): Promise<RunningReplicaSet>
