import { nearestName } from '../config/fields.ts';
import { badValue } from '../options.ts';
import { haproxy } from './haproxy.ts';
import { nats } from './nats.ts';
import { nginx } from './nginx.ts';
import { postgresql } from './postgresql.ts';
import { curl, dockerCompose, go, node, python } from './programs.ts';
import { prometheusRules } from './prometheus-rules.ts';
import { redis } from './redis.ts';
import { stunnel } from './stunnel.ts';
import { systemdCrl, systemdRenew } from './systemd.ts';
import type { Template } from './template.ts';

/** All templates, in the order in which they are listed. */
export const catalogue: Readonly<Record<string, Template>> = {
  nginx,
  haproxy,
  postgresql,
  redis,
  nats,
  stunnel,
  python,
  node,
  go,
  curl,
  'docker-compose': dockerCompose,
  'systemd-renew': systemdRenew,
  'systemd-crl': systemdCrl,
  'prometheus-rules': prometheusRules,
};

/** The template of that name. Throws `bad-value` with the nearest one. */
export function templateNamed(name: string): Template {
  const template = Object.hasOwn(catalogue, name) ? catalogue[name] : undefined;
  if (template !== undefined) return template;
  const known = Object.keys(catalogue);
  const nearest = nearestName(name, known);
  const hint = nearest === undefined ? "run 'mtlsctl template --list'" : `did you mean '${nearest}'?`;
  throw badValue(name, 'a template', 'there is no such template', [hint]);
}
