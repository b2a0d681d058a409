// What the quickstart says: each step, what is typed, what came of it, and whether it held.
const colours = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (code, text) => (colours ? `\u001b[${code}m${text}\u001b[0m` : text);

let failed = 0;
let held = 0;
let steps = 0;

export function title(text) {
  console.log(paint('1', text));
}

/** Begins a step: its name, and why it is done. */
export function step(name, why) {
  steps += 1;
  console.log(`\n${paint('1', `${steps}. ${name}`)}`);
  for (const line of why) console.log(`   ${line}`);
}

/** What is typed. */
export function typed(command) {
  console.log(`\n   ${paint('36', `$ ${command}`)}`);
}

/** What a program printed. */
export function printed(text) {
  for (const line of text.split('\n').filter(line => line.trim() !== '')) console.log(paint('2', `     ${line}`));
}

/** One outcome: a sentence that holds or does not, and what was found. */
export function check(sentence, holds, found) {
  if (holds) held += 1;
  else failed += 1;
  const mark = holds ? paint('32', '✓') : paint('31', '✗');
  console.log(`   ${mark} ${sentence}${found === undefined ? '' : paint('2', ` (${found})`)}`);
}

/** Whether every check so far has held. */
export function allHeld() {
  return failed === 0;
}

/** The last line; returns the exit status. */
export function conclude(remark) {
  const verdict =
    failed === 0 ? paint('32', `all ${held} checks held`) : paint('31', `${failed} checks failed, ${held} held`);
  console.log(`\n${verdict}${failed === 0 ? remark : ''}`);
  return failed === 0 ? 0 : 1;
}
