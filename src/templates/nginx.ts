import server from '../../templates/nginx/server.conf.tmpl';
import type { Template } from './template.ts';

/** Of a bucket of server_names_hash, 32 octets on the smallest machines, 64 on most, the entry takes some. */
const longestHashed = 40;

export const nginx: Template = {
  summary: 'a server that demands client certificates, before a service that knows no TLS',
  takes: ['service', 'listen', 'upstream'],
  listen: '0.0.0.0:8443',
  upstream: '127.0.0.1:8080',
  reload: () => 'systemctl reload nginx',
  checksCrl: true,
  enforcesAllow: true,
  // Names of variables have no hyphens; names of services have no underscores.
  values: ({ service, trustDomain }) => ({
    variable: service.replaceAll('-', '_'),
    long: `${service}.${trustDomain}`.length > longestHashed,
  }),
  parts: [{ name: 'server', file: '/etc/nginx/conf.d/@service@.conf', format: 'nginx', comment: '#', text: server }],
};
