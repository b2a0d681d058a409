import client from '../../templates/postgresql/client.conf.tmpl';
import hba from '../../templates/postgresql/pg_hba.conf.tmpl';
import ident from '../../templates/postgresql/pg_ident.conf.tmpl';
import server from '../../templates/postgresql/postgresql.conf.tmpl';
import type { Template } from './template.ts';

const directory = '/etc/postgresql/15/main';

export const postgresql: Template = {
  summary: 'server, pg_hba.conf, a map from certificates to roles, and how a client connects',
  takes: ['service', 'peer', 'listen', 'connect'],
  listen: '0.0.0.0:5432',
  reload: () => 'systemctl reload postgresql',
  checksCrl: true,
  enforcesAllow: true,
  parts: [
    { name: 'postgresql', file: `${directory}/conf.d/mtlsctl.conf`, format: 'postgresql', comment: '#', text: server },
    { name: 'pg_hba', file: `${directory}/pg_hba.conf`, format: 'postgresqlWord', comment: '#', text: hba },
    { name: 'pg_ident', file: `${directory}/pg_ident.conf`, format: 'postgresqlWord', comment: '#', text: ident },
    { name: 'client', file: '~/.pg_service.conf', format: 'rest', comment: '#', text: client },
  ],
};
