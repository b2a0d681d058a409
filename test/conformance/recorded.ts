/** Right answers that must not become fewer: valid ones accepted and invalid ones refused, of each class. */
export const recorded: Readonly<Record<string, { readonly valid: number; readonly invalid: number }>> = {
  algo: { valid: 0, invalid: 1 },
  anchor: { valid: 0, invalid: 14 },
  bettertls: { valid: 437, invalid: 4386 },
  core: { valid: 28, invalid: 31 },
  pkits: { valid: 52, invalid: 71 },
  strict: { valid: 0, invalid: 13 },
  webpki: { valid: 0, invalid: 12 },
};
