const dayMs = 86_400_000;
const daysInMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Milliseconds since the epoch of the octets YYMMDDHHMMSSZ at `start`, or NaN where they are not exactly that.
 * RFC 5280, 4.1.2.5.1: years 50 to 99 are of the 20th century.
 */
export function utcTimeAt(bytes: Uint8Array, start: number, length: number): number {
  if (length !== 13) return NaN;
  const year = twoDigits(bytes, start);
  return instant(year >= 50 ? 1900 + year : 2000 + year, bytes, start + 2);
}

/** The same for YYYYMMDDHHMMSSZ. RFC 5280, 4.1.2.5.2: seconds always, fractions never. */
export function generalizedTimeAt(bytes: Uint8Array, start: number, length: number): number {
  if (length !== 15) return NaN;
  return instant(twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2), bytes, start + 4);
}

/** From MMDDHHMMSSZ. A leap second is refused: no clock here could show it. */
function instant(year: number, bytes: Uint8Array, start: number): number {
  const month = twoDigits(bytes, start);
  const day = twoDigits(bytes, start + 2);
  const hour = twoDigits(bytes, start + 4);
  const minute = twoDigits(bytes, start + 6);
  const second = twoDigits(bytes, start + 8);
  if (bytes[start + 10] !== 0x5a) return NaN;
  const inRange = month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59;
  if (!inRange || day > (daysInMonth[month - 1] ?? 0)) return NaN;
  if (month === 2 && day === 29 && !isLeapYear(year)) return NaN;
  return daysFromCivil(year, month, day) * dayMs + ((hour * 60 + minute) * 60 + second) * 1000;
}

/** NaN where either octet is no digit, and NaN stays NaN in every sum and fails every comparison above. */
function twoDigits(bytes: Uint8Array, position: number): number {
  const high = (bytes[position] ?? 0) - 0x30;
  const low = (bytes[position + 1] ?? 0) - 0x30;
  return high >= 0 && high <= 9 && low >= 0 && low <= 9 ? high * 10 + low : NaN;
}

function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Days since 1970-01-01. Date.UTC is no use here: it takes the years 0 to 99 for 1900 to 1999. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/**
 * Writes the 15 octets YYYYMMDDHHMMSSZ of an instant, which is cut to its second.
 * By hand since a CRL may hold a million. Throws RangeError outside the years 0 to 9999.
 */
export function writeGeneralizedTime(out: Uint8Array, position: number, ms: number): void {
  const seconds = Math.floor(ms / 1000);
  const days = Math.floor(seconds / 86_400);
  const secondOfDay = seconds - days * 86_400;
  const date = civilFromDays(days);
  // Not a number fails this too
  if (!(date.year >= 0 && date.year <= 9999)) throw new RangeError('year outside 0 to 9999');
  writeTwoDigits(out, position, Math.floor(date.year / 100));
  writeTwoDigits(out, position + 2, date.year % 100);
  writeTwoDigits(out, position + 4, date.month);
  writeTwoDigits(out, position + 6, date.day);
  writeTwoDigits(out, position + 8, Math.floor(secondOfDay / 3600));
  writeTwoDigits(out, position + 10, Math.floor(secondOfDay / 60) % 60);
  writeTwoDigits(out, position + 12, secondOfDay % 60);
  out[position + 14] = 0x5a;
}

/** The inverse of daysFromCivil. */
function civilFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapDays = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function writeTwoDigits(out: Uint8Array, position: number, value: number): void {
  out[position] = 0x30 + Math.floor(value / 10);
  out[position + 1] = 0x30 + (value % 10);
}

/** True where RFC 5280, 4.1.2.5 wants UTCTime: 1950 to 2049. */
export function fitsUtcTime(ms: number): boolean {
  return ms >= -631_152_000_000 && ms < 2_524_608_000_000;
}
