import { dirname } from 'node:path';
import crlService from '../../templates/systemd-crl/service.tmpl';
import crlTimer from '../../templates/systemd-crl/timer.tmpl';
import hardening from '../../templates/systemd-renew/hardening.tmpl';
import install from '../../templates/systemd-renew/install.tmpl';
import resident from '../../templates/systemd-renew/resident.tmpl';
import renewService from '../../templates/systemd-renew/service.tmpl';
import renewTimer from '../../templates/systemd-renew/timer.tmpl';
import type { Facts } from './facts.ts';
import { quote } from './quoting.ts';
import type { Values } from './render.ts';
import type { Part, Template } from './template.ts';

const reload = (): string => 'systemctl daemon-reload';

export const systemdRenew: Template = {
  summary: 'units that renew what is due every 15 minutes, or a resident process',
  takes: ['program', 'caPassphraseFile', 'metricsFile'],
  reload,
  values,
  parts: [
    unit('service', 'mtlsctl-renew.service', renewService + hardening),
    unit('timer', 'mtlsctl-renew.timer', renewTimer),
    unit('resident', 'mtlsctl-renewd.service', resident + hardening + install),
  ],
};

export const systemdCrl: Template = {
  summary: 'units that sign and publish new CRLs every hour',
  takes: ['program', 'caPassphraseFile', 'hook'],
  reload,
  values,
  parts: [unit('service', 'mtlsctl-crl.service', crlService + hardening), unit('timer', 'mtlsctl-crl.timer', crlTimer)],
};

function unit(name: string, file: string, text: string): Part {
  return { name, file: `/etc/systemd/system/${file}`, format: 'systemd', comment: '#', text };
}

function values({ authorities, directory, metricsFile }: Facts): Values {
  return {
    // A group of system calls is written with the sign that stands for placeholders here.
    systemCalls: '@system-service',
    // It would hide the PKI directory.
    privateTmp: !/^(?:\/var)?\/tmp(?:\/|$)/.test(directory),
    metrics: metricsFile !== undefined,
    metricsDirectory: dirname(metricsFile ?? '/'),
    metricsFlag:
      metricsFile === undefined ? '' : ` --metrics-file ${quote(metricsFile, 'systemdCommand', '--metrics-file')}`,
    authorities: authorities.map(name => `${name} `).join(''),
  };
}
