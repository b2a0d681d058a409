/** Where a server listens. */
export interface HostPort {
  /** A DNS name or an IP address, IPv6 without its brackets. */
  readonly host: string;
  readonly port: number;
}

const hostPort = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+)):(\d{1,5})$/;
const url = /^(?:https|tls):\/\/([^/?#@\s]+)(?:[/?#].*)?$/i;

/** `host:port`, `[::1]:443`, or the URL that a browser shows, with or without a port; undefined where it is none of these. */
export function parseHostPort(text: string): HostPort | undefined {
  const authority = url.exec(text)?.[1];
  if (authority === undefined) return parseAuthority(text);
  return parseAuthority(authority) ?? parseAuthority(`${authority}:443`);
}

function parseAuthority(text: string): HostPort | undefined {
  const match = hostPort.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

/** As it is written: with brackets around an IPv6 address. */
export function formatHostPort({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
