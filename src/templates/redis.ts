import client from '../../templates/redis/client.sh.tmpl';
import server from '../../templates/redis/redis.conf.tmpl';
import { type Facts, serviceFiles } from './facts.ts';
import { quote } from './quoting.ts';
import type { Template } from './template.ts';

export const redis: Template = {
  summary: 'server, and how a client connects',
  takes: ['service', 'peer', 'listen', 'connect'],
  listen: '0.0.0.0:6379',
  reload: readAnew,
  parts: [
    { name: 'redis', file: '/etc/redis/mtlsctl.conf', format: 'redis', comment: '#', text: server },
    { name: 'client', file: 'a shell', format: 'sh', comment: '#', text: client },
  ],
};

/** Both at once, or the first would not go with what is there. That the paths are the same does not matter. */
function readAnew({ directory, service }: Facts): string {
  const { cert, key } = serviceFiles(directory, service);
  const set = `CONFIG SET tls-cert-file ${quote(cert, 'sh', '--dir')} tls-key-file ${quote(key, 'sh', '--dir')}`;
  return `redis-cli -e -s /run/redis/redis-server.sock ${set}`;
}
