import { parseServiceName } from '../options.ts';
import { record, type Reader, scalar, wrong } from './fields.ts';
import { noNames, type ServiceFile, serviceReaders } from './service-file.ts';
import { invalid, parseYaml, type YamlValue } from './yaml.ts';

/** One service of a fleet file, the file's defaults worked in. */
export interface FleetService extends ServiceFile {
  readonly name: string;
  /** Where it stands in the file. */
  readonly line: number;
}

/** Some 40,000 services with a name or two each; reading takes under a second for each 10,000. */
const fleetLimit = 8 << 20;

const { authority, ...common } = serviceReaders;
// `issuer` is what the flag of enroll is called; service.yaml records it as the authority.
const fields = { ...common, issuer: authority, authority };
const readDefaults = oneAuthority(record(fields));
const readService = oneAuthority(record({ name: scalar(parseServiceName), ...fields }));
const readName = scalar(parseServiceName);

/**
 * Reads the file of `enroll --from`: `services:` is a list of names, or of maps with `name:` and any key of service.yaml; `defaults:` holds
 * such keys for all of them. A list alone is taken as the services. Throws `config-invalid`, naming both lines where a service is here twice.
 */
export function parseFleetFile(text: string, source: string): readonly FleetService[] {
  const document = parseYaml(text, source, fleetLimit);
  const top = { source, key: '' };
  if (document.kind === 'list') return readServices(document, {}, source);
  const { defaults = {}, services } = record({ defaults: readDefaults, services: keep })(document, top);
  if (services === undefined) throw invalid(source, document.line, "there is no key 'services'", { key: 'services' });
  return readServices(services, defaults, source);
}

const keep: Reader<YamlValue> = value => value;

/** Throws `config-invalid` where both keys are there: which of them is meant is not guessed. */
function oneAuthority<T extends { readonly issuer?: unknown; readonly authority?: unknown }>(
  read: Reader<T>,
): Reader<T> {
  return (value, place) => {
    const found = read(value, place);
    if (found.issuer === undefined || found.authority === undefined) return found;
    throw wrong(value, place, "has 'issuer' and 'authority', which are the same");
  };
}

function readServices(
  value: YamlValue,
  defaults: ReturnType<typeof readDefaults>,
  source: string,
): readonly FleetService[] {
  const place = { source, key: 'services' };
  if (value.kind !== 'list') throw wrong(value, place, 'must be a list');
  const lines = new Map<string, number>();
  return value.items.map(item => {
    const { name, issuer, ...own } = item.kind === 'text' ? { name: readName(item, place) } : readService(item, place);
    if (name === undefined) throw wrong(item, { source, key: 'services.name' }, 'is missing');
    const before = lines.get(name);
    if (before !== undefined)
      throw invalid(source, item.line, `service '${name}' is here a second time; the first is on line ${before}`, {
        key: 'services',
      });
    lines.set(name, item.line);
    const { issuer: defaultIssuer, ...rest } = defaults;
    const authority = issuer ?? own.authority ?? defaultIssuer ?? rest.authority;
    return { ...noNames, ...rest, ...own, ...(authority !== undefined && { authority }), name, line: item.line };
  });
}
