import client from '../../templates/stunnel/client.conf.tmpl';
import server from '../../templates/stunnel/server.conf.tmpl';
import type { Template } from './template.ts';

export const stunnel: Template = {
  summary: 'TLS for what knows none, at both ends',
  takes: ['service', 'peer', 'listen', 'upstream', 'connect'],
  // Debian's unit has no ExecReload=.
  reload: ({ service }) => `systemctl kill --kill-whom=main --signal=HUP stunnel@${service}`,
  checksCrl: true,
  enforcesAllow: true,
  values: ({ callers, service }) => ({
    none: callers?.length === 0,
    unit: `stunnel@${service}`,
    clientUnit: `stunnel@to-${service}`,
  }),
  parts: [
    { name: 'server', file: '/etc/stunnel/@service@.conf', format: 'rest', comment: ';', text: server },
    { name: 'client', file: '/etc/stunnel/to-@service@.conf', format: 'rest', comment: ';', text: client },
  ],
};
