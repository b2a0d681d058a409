import { oids } from '../der/object-identifiers.ts';

/** How the values of an attribute type are written: RFC 5280, 4.1.2.4 and appendix A.1. */
export type AttributeSyntax = 'directory' | 'printable' | 'ia5';

export interface AttributeType {
  readonly oid: string;
  /** The keyword of RFC 4514, 3 or RFC 4519; what `openssl` prints where neither has one. */
  readonly keyword: string;
  /** Other keywords that are understood, in lower case. */
  readonly aliases: readonly string[];
  readonly syntax: AttributeSyntax;
  /** Upper bound in characters: RFC 5280, appendix A.1. */
  readonly upperBound: number;
}

function row(
  oid: string,
  keyword: string,
  upperBound: number,
  syntax: AttributeSyntax,
  ...aliases: string[]
): AttributeType {
  return { oid, keyword, upperBound, syntax, aliases };
}

const attributeTypes: readonly AttributeType[] = [
  row(oids.commonName, 'CN', 64, 'directory', 'commonname'),
  row(oids.surname, 'SN', 32768, 'directory', 'surname'),
  row(oids.serialNumber, 'serialNumber', 64, 'printable'),
  row(oids.countryName, 'C', 2, 'printable', 'countryname'),
  row(oids.localityName, 'L', 128, 'directory', 'localityname'),
  row(oids.stateOrProvinceName, 'ST', 128, 'directory', 'stateorprovincename', 's'),
  row(oids.streetAddress, 'STREET', 128, 'directory', 'streetaddress'),
  row(oids.organizationName, 'O', 64, 'directory', 'organizationname'),
  row(oids.organizationalUnitName, 'OU', 64, 'directory', 'organizationalunitname'),
  row(oids.title, 'title', 64, 'directory', 't'),
  row(oids.description, 'description', 1024, 'directory'),
  row(oids.businessCategory, 'businessCategory', 128, 'directory'),
  row(oids.postalCode, 'postalCode', 40, 'directory'),
  row(oids.telephoneNumber, 'telephoneNumber', 32, 'printable'),
  row(oids.name, 'name', 32768, 'directory'),
  row(oids.givenName, 'GN', 32768, 'directory', 'givenname'),
  row(oids.initials, 'initials', 32768, 'directory'),
  row(oids.generationQualifier, 'generationQualifier', 32768, 'directory'),
  row(oids.dnQualifier, 'dnQualifier', 64, 'printable'),
  row(oids.pseudonym, 'pseudonym', 128, 'directory'),
  row(oids.organizationIdentifier, 'organizationIdentifier', 256, 'directory'),
  row(oids.userId, 'UID', 256, 'directory', 'userid'),
  row(oids.domainComponent, 'DC', 63, 'ia5', 'domaincomponent'),
  row(oids.emailAddress, 'emailAddress', 255, 'ia5', 'e', 'email'),
  row(oids.jurisdictionLocalityName, 'jurisdictionL', 128, 'directory'),
  row(oids.jurisdictionStateOrProvinceName, 'jurisdictionST', 128, 'directory'),
  row(oids.jurisdictionCountryName, 'jurisdictionC', 2, 'printable'),
];

const byOid: ReadonlyMap<string, AttributeType> = new Map(attributeTypes.map(type => [type.oid, type]));

const byKeyword: ReadonlyMap<string, AttributeType> = new Map(
  attributeTypes.flatMap(type => [type.keyword.toLowerCase(), ...type.aliases].map(keyword => [keyword, type])),
);

export function attributeTypeByOid(oid: string): AttributeType | undefined {
  return byOid.get(oid);
}

/** Keywords are case-insensitive: RFC 4514, 3. */
export function attributeTypeByKeyword(keyword: string): AttributeType | undefined {
  return byKeyword.get(keyword.toLowerCase());
}
