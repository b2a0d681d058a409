import rules from '../../templates/prometheus-rules/rules.yml.tmpl';
import type { Template } from './template.ts';

export const prometheusRules: Template = {
  summary: "alerts on what 'mtlsctl status --format prometheus' measures",
  takes: [],
  reload: () => 'systemctl reload prometheus',
  parts: [{ name: 'rules', file: '/etc/prometheus/mtlsctl.rules.yml', format: 'yaml', comment: '#', text: rules }],
};
