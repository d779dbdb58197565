/** Whether a socket's address is this machine's own: both families, and IPv4 addresses as an IPv6 socket shows them. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.'))
}
