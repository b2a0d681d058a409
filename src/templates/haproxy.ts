import frontend from '../../templates/haproxy/frontend.cfg.tmpl';
import type { Template } from './template.ts';

export const haproxy: Template = {
  summary: 'a server that demands client certificates, before a service that knows no TLS',
  takes: ['service', 'listen', 'upstream'],
  reload: () => 'systemctl reload haproxy',
  checksCrl: true,
  enforcesAllow: true,
  output: 'combined',
  values: ({ callers }) => ({ none: callers?.length === 0 }),
  parts: [{ name: 'frontend', file: '/etc/haproxy/haproxy.cfg', format: 'haproxy', comment: '#', text: frontend }],
};
