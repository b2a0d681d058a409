import { noNames, type ServiceFile } from '../config/service-file.ts';

/** What an enrolment asks of a service; what is undefined stays as service.yaml has it. */
export type AskedSettings = { readonly [Key in keyof ServiceFile]?: ServiceFile[Key] | undefined };

/** What is asked over what is stored. */
export function mergeSettings(stored: ServiceFile | undefined, asked: AskedSettings): ServiceFile {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { ...noNames, ...stored, ...(Object.fromEntries(given) as Partial<ServiceFile>) };
}
