import { type Installed, renewalTime } from '../deployment/decision.ts';
import { stateAt } from './validity.ts';

export type ServiceState = 'valid' | 'expired' | 'not yet valid' | 'due' | 'mismatch' | 'missing' | 'unreadable';

/** The one word for a service at an instant; what matters most wins. `renewAt` is the share of its life after which it is due. */
export function serviceState(installed: Installed, renewAt: number, now: number): ServiceState {
  if (installed.state !== 'readable') return installed.state;
  if (!installed.keyMatches) return 'mismatch';
  const { certificate } = installed;
  const state = stateAt(certificate.notBefore, certificate.notAfter, now);
  return state === 'valid' && renewalTime(certificate, renewAt) <= now ? 'due' : state;
}
