import curlrc from '../../templates/curl/curlrc.tmpl';
import compose from '../../templates/docker-compose/compose.yaml.tmpl';
import goModule from '../../templates/go/mtls.go.tmpl';
import nodeModule from '../../templates/node/mtls.mjs.tmpl';
import pythonModule from '../../templates/python/mtls.py.tmpl';
import type { Template } from './template.ts';

/** What a program of one's own needs to serve and to call. */
const program = {
  takes: ['service', 'peer', 'listen', 'connect'],
  calls: true,
  checksCrl: true,
  enforcesAllow: true,
} as const satisfies Partial<Template>;

export const python: Template = {
  ...program,
  summary: 'a module with contexts for a server and a client, also for uvicorn and FastAPI',
  values: ({ connect }) => ({ connectTuple: `(${JSON.stringify(connect.host)}, ${connect.port})` }),
  parts: [{ name: 'module', file: 'mtls.py', format: 'python', comment: '#', text: pythonModule }],
};

export const node: Template = {
  ...program,
  summary: 'a module with options for a server and a client',
  reload: ({ service }) => `systemctl reload ${service}`,
  // Node takes the suites of TLS 1.3 from the same list.
  values: () => ({ modernSuites: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256' }),
  parts: [{ name: 'module', file: 'mtls.mjs', format: 'js', comment: '//', text: nodeModule }],
};

export const go: Template = {
  ...program,
  summary: 'a package with configurations for a server and a client',
  parts: [{ name: 'package', file: 'mtls/mtls.go', format: 'go', comment: '//', text: goModule }],
};

export const curl: Template = {
  summary: 'calls with a client certificate',
  takes: ['service', 'peer', 'connect'],
  calls: true,
  checksCrl: true,
  parts: [{ name: 'config', file: 'a file for curl --config', format: 'curl', comment: '#', text: curlrc }],
};

export const dockerCompose: Template = {
  summary: 'the certificate in a container',
  takes: ['service'],
  reload: ({ service }) => `docker compose kill --signal HUP ${service}`,
  values({ service }) {
    const inDirectory = `/etc/link-certs/${service}`;
    const at = (file: string): string => `${inDirectory}/${file}`;
    return { inDirectory, inCert: at('cert.pem'), inKey: at('key.pem'), inCa: at('ca.pem') };
  },
  parts: [{ name: 'compose', file: 'compose.override.yaml', format: 'compose', comment: '#', text: compose }],
};
