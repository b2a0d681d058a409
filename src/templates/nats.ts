import client from '../../templates/nats/client.sh.tmpl';
import server from '../../templates/nats/nats-server.conf.tmpl';
import { formatHostPort } from '../peer/host-port.ts';
import type { Template } from './template.ts';

export const nats: Template = {
  summary: 'server that takes the certificate for the user, and how a client connects',
  takes: ['service', 'peer', 'listen', 'connect'],
  listen: '0.0.0.0:4222',
  reload: () => 'systemctl reload nats-server',
  enforcesAllow: true,
  values: ({ callers, connect }) => ({ none: callers?.length === 0, url: `tls://${formatHostPort(connect)}` }),
  parts: [
    { name: 'nats-server', file: '/etc/nats-server.conf', format: 'nats', comment: '#', text: server },
    { name: 'client', file: 'a shell', format: 'sh', comment: '#', text: client },
  ],
};
