import type { Config } from '../config.ts';
import { oids } from '../der/object-identifiers.ts';
import type { Name } from '../x509/name.ts';

/** The trust domain that the subject of a CA tells as the profiles write it: its one organization, a DNS name of several labels. */
function trustDomainIn(subject: Name): string | undefined {
  const [only, ...others] = subject.rdns.flat().filter(({ type }) => type === oids.organizationName);
  if (only === undefined || others.length > 0) return undefined;
  const domain = only.value.toLowerCase();
  return /^(?:[a-z\d-]{1,63}\.)+[a-z\d-]{1,63}$/.test(domain) ? domain : undefined;
}

/** Where the subject of a CA tells another trust domain than the configuration has: that one. */
export function otherTrustDomain(subject: Name, { trustDomain }: Config): string | undefined {
  const told = trustDomainIn(subject);
  return told === trustDomain ? undefined : told;
}
